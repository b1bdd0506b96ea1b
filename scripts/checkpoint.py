"""Checkpoints that survive a kill at any moment: written whole or not at all, and no pickle.

A checkpoint is one safetensors file: arrays, and beside them the run's progress as JSON, and the
sha256 of both. The two newest are kept, so that a damaged one costs a step and not the run.
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from zoo import params
from zoo.errors import WeightsError

KEPT = 2


class Checkpoint(NamedTuple):
    """`arrays` by name, and `progress`: whatever JSON can hold."""

    arrays: dict[str, np.ndarray]
    progress: dict[str, Any]


def save(
    folder: Path, step: int, arrays: Mapping[str, np.ndarray], progress: Mapping[str, Any]
) -> None:
    """Write the checkpoint of `step`, and keep with it the one before. Raises OSError.

    Those of later steps were damaged and passed over, and are removed.
    """
    folder.mkdir(parents=True, exist_ok=True)
    text = json.dumps(progress)
    metadata = {"progress": text, "sha256": _digest(text, arrays)}
    path = folder / f"step-{step:08d}.safetensors"
    params.write(path, arrays, metadata)
    known = _newest_first(folder)
    at = known.index(path)
    for other in known[:at] + known[at + KEPT :]:
        other.unlink(missing_ok=True)


def load(folder: Path) -> Checkpoint | None:
    """The newest checkpoint that is whole, or None where there is none."""
    found = _newest_whole(folder)
    return found[1] if found else None


def newest(folder: Path) -> bytes | None:
    """The bytes of the newest checkpoint that is whole, or None where there is none."""
    found = _newest_whole(folder)
    return found[0] if found else None


def _newest_whole(folder: Path) -> tuple[bytes, Checkpoint] | None:
    paths = _newest_first(folder)
    while paths:
        path = paths.pop(0)
        try:
            content = path.read_bytes()
            return content, decode(content)
        except (WeightsError, KeyError, ValueError) as error:
            instead = "going on from the one before" if paths else "none is left, starting anew"
            print(f"{path} is damaged ({error}): {instead}.", file=sys.stderr)
    return None


def decode(content: bytes) -> Checkpoint:
    """The checkpoint in a file's bytes. Raises WeightsError, KeyError or ValueError."""
    metadata, arrays = params.read_metadata(content), params.read(content)
    text = metadata["progress"]
    digest = _digest(text, arrays)  # those of before 0.1.0 hold none
    if metadata.get("sha256", digest) != digest:
        raise ValueError("its content is not what was written")
    return Checkpoint(arrays, json.loads(text))


def _digest(progress: str, arrays: Mapping[str, np.ndarray]) -> str:
    digest = hashlib.sha256(progress.encode())
    for name in sorted(arrays):
        array = arrays[name]
        digest.update(f"{name} {array.dtype.name} {array.shape} ".encode())
        digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()


def _newest_first(folder: Path) -> list[Path]:
    return sorted(folder.glob("step-*.safetensors"), reverse=True)
