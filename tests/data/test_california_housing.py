from __future__ import annotations

import numpy as np
import pytest

from zoo.data.california_housing import rows
from zoo.errors import DataError

ROW = b"-122.23,37.88,41,880,129,322,126,8.3252,452600"


def test_the_published_rows(dataset):
    data = dataset("california_housing")
    parts = (data.train, data.validation, data.test)
    assert [len(part) for part in parts] == [14_448, 2_064, 4_128]
    targets = np.concatenate([part.targets for part in parts])
    assert targets.min() == np.float32(0.14999)
    assert targets.max() == np.float32(5.00001)
    assert targets.mean(dtype=np.float64) == pytest.approx(2.068558169, abs=1e-8)
    for part in parts:
        assert part.inputs.shape == (len(part), 8)
        assert (part.inputs.dtype, part.targets.dtype) == (np.float32, np.float32)
        assert not part.inputs.flags.writeable
    assert len(data.about.features) == 8


def test_no_row_is_in_two_parts(dataset):
    data = dataset("california_housing")
    inputs = np.concatenate([data.train.inputs, data.validation.inputs, data.test.inputs])
    assert len(np.unique(inputs, axis=0)) == 20_640


def test_the_parts_are_alike(dataset):
    data = dataset("california_housing")
    for part in (data.validation, data.test):
        apart = np.abs(part.inputs.mean(0) - data.train.inputs.mean(0)) / data.train.inputs.std(0)
        assert apart.max() < 0.08


def test_rows():
    split = rows(ROW + b"\n" + ROW + b"\n", "x")
    assert split.inputs.shape == (2, 8)
    assert (
        split.inputs[1].tolist()
        == np.float32([-122.23, 37.88, 41, 880, 129, 322, 126, 8.3252]).tolist()
    )
    assert split.targets.tolist() == [np.float32(4.526)] * 2


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "line 1 of x is not numeric"),
        (ROW + b"\nlongitude,latitude\n", "line 2 of x is not numeric: b'longitude,latitude'"),
        (ROW + b"\n" + ROW + b",1\n", "line 2 of x is not nine finite numbers"),
        (ROW.replace(b"880", b"nan"), "line 1 of x is not nine finite numbers"),
        (ROW.replace(b"880", b""), "line 1 of x is not numeric"),
    ],
)
def test_rows_names_the_line_that_is_wrong(data, message):
    with pytest.raises(DataError, match=message):
        rows(data, "x")
