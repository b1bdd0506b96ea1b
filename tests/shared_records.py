"""Two small records of the package, and hubs in which one of them is otherwise."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path
from typing import Any

from zoo.manifest import FILE_NAME, embedded_folder, read_manifest, write_manifest

HOUSING = "linear_regression.california_housing"
ADULT = "logistic_regression.adult"


def stem(name: str) -> str:
    """How the files of a record of the package are named, whatever its version."""
    return read_manifest()[name].stem


def digest_of(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def altered_hub(
    folder: Path, name: str, *, content: bytes | None = None, file: str = "", **fields: Any
) -> Path:
    """A hub with one record of the package, its fields replaced, or its weights and their file."""
    folder.mkdir(parents=True)
    weights = replace(read_manifest()[name], **fields)
    artifacts = dict(weights.artifacts)
    if content is not None:
        one = artifacts["safetensors"]
        facts = {"sha256": digest_of(content), "size": len(content), "file": file or one.file}
        artifacts["safetensors"] = replace(one, **facts)
    for artifact in artifacts.values():
        source = embedded_folder() / artifact.file
        own = content if content is not None and artifact.kind == "safetensors" else None
        (folder / artifact.file).write_bytes(source.read_bytes() if own is None else own)
    weights = replace(weights, artifacts=artifacts)
    write_manifest(folder / FILE_NAME, {weights.name: weights})
    return folder
