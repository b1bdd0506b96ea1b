"""Arguments and options that several commands share."""

from __future__ import annotations

import sys
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
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
    from zoo.errors import ZooError
    from zoo.manifest import read_manifest

    try:
        records = read_manifest()
    except ZooError:
        return []
    names = [*dict.fromkeys(one.architecture for one in records.values()), *records]
    return [name for name in names if name.startswith(incomplete)]


Name = Annotated[
    str,
    typer.Argument(
        metavar="NAME",
        help="Published weights, such as lenet.mnist; lenet alone means its first ones.",
        autocompletion=complete_name,
        show_default=False,
    ),
]
Names = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="NAME",
        help="Published weights, such as lenet.mnist; lenet alone means its first ones.",
        autocompletion=complete_name,
        show_default=False,
    ),
]
All = Annotated[bool, typer.Option("--all", help="All published weights.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document and nothing else.")]
OneRuntime = Annotated[
    Runtime, typer.Option("--runtime", help="What runs the network; onnx needs no MXNet.")
]


def chosen(names: list[str] | None, every: bool) -> list[Weights]:
    """The named records, each once, or all. Raises BadParameter unless exactly one is given."""
    from zoo.manifest import get_weights, list_weights

    if bool(names) == every:
        raise typer.BadParameter("give one or more names, or --all.", param_hint="NAME")
    records = [get_weights(name) for name in names or list_weights()]
    return list({one.name: one for one in records}.values())


def read_text(path: Path | None = None) -> str:
    """A file's text, or that of standard input. Raises InputError unless it is UTF-8."""
    from zoo.errors import InputError

    try:
        content = sys.stdin.buffer.read() if path is None else path.read_bytes()
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        name = "Standard input" if path is None else repr(str(path))
        raise InputError(f"{name} is not a text in UTF-8.") from None
