"""`zoo reproduce`: a published record trained again by the checkout's scripts, and compared."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

import zoo
from zoo import relay
from zoo.errors import MissingDependencyError


def reproduce(
    name: Annotated[str, typer.Argument(help="A published record, such as lenet.mnist.")],
    epochs: Annotated[
        int | None, typer.Option("--epochs", min=1, help="Compare the first epochs only.")
    ] = None,
    anyway: Annotated[
        bool, typer.Option("--anyway", help="Go on where settings or versions differ.")
    ] = False,
    out: Annotated[
        Path | None, typer.Option("--out", help="The run's folder.", show_default=False)
    ] = None,
) -> None:
    """Train a published record again, and compare the bytes.

    Runs scripts/reproduce.py of the checkout that zoo is installed from. Exits with 1 where
    anything differs, and where the settings that decide the bits do.

    \b
    Examples:
      zoo reproduce logistic_regression.mnist
      zoo reproduce mlp.mnist --epochs 1
    """
    zoo.get_weights(name)
    words = [name]
    words += ["--epochs", str(epochs)] if epochs else []
    words += ["--anyway"] if anyway else []
    words += ["--out", str(out)] if out else []
    if code := relay.run([sys.executable, str(_script()), *words]):
        raise typer.Exit(code)


def _script() -> Path:
    """The script beside the package. Raises MissingDependencyError where zoo has no checkout."""
    path = Path(zoo.__file__).resolve().parent.parent / "scripts" / "reproduce.py"
    if path.is_file():
        return path
    raise MissingDependencyError(
        "An installed zoo has no training scripts: clone its repository at the tag "
        f"v{zoo.__version__}, run `make test` there once, then `.venv/bin/zoo reproduce`."
    )
