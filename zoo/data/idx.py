"""The idx format of MNIST's files: a magic number, the shape, then the bytes.

http://yann.lecun.com/exdb/mnist/ describes it; only unsigned bytes are read here.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from zoo.errors import DataError

_UNSIGNED_BYTE = 8
_MOST_DIMENSIONS = 4


def parse(data: bytes, file: str) -> NDArray[np.uint8]:
    """A read-only uint8 array over the bytes. Raises DataError that names `file`."""
    if len(data) < 4 or data[:2] != b"\0\0":
        raise DataError(f"{file} is not an idx file: it begins with {data[:4].hex() or 'nothing'}")
    kind, dimensions = data[2], data[3]
    if kind != _UNSIGNED_BYTE:
        raise DataError(f"{file} holds idx type 0x{kind:02x}; only unsigned bytes (0x08) are read")
    if not 1 <= dimensions <= _MOST_DIMENSIONS:
        raise DataError(f"{file} says it has {dimensions} dimensions, must be 1 to 4")
    start = 4 + 4 * dimensions
    if len(data) < start:
        raise DataError(f"{file} ends inside its header, after {len(data)} bytes")
    shape = tuple(int(size) for size in np.frombuffer(data, ">u4", dimensions, 4))
    if start + math.prod(shape) != len(data):
        raise DataError(
            f"{file} has {len(data)} bytes, but its shape {shape} needs {start + math.prod(shape)}"
        )
    return np.frombuffer(data, np.uint8, offset=start).reshape(shape)
