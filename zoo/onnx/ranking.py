"""Rows in the order of their scores, as detectors give them, from two runtimes.

Two runtimes round differently, so that rows whose scores are all but equal may change places. That
alone is no difference: here the rows of one are put in the order of the other.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zoo.onnx.symbol import Node

Array = NDArray[Any]

_RANKING = ("_contrib_box_nms", "_contrib_MultiBoxDetection", "argsort", "sort", "topk")


def ranks(nodes: Iterable[Node]) -> bool:
    """Whether any of the nodes puts something in the order of numbers."""
    return any(node.op in _RANKING for node in nodes)


def in_order_of(expected: Sequence[Array], found: Sequence[Array], tolerance: float) -> list[Array]:
    """`found` with rows of all but equal scores in the places that they have in `expected`.

    Outputs of the shape (batch, rows, ...) with the same batch and rows belong together. One of
    them must agree in place, within `tolerance` of its largest number: the scores. A row moves
    only among those whose scores differ by less than that, as a whole and to a row that it agrees
    with; where that does not work out for every row, `found` is given back as it is.
    """
    result = list(found)
    for places in _groups(expected, found):
        order = _order([expected[k] for k in places], [found[k] for k in places], tolerance)
        for k in places if order is not None else ():
            result[k] = np.take_along_axis(found[k], _spread(order, found[k].ndim), 1)
    return result


def _groups(expected: Sequence[Array], found: Sequence[Array]) -> list[list[int]]:
    groups: dict[tuple[int, ...], list[int]] = {}
    for place, (one, other) in enumerate(zip(expected, found, strict=True)):
        if one.ndim >= 2 and one.shape == other.shape and one.size:
            groups.setdefault(one.shape[:2], []).append(place)
    return [places for places in groups.values() if len(places) > 1]


def _order(expected: Sequence[Array], found: Sequence[Array], tolerance: float) -> Any:
    """For each row of `expected` the row of `found` that it is, or None."""
    ones, others = zip(*(_scaled(*pair) for pair in zip(expected, found, strict=True)), strict=True)
    keys = [k for k, one in enumerate(ones) if np.allclose(one, others[k], rtol=0, atol=tolerance)]
    if not keys or len(keys) == len(ones):
        return None
    key = min(keys, key=lambda k: ones[k].shape[2])
    rows, candidates = np.concatenate(ones, 2), np.concatenate(others, 2)
    order = [
        _matched(*picture, tolerance) for picture in zip(rows, candidates, ones[key], strict=True)
    ]
    return None if any(one is None for one in order) else np.array(order)


def _scaled(one: Array, other: Array) -> tuple[Array, Array]:
    """Both as (batch, rows, numbers), relative to the largest number."""
    scale = float(np.abs(one).max()) or 1.0
    shape = (*one.shape[:2], -1)
    return one.reshape(shape) / scale, other.reshape(shape) / scale


def _matched(rows: Array, candidates: Array, scores: Array, tolerance: float) -> Array | None:
    order = np.arange(len(rows))
    astray = np.flatnonzero(np.abs(rows - candidates).max(1) > tolerance)
    free = np.ones(len(astray), bool)
    for place in astray:
        near = np.abs(scores[astray] - scores[place]).max(1) <= tolerance
        same = np.abs(candidates[astray] - rows[place]).max(1) <= tolerance
        chosen = np.flatnonzero(free & near & same)
        if not len(chosen):
            return None
        free[chosen[0]] = False
        order[place] = astray[chosen[0]]
    return order


def _spread(order: Array, rank: int) -> Array:
    return order.reshape(*order.shape, *[1] * (rank - 2))
