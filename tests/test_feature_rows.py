"""Features keep their places, in whatever form they are given."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from zoo import transforms
from zoo.errors import InputError

HOUSE = {
    "kind": "features",
    "names": ["rooms", "age", "income"],
    "mean": [5.0, 30.0, 4.0],
    "std": [2.0, 10.0, 1.0],
}
ADULT = {"kind": "features", "count": 123}


def test_named_features_are_put_in_order_and_standardised() -> None:
    row = transforms.features({"income": 5, "rooms": 7.0, "age": 20}, HOUSE)
    assert row.dtype == np.float32
    np.testing.assert_allclose(row, [[1.0, -1.0, 1.0]])


@pytest.mark.parametrize(
    ("raw", "rows"),
    [
        ([7, 20, 5], 1),
        ("7 20 5", 1),
        ("7,20,5", 1),
        (np.array([7, 20, 5]), 1),
        (np.array([[7, 20, 5]] * 4), 4),
        ([[7, 20, 5], {"rooms": 7, "age": 20, "income": 5}], 2),
    ],
)
def test_features_in_other_forms(raw: Any, rows: int) -> None:
    np.testing.assert_allclose(transforms.features(raw, HOUSE), [[1.0, -1.0, 1.0]] * rows)
    assert transforms.is_batch(raw, HOUSE) is (rows > 1)


@pytest.mark.parametrize("raw", ["3:1 11:1 123:1", "-1 3:1 11:1 123:1", [3, 11, 123]])
def test_sparse_features(raw: Any) -> None:
    expected = np.zeros((1, 123), np.float32)
    expected[0, [2, 10, 122]] = 1
    np.testing.assert_array_equal(transforms.features(raw, ADULT), expected)
    np.testing.assert_array_equal(transforms.features(expected[0], ADULT), expected)
    np.testing.assert_array_equal(transforms.features([raw, expected[0]], ADULT)[0], expected[0])


@pytest.mark.parametrize(
    ("raw", "preprocessing", "message"),
    [
        ({"rooms": 1, "age": 2}, HOUSE, "Missing feature 'income'"),
        (
            {"rooms": 1, "age": 2, "incomes": 3},
            HOUSE,
            "no feature 'incomes'. Did you mean 'income'",
        ),
        ({"rooms": 1, "age": "old", "income": 3}, HOUSE, "Features are numbers"),
        ({"rooms": 1, "age": np.nan, "income": 3}, HOUSE, "'age' is not a finite number"),
        ([1, 2], HOUSE, "takes 3 features, not 2: rooms, age, income"),
        (np.zeros((2, 4)), HOUSE, "takes 3 features, not 4"),
        (np.zeros((1, 2, 3)), HOUSE, "takes 3 features, not shape"),
        (np.zeros((0, 3)), HOUSE, "the input is empty"),
        ([], HOUSE, "the input is empty"),
        ("1,,3", HOUSE, "Cell 2 of 3 is empty in '1,,3'"),
        (["1,2,3", "1,2,"], HOUSE, "Row 2 of 2: Cell 3 of 3 is empty"),
        ([[1, 2, 3], [1, 2]], HOUSE, "Row 2 of 2: The model takes 3 features, not 2"),
        ([[1, 2, np.nan]], HOUSE, "^Feature 'income' is not a finite number"),
        (5, HOUSE, "takes 3 features"),
        ({"a": 1}, ADULT, "no names"),
        ("0:1", ADULT, "go from 1 to 123, not 0"),
        ([3, 124], ADULT, "go from 1 to 123, not 124"),
        ([3, 11, 3], ADULT, "Feature 3 is given twice"),
        ([1, 0, 1], ADULT, "takes 123 features, not 3"),
        ([1, 1], ADULT, "takes 123 features, not 2"),
        ([0], ADULT, "go from 1 to 123, not 0"),
        ([0, 3], ADULT, "go from 1 to 123, not 0"),
        ("3:1 11:1 3:0", ADULT, "Feature 3 is given twice"),
        ("03:1 3:1", ADULT, "Feature 3 is given twice"),
        ("3:x", ADULT, "'3:x' is no index:value pair"),
        ("3:1 11", ADULT, "'11' is no index:value pair"),
        ("a b", ADULT, "Features are numbers"),
        ("1e300,2,3", HOUSE, "'rooms' is not a finite number"),
        ("3:1e300", ADULT, "Feature 3 is not a finite number"),
        ([10**400, 2, 3], HOUSE, "Features are numbers"),
        ([0.0] * 122 + [np.inf], ADULT, "Feature 123 is not a finite number"),
    ],
)
def test_features_that_do_not_fit_are_refused(
    raw: Any, preprocessing: dict[str, Any], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        transforms.features(raw, preprocessing)


def test_a_list_of_texts() -> None:
    rows = transforms.features(["5 40 3", "6, 30, 4"], HOUSE)
    np.testing.assert_array_equal(rows, transforms.features([[5, 40, 3], [6, 30, 4]], HOUSE))
    assert transforms.is_batch(["5 40 3"], HOUSE)
    assert not transforms.is_batch(["5", "40", "3"], HOUSE)
