"""`zoo export`: published weights as one ONNX file that needs nothing else."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Annotated

import typer

from zoo.cli import showing
from zoo.cli.arguments import Json, Name
from zoo.errors import ExportError
from zoo.figures import file_size


def export(
    name: Name,
    file: Annotated[
        Path,
        typer.Argument(metavar="FILE.onnx", help="The file to write.", show_default=False),
    ],
    force: Annotated[bool, typer.Option("--force", help="Replace an existing file.")] = False,
    json: Json = False,
) -> None:
    """Write a self-contained ONNX file with the published weights in it.

    Needs no MXNet. The same weights always give the same bytes; name, digest of the weights,
    labels, preprocessing and licence are in its metadata.

    \b
    Examples:
      zoo export lenet.mnist lenet.onnx
      zoo export lenet.mnist lenet.onnx --force --json
    """
    from zoo.atomic import write_atomically
    from zoo.lookup import get_weights
    from zoo.onnx.published import self_contained

    weights = get_weights(name)
    if not force and file.exists():
        raise ExportError(f"{file} exists: choose another name, or replace it with --force.")
    content = self_contained(weights)
    try:
        write_atomically(file, content)
    except OSError as error:
        raise ExportError(f"{file} cannot be written: {error.strerror}.") from None
    digest = hashlib.sha256(content).hexdigest()
    if json:
        facts = {"path": str(file), "size": len(content), "sha256": digest}
        showing.print_json({"name": weights.name, **facts})
    else:
        typer.echo(f"{file}  {file_size(len(content))}  sha256 {digest}")
