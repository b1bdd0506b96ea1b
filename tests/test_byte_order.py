"""One order of bytes, whatever the array's own and its layout."""

from __future__ import annotations

import numpy as np
import pytest

from zoo.byte_order import little_endian


@pytest.mark.parametrize("order", ["<", ">"])
def test_the_bytes_are_little_endian_in_c_order(order: str) -> None:
    array = np.array([[1, 2], [3, 4]], np.dtype("int16").newbyteorder(order))
    assert little_endian(array) == b"\1\0\2\0\3\0\4\0"
    assert little_endian(array.T) == b"\1\0\3\0\2\0\4\0"
