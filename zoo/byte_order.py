"""Arrays as the bytes that files hold: little-endian, in C order, on any machine."""

from __future__ import annotations

from typing import Any

from numpy.typing import NDArray


def little_endian(array: NDArray[Any]) -> bytes:
    """The array's bytes as safetensors files, ONNX's raw_data and the manifest have them."""
    return array.astype(array.dtype.newbyteorder("<"), copy=False).tobytes()
