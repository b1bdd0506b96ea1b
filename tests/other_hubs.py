"""Hubs of somebody else: folders with a manifest and files, and the same behind a web server."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path
from typing import Any

from file_server import FileServer
from records import artifact, record

from zoo.manifest import FILE_NAME, Weights, embedded_folder, read_manifest, write_manifest

ENCODED = b"bytes of some weights"


def published(name: str, content: bytes = ENCODED, **fields: Any) -> tuple[Weights, bytes]:
    """A record, and the content of its one file; `fields` are the artifact's."""
    architecture, tag = name.split(".")
    one = artifact(content, f"{name}.safetensors", dtype="float32", **fields)
    files = {"safetensors": one.to_json()}
    document = record(architecture=architecture, tag=tag, artifacts=files)
    return Weights.from_json(document), content


def write_hub(folder: Path, *records: tuple[Weights, bytes]) -> Path:
    """A hub with these records, or with `lenet.own` alone."""
    folder.mkdir(parents=True, exist_ok=True)
    chosen = records or (published("lenet.own"),)
    for one, content in chosen:
        (folder / one.artifact("safetensors").file).write_bytes(content)
    write_manifest(folder / FILE_NAME, {one.name: one for one, _ in chosen})
    return folder


def serve(server: FileServer, folder: Path, at: str = "") -> str:
    """Let the server have the folder's files and no others below `at`; the hub's address."""
    for name in [one for one in server.files if one.startswith(at)]:
        del server.files[name]
    for path in folder.iterdir():
        server.files[f"{at}{path.name}"] = path.read_bytes()
    return f"{server.mirror()}/{at}".rstrip("/")


def real_hub(folder: Path, name: str = "linear_regression.california_housing") -> Path:
    """A hub with one record of the package, its files under their own names."""
    weights = read_manifest(embedded_folder() / FILE_NAME)[name]
    folder.mkdir(parents=True, exist_ok=True)
    for one in weights.artifacts.values():
        shutil.copy(embedded_folder() / one.file, folder)
    write_manifest(folder / FILE_NAME, {name: weights})
    return folder


def digest_of(folder: Path) -> str:
    """By which a hub may be pinned."""
    return hashlib.sha256((folder / FILE_NAME).read_bytes()).hexdigest()
