"""MXNet's `.params` format, written by hand: good files, and every bad one that tests want."""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

START = struct.pack("<QQ", 0x112, 0)
FLAGS = {"float32": 0, "float64": 1, "float16": 2, "uint8": 3, "int32": 4, "int8": 5, "int64": 6}
FLAGS |= {"bool": 7, "int16": 8, "uint16": 9}
VERSIONS = {1: 0xF993FAC8, 2: 0xF993FAC9, 3: 0xF993FACA}


def one_array(
    array: np.ndarray[Any, Any],
    version: int = 2,
    *,
    shape: Sequence[int] | None = None,
    rank: int | None = None,
    flag: int | None = None,
    storage: int = 0,
) -> bytes:
    """One array as MXNet writes it; the keywords lie about it."""
    dimensions = array.shape if shape is None else shape
    rank = len(dimensions) if rank is None else rank
    if version == 0:
        head = struct.pack(f"<I{len(dimensions)}I", rank, *dimensions)
    else:
        head = struct.pack("<I", VERSIONS[version])
        head += struct.pack("<i", storage) if version > 1 else b""
        head += struct.pack(f"<i{len(dimensions)}q", rank, *dimensions)
    flag = FLAGS[array.dtype.name] if flag is None else flag
    return head + struct.pack("<iii", 1, 0, flag) + array.tobytes()


def joined(arrays: Sequence[bytes], names: Sequence[bytes], /, **claimed: int) -> bytes:
    """A file of arrays and names; `arrays` and `names` claim other numbers of them."""
    parts = [START, struct.pack("<Q", claimed.get("arrays", len(arrays))), *arrays]
    parts.append(struct.pack("<Q", claimed.get("names", len(names))))
    parts += [struct.pack("<Q", len(name)) + name for name in names]
    return b"".join(parts)


def params_file(arrays: Mapping[str, np.ndarray[Any, Any]], version: int = 2) -> bytes:
    """The bytes of a good file."""
    return joined([one_array(one, version) for one in arrays.values()], [*map(str.encode, arrays)])
