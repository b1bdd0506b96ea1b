from __future__ import annotations

import numpy as np
import pytest

from zoo.data.adult import rows
from zoo.errors import DataError


def test_the_published_rows(dataset):
    data = dataset("adult")
    assert [len(s) for s in (data.train, data.validation, data.test)] == [29_305, 3_256, 16_281]
    assert data.train.targets.sum() + data.validation.targets.sum() == 7_841
    assert data.test.targets.sum() == 3_846
    for split in (data.train, data.validation, data.test):
        assert split.inputs.shape == (len(split), 123)
        assert (split.inputs.dtype, split.targets.dtype) == (np.float32, np.int64)
        assert set(np.unique(split.inputs)) == {0, 1}
        assert not split.inputs.flags.writeable
    assert [split.inputs[:, 122].sum() for split in (data.train, data.validation)] == [0, 1]


def test_the_first_row_is_the_first_line(dataset):
    first = dataset("adult").train
    columns = [3, 11, 14, 19, 39, 42, 55, 64, 67, 73, 75, 76, 80, 83]
    assert (np.flatnonzero(first.inputs[0]) + 1).tolist() == columns
    assert first.targets[0] == 0


def test_rows():
    split = rows(b"-1 1:1 123:1 \n+1\n+1 2:1\n", "x")
    assert split.targets.tolist() == [0, 1, 1]
    assert [np.flatnonzero(row).tolist() for row in split.inputs] == [[0, 122], [], [1]]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "line 1 of x is not"),
        (b"-1 3:1\n0 3:1\n", "line 2 of x is not"),
        (b"-1 3:1\n\n+1 3:1\n", "line 2 of x is not"),
        (b"-1 3:0\n", "line 1 of x is not"),
        (b"-1 3:1,4:1\n", "line 1 of x is not"),
        (b"-1 0:1\n", "line 1 of x is not"),
        (b"+1 a:1\n", "line 1 of x is not"),
        (b"+1 1:1\n-1 7:1 124:1\n", "line 2 of x has feature 124, must be 1 to 123"),
    ],
)
def test_rows_names_the_line_that_is_wrong(data, message):
    with pytest.raises(DataError, match=message):
        rows(data, "x")
