from __future__ import annotations

import struct

import numpy as np
import pytest

from zoo.data import idx
from zoo.errors import DataError


def idx_bytes(array, kind=8):
    header = struct.pack(f">BBBB{array.ndim}I", 0, 0, kind, array.ndim, *array.shape)
    return header + array.tobytes()


@pytest.mark.parametrize("shape", [(0,), (7,), (2, 3, 4), (2, 1, 3, 1)])
def test_parse_gives_the_array_back(shape):
    array = np.arange(np.prod(shape), dtype=np.uint8).reshape(shape)
    parsed = idx.parse(idx_bytes(array), "x")
    np.testing.assert_array_equal(parsed, array)
    assert parsed.dtype == np.uint8
    assert not parsed.flags.writeable


LABELS = idx_bytes(np.zeros(5, np.uint8))


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "x is not an idx file: it begins with nothing"),
        (b"\x1f\x8b\x08\x00" + LABELS, "not an idx file: it begins with 1f8b0800"),
        (b"<html></html>", "not an idx file"),
        (idx_bytes(np.zeros(5, np.uint8), kind=13), "holds idx type 0x0d"),
        (b"\0\0\x08\0", "says it has 0 dimensions"),
        (b"\0\0\x08\xff", "says it has 255 dimensions"),
        (LABELS[:6], "ends inside its header, after 6 bytes"),
        (LABELS[:-1], r"has 12 bytes, but its shape \(5,\) needs 13"),
        (LABELS + b"\0", r"has 14 bytes, but its shape \(5,\) needs 13"),
        (struct.pack(">BBBB4I", 0, 0, 8, 4, *[2**32 - 1] * 4), "has 20 bytes, but its shape"),
    ],
)
def test_parse_refuses_damaged_files(data, message):
    with pytest.raises(DataError, match=message):
        idx.parse(data, "x")
