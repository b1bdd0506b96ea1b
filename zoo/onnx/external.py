"""A model whose weights lie in a second file beside it, as those above 2 GiB must."""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import shutil
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import onnx
from google.protobuf.message import DecodeError  # type: ignore[import-untyped]
from numpy.typing import NDArray
from onnx import TensorProto
from onnx.external_data_helper import set_external_data

from zoo.atomic import atomic_file, sweep, sync_folder
from zoo.byte_order import little_endian
from zoo.onnx.graph import set_metadata
from zoo.onnx.serialization import serialize
from zoo.owners import own_path

DIGEST = "external_data_sha256"  # the key in the model's metadata

_PAGE = 4096  # tensors begin at one, so that runtimes can map them
_SMALL = 1024  # bytes of a tensor that stays within the model
_DATA = "data"


def write_one_file(target: Path, pieces: Iterable[bytes]) -> str:
    """Write a model that needs no second file; the data of the one before go.

    Returns its sha256. Raises OSError.
    """
    before, digest = _data_of(target), hashlib.sha256()
    with atomic_file(target) as file:
        for piece in pieces:
            digest.update(piece)
            file.write(piece)
    _remove(before, target)
    return digest.hexdigest()


@contextlib.contextmanager
def pair_of_files(
    model: onnx.ModelProto, target: Path, arrays: Mapping[str, NDArray[Any]] | None = None
) -> Iterator[tuple[Path, Path]]:
    """Model and data while they can be tried; both get their names when the block ends.

    The data file is called after `target` and its own digest, `net.onnx.0123456789abcdef.data`,
    and gets its name first: whichever model is at `target`, its data is beside it. The data of the
    model that was there before are removed last. `model` loses its large tensors, and those whose
    bytes are in `arrays`; metadata that it gets within the block is written too. Raises OSError,
    ExportError for a model that is too large without them.
    """
    sweep(target)
    folder = own_path(target.parent, target.name)
    folder.mkdir()
    try:
        digest = _move_tensors(model, arrays or {}, folder / _DATA)
        name = f"{target.name}.{digest[:16]}.data"
        (folder / _DATA).rename(folder / name)
        for tensor in _external(model):
            _place(tensor, name)
        set_metadata(model, {DIGEST: digest})
        path = folder / target.name
        _write(path, model)
        yield path, folder / name
        _write(path, model)
        before = _data_of(target)
        _name_both(path, folder / name, target)
        _remove(before - {name}, target)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _move_tensors(model: onnx.ModelProto, arrays: Mapping[str, NDArray[Any]], path: Path) -> str:
    """Move the large initializers to a file, one after the other; returns its sha256."""
    digest = hashlib.sha256()
    with path.open("xb") as file:
        for tensor in model.graph.initializer:
            empty = tensor.name in arrays
            content = little_endian(arrays[tensor.name]) if empty else tensor.raw_data
            if empty:
                tensor.raw_data = b""  # never the bytes: protobuf keeps their memory
            elif len(content) < _SMALL:
                continue
            padding = bytes(-file.tell() % _PAGE)
            set_external_data(tensor, "", file.tell() + len(padding), len(content))
            for part in (padding, content):
                digest.update(part)
                file.write(part)
            tensor.ClearField("raw_data")
        file.flush()
        os.fsync(file.fileno())
    return digest.hexdigest()


def _external(model: onnx.ModelProto) -> Iterator[TensorProto]:
    return (one for one in model.graph.initializer if one.data_location == TensorProto.EXTERNAL)


def _place(tensor: TensorProto, name: str) -> None:
    next(one for one in tensor.external_data if one.key == "location").value = name


def _write(path: Path, model: onnx.ModelProto) -> None:
    with path.open("wb") as file:
        file.write(serialize(model))
        file.flush()
        os.fsync(file.fileno())


def _name_both(model: Path, data: Path, target: Path) -> None:
    place = target.with_name(data.name)
    is_new = not place.exists()
    os.replace(data, place)
    try:
        os.replace(model, target)
    except OSError:
        if is_new:
            place.unlink()
        raise
    sync_folder(target.parent)


def _remove(names: set[str], target: Path) -> None:
    for name in names:
        target.with_name(name).unlink(missing_ok=True)


def _data_of(target: Path) -> set[str]:
    """The files that an earlier model at `target` has its tensors in, if they are called so."""
    form = re.compile(re.escape(target.name) + r"\.[0-9a-f]{16}\.data")
    if not any(form.fullmatch(one.name) for one in target.parent.iterdir()):
        return set()  # rather than parse a large model for nothing
    try:
        model = onnx.load(target, load_external_data=False)
    except (OSError, DecodeError):
        return set()
    places = (entry for tensor in _external(model) for entry in tensor.external_data)
    return {one.value for one in places if one.key == "location" and form.fullmatch(one.value)}
