"""The structure of a safetensors file, checked before any library sees it.

The format: eight bytes that hold the header's length (little endian), a JSON header that gives
dtype, shape and byte range of every tensor, and the tensors' bytes without holes.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any

from zoo.errors import WeightsError
from zoo.strict_json import parse

ITEM_SIZES = {
    "F64": 8,
    "F32": 4,
    "F16": 2,
    "I64": 8,
    "I32": 4,
    "I16": 2,
    "I8": 1,
    "U8": 1,
    "BOOL": 1,
}
LONGEST_HEADER = 4 << 20
_MOST_VALUES = 160_000
_MOST_TENSORS = 20_000
_LARGEST_RANK = 16
_LARGEST_ARRAY = 2**63 - 1  # bytes, that NumPy allows with empty axes left out
_NAME = re.compile(r"[^\x00-\x1f\x7f/\\]{1,256}")


def header_length(start: bytes, size: int) -> int:
    """Length of the header, from the first eight bytes of a file of `size` bytes."""
    if len(start) < 8:
        raise WeightsError(f"{size} bytes are too few for a safetensors file.")
    length = int.from_bytes(start[:8], "little")
    if length > LONGEST_HEADER:
        raise WeightsError(
            f"the header claims {length} bytes, more than {LONGEST_HEADER}: no safetensors file."
        )
    if 8 + length > size:
        raise WeightsError(
            f"the header claims {length} bytes, the file has {size}: it is cut or no safetensors."
        )
    return length


def check_header(header: bytes, body: int) -> None:
    """Refuse a header that does not describe exactly `body` bytes of well-formed tensors.

    Raises WeightsError naming the tensor.
    """
    entries = _parse(header)
    _check_metadata(entries.pop("__metadata__", {}))
    if len(entries) > _MOST_TENSORS:
        raise WeightsError(f"{len(entries)} tensors are more than {_MOST_TENSORS}.")
    end = 0
    for name, entry in entries.items():
        if not _NAME.fullmatch(name) or ".." in name:
            raise WeightsError(f"the tensor name {name[:80]!r} is not plain text without paths.")
        end = _check_tensor(name, entry, end)
    if end != body:
        raise WeightsError(f"the tensors take {end} bytes, the file holds {body}.")


def _parse(header: bytes) -> dict[str, Any]:
    if not header.startswith(b"{"):
        raise WeightsError("the header is not a JSON object.")
    try:
        entries = parse(header, most_bytes=LONGEST_HEADER, most_parts=_MOST_VALUES)
    except ValueError as error:
        raise WeightsError(f"the header cannot be read: {str(error)[:120]}.") from None
    if not isinstance(entries, dict):
        raise WeightsError("the header is not a JSON object.")
    return entries


def _check_metadata(metadata: Any) -> None:
    if not isinstance(metadata, Mapping) or any(type(one) is not str for one in metadata.values()):
        raise WeightsError("__metadata__ is not a table of texts.")


def _check_tensor(name: str, entry: Any, start: int) -> int:
    """Check one entry that must begin at `start`; give its end."""
    if not isinstance(entry, Mapping) or set(entry) != {"dtype", "shape", "data_offsets"}:
        raise WeightsError(f"tensor {name!r} has not exactly dtype, shape and data_offsets.")
    dtype, shape, offsets = entry["dtype"], entry["shape"], entry["data_offsets"]
    if not isinstance(dtype, str) or dtype not in ITEM_SIZES:
        known = ", ".join(ITEM_SIZES)
        raise WeightsError(f"tensor {name!r} has dtype {str(dtype)[:20]!r}, not one of {known}.")
    if not _are_counts(shape) or len(shape) > _LARGEST_RANK:
        raise WeightsError(
            f"tensor {name!r}: the shape is not a list of at most {_LARGEST_RANK} "
            "non-negative integers."
        )
    if not _are_counts(offsets) or len(offsets) != 2:
        raise WeightsError(f"tensor {name!r}: data_offsets is not a pair of positions.")
    if offsets[0] != start:
        what = "a hole before it" if offsets[0] > start else "an overlap or another order"
        raise WeightsError(
            f"tensor {name!r} starts at byte {offsets[0]} instead of {start}: {what}."
        )
    if math.prod(one or 1 for one in shape) * ITEM_SIZES[dtype] > _LARGEST_ARRAY:
        raise WeightsError(f"tensor {name!r} has a shape that no array can have: {tuple(shape)}.")
    needed = math.prod(shape) * ITEM_SIZES[dtype]
    if offsets[1] - offsets[0] != needed:
        raise WeightsError(
            f"tensor {name!r}: {dtype} {tuple(shape)} needs {needed} bytes, "
            f"data_offsets give it {offsets[1] - offsets[0]}."
        )
    return start + needed


def _are_counts(value: Any) -> bool:
    return isinstance(value, list) and all(type(one) is int and 0 <= one < 1 << 48 for one in value)
