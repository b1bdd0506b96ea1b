"""What the arrays of a training were at some step, in a few bytes each, and where two runs part."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np

LENGTH = 16  # hexadecimal digits

Digests = dict[str, str]


class Parting(NamedTuple):
    """The first step at which two runs differ, and the first tensor there."""

    step: int
    tensor: str


def digests(arrays: Mapping[str, np.ndarray]) -> Digests:
    """The start of the sha256 of each array's dtype, shape and little-endian bytes, by name."""
    return {name: _digest(arrays[name]) for name in sorted(arrays)}


def compare_figures(expected: bytes, found: bytes) -> tuple[int, str | None]:
    """How many epochs two logs share, and the first in which a loss or a metric differs."""
    pairs = list(zip(_lines(expected), _lines(found), strict=False))
    for one, other in pairs:
        for name in sorted(set(one) & set(other) - {"seconds", "step", "tensors"}):
            if one[name] != other[name]:
                where = f"epoch {one['epoch']} is the first to differ"
                return len(pairs), f"{where}: {name} {other[name]!r}, recorded {one[name]!r}"
    return len(pairs), None


def read_log(content: bytes) -> dict[int, Digests]:
    """The digests by step that a log holds; those of before there were any hold none."""
    return {line["step"]: line["tensors"] for line in _lines(content) if "tensors" in line}


def read_table(path: Path, name: str, sha256: str) -> dict[int, Digests]:
    """The digests by step that the table holds of the record with these published bytes."""
    entry = _entries(path).get(name)
    if entry is None or entry["sha256"] != sha256:
        return {}
    return {int(step): tensors for step, tensors in entry["steps"].items()}


def table_with(path: Path, name: str, sha256: str, found: Mapping[int, Digests]) -> bytes:
    """The table's content with the digests that a run of the record has shown."""
    steps = read_table(path, name, sha256) | dict(found)
    entry = {"sha256": sha256, "steps": {str(step): steps[step] for step in sorted(steps)}}
    entries = _entries(path) | {name: entry}
    return (json.dumps(dict(sorted(entries.items())), indent=1) + "\n").encode()


def first_parting(expected: Mapping[int, Digests], found: Mapping[int, Digests]) -> Parting | None:
    """Where the runs part, of the steps that both know; None where they agree on all."""
    for step in sorted(set(expected) & set(found)):
        one, other = expected[step], found[step]
        for tensor in sorted(set(one) | set(other)):
            if one.get(tensor) != other.get(tensor):
                return Parting(step, tensor)
    return None


def _lines(content: bytes) -> list[dict]:
    return [json.loads(line) for line in content.splitlines()]


def _entries(path: Path) -> dict[str, dict]:
    return dict(json.loads(path.read_bytes())) if path.is_file() else {}


def _digest(array: np.ndarray) -> str:
    little = np.ascontiguousarray(array.astype(array.dtype.newbyteorder("<"), copy=False))
    head = f"{array.dtype.name} {array.shape} ".encode()
    return hashlib.sha256(head + little.tobytes()).hexdigest()[:LENGTH]
