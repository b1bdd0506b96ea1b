"""Arguments and options that several commands share."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from zoo.errors import ZooError
    from zoo.manifest import Weights


class Runtime(str, Enum):
    """What runs a network."""

    onnx = "onnx"
    mxnet = "mxnet"


class Task(str, Enum):
    """What a network is for."""

    image_classification = "image-classification"
    tabular_classification = "tabular-classification"
    tabular_regression = "tabular-regression"
    language_modeling = "language-modeling"


def complete_name(incomplete: str) -> list[str]:
    """Names of published weights, and of architectures that have some, for tab completion."""
    records = _at_hand()
    names = dict.fromkeys([*(one.architecture for one in records.values()), *records])
    return [name for name in names if name.startswith(incomplete)]


def complete_kind(incomplete: str) -> list[str]:
    """Kinds of published files, for tab completion."""
    kinds = dict.fromkeys(kind for one in _at_hand().values() for kind in one.artifacts)
    return [kind for kind in kinds if kind.startswith(incomplete)]


def _at_hand() -> Mapping[str, Weights]:
    """The records that plain names mean, without the network; none where they cannot be read."""
    from zoo.errors import ZooError
    from zoo.hubs import read_hub
    from zoo.lookup import default_hub
    from zoo.manifest import read_manifest

    try:
        hub = default_hub()
        return read_manifest() if hub is None else read_hub(hub, offline=True).records
    except ZooError:
        return {}


Name = Annotated[
    str,
    typer.Argument(
        metavar="NAME",
        help="Published weights, such as lenet.mnist; lenet alone means its first ones, "
        "lenet.mnist@1 their first version; "
        "ADDRESS::lenet.mnist those of another hub.",
        autocompletion=complete_name,
        show_default=False,
    ),
]
Names = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="NAME",
        help="Published weights, such as lenet.mnist; lenet alone means its first ones, "
        "lenet.mnist@1 their first version; "
        "ADDRESS::lenet.mnist those of another hub, ADDRESS all of them.",
        autocompletion=complete_name,
        show_default=False,
    ),
]
All = Annotated[bool, typer.Option("--all", help="All published weights.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document and nothing else.")]
OneRuntime = Annotated[
    Runtime, typer.Option("--runtime", help="What runs the network; onnx needs no MXNet.")
]


def folder(text: str, hint: str | None = None) -> Path:
    """The parser of a folder that a command fills. Raises BadParameter for an empty text."""
    if not text:
        raise typer.BadParameter(
            "is empty: name a folder, '.' for the one you are in.", param_hint=hint
        )
    return Path(text)


def refuse_existing(file: Path, force: bool, error: type[ZooError]) -> None:
    """Raises `error` where the file to write is there already and `force` is not given."""
    if not force and file.exists():
        raise error(f"{file} exists: choose another name, or replace it with --force.")


def chosen(
    names: list[str] | None, every: bool, key: Path | None = None, *, superseded: bool = False
) -> list[Weights]:
    """The named records, each once, or all; of hubs signed by `key`, where that is given.

    A hub's address alone means all that it holds, with `superseded` the older versions too.
    Raises BadParameter unless exactly one of `names` and `every` is given.
    """
    from zoo.lookup import search

    if bool(names) == every:
        raise typer.BadParameter("give one or more names, or --all.", param_hint="NAME")
    found = (
        [one for name in names for one in _meant(name, key, superseded)]
        if names
        else search(key=key)
    )
    return list({(one.hub, one.name): one for one in found}.values())


def _meant(name: str, key: Path | None, superseded: bool) -> list[Weights]:
    from zoo.addresses import SEPARATOR, split_address
    from zoo.lookup import get_weights, search

    address, wanted = split_address(name)
    if address is None or wanted:
        return [get_weights(name, key=key)]
    return search(f"{address}{SEPARATOR}*@*" if superseded else name, key=key)


def read_text(path: Path | None = None) -> str:
    """A file's text, or that of standard input. Raises InputError unless it is UTF-8."""
    from zoo.errors import InputError

    try:
        content = sys.stdin.buffer.read() if path is None else path.read_bytes()
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        name = "Standard input" if path is None else repr(str(path))
        raise InputError(f"{name} is not a text in UTF-8.") from None
