"""Rows whose scores are all but equal may change places; nothing else is forgiven."""

from __future__ import annotations

import numpy as np
import pytest

from zoo.onnx.ranking import in_order_of

TOLERANCE = 1e-4
SCORES = np.array([[0.9, 0.500001, 0.5, 0.2, -1, -1]], np.float32)
KINDS = np.array([[3, 1, 2, 1, -1, -1]], np.float32)
PLACES = np.arange(24, dtype=np.float32).reshape(1, 6, 4)


def rows(order: list[int]) -> list[np.ndarray]:
    """Classes, scores and boxes in another order of the rows."""
    return [KINDS[:, order], SCORES[:, order], PLACES[:, order]]


@pytest.mark.parametrize("swapped", [[0, 1, 2, 3, 4, 5], [0, 2, 1, 3, 4, 5], [0, 1, 2, 3, 5, 4]])
def test_rows_of_nearly_equal_scores_go_back_to_their_places(swapped: list[int]) -> None:
    expected = rows([0, 1, 2, 3, 4, 5])
    for one, other in zip(expected, in_order_of(expected, rows(swapped), TOLERANCE), strict=True):
        np.testing.assert_allclose(one, other, rtol=0, atol=2e-6)


@pytest.mark.parametrize("swapped", [[1, 0, 2, 3, 4, 5], [0, 1, 3, 2, 4, 5]])
def test_rows_of_other_scores_stay_where_they_are(swapped: list[int]) -> None:
    found = rows(swapped)
    for one, other in zip(
        found, in_order_of(rows([0, 1, 2, 3, 4, 5]), found, TOLERANCE), strict=True
    ):
        np.testing.assert_array_equal(one, other)


def test_a_row_moves_as_a_whole() -> None:
    kinds, scores, _ = rows([0, 2, 1, 3, 4, 5])
    found = [kinds, scores, PLACES]
    result = in_order_of(rows([0, 1, 2, 3, 4, 5]), found, TOLERANCE)
    assert all(one is other for one, other in zip(found, result, strict=True))


def test_a_row_serves_once() -> None:
    kinds, scores, places = (one.copy() for one in rows([0, 2, 1, 3, 4, 5]))
    kinds[0, 1], places[0, 1] = kinds[0, 2], places[0, 2]
    result = in_order_of(rows([0, 1, 2, 3, 4, 5]), [kinds, scores, places], TOLERANCE)
    assert not np.array_equal(result[0], KINDS)


def test_pictures_are_ordered_each_by_itself() -> None:
    expected = [np.concatenate([one, one]) for one in rows([0, 1, 2, 3, 4, 5])]
    found = [
        np.concatenate(pair)
        for pair in zip(rows([0, 1, 2, 3, 4, 5]), rows([0, 2, 1, 3, 4, 5]), strict=True)
    ]
    for one, other in zip(expected, in_order_of(expected, found, TOLERANCE), strict=True):
        np.testing.assert_allclose(one, other, rtol=0, atol=2e-6)


def test_outputs_without_scores_are_left_alone() -> None:
    expected, found = [PLACES], [PLACES[:, ::-1]]
    assert in_order_of(expected, found, TOLERANCE)[0] is found[0]
