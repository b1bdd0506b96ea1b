"""The final fit learns train and validation, the latter behind the former, and never the test."""

from __future__ import annotations

import numpy as np
import pytest
from final_fit import with_validation
from numpy.typing import NDArray

from zoo.data import Dataset, Split, TextDataset
from zoo.data.dataset import About
from zoo.text import Vocabulary

ABOUT = About("sample", "any", "A few numbers.", "By hand.", "https://example.org", "none", "none")


def split(*numbers: int) -> Split:
    inputs = np.array(numbers, np.uint8)
    return Split(inputs, 10 * inputs)


def stream(*numbers: int) -> NDArray[np.int32]:
    return np.array(numbers, np.int32)


def test_examples() -> None:
    whole = Dataset(ABOUT, split(5, 3, 4), split(1, 2), split(9), {})
    fitted = with_validation(whole)
    np.testing.assert_array_equal(fitted.train.inputs, [5, 3, 4, 1, 2])
    np.testing.assert_array_equal(fitted.train.targets, [50, 30, 40, 10, 20])
    assert fitted.test is whole.test
    assert len(whole.train.inputs) == 3


def test_text() -> None:
    vocabulary = Vocabulary(tuple("abcd"))
    whole = TextDataset(
        ABOUT, stream(3, 1, 2), stream(0, 1), stream(2), vocabulary, "character", {}
    )
    fitted = with_validation(whole)
    np.testing.assert_array_equal(fitted.train, [3, 1, 2, 0, 1])
    assert fitted.test is whole.test
    with pytest.raises(ValueError, match="read-only"):
        fitted.train[0] = 0
