"""safetensors files written by hand, good and bad."""

from __future__ import annotations

import json
from typing import Any


def safetensors_file(header: Any, body: bytes = b"") -> bytes:
    """The header's length, the header (bytes, or what JSON says of anything else), the body."""
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + body


def entry(start: int, end: int, shape: Any = None, dtype: Any = "F32") -> dict[str, Any]:
    """A tensor from `start` to `end` of the body; without a shape a vector of that many floats."""
    shape = [(end - start) // 4] if shape is None else shape
    return {"dtype": dtype, "shape": shape, "data_offsets": [start, end]}
