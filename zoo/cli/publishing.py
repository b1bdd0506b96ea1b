"""`zoo publish`: a finished training run becomes published weights."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from zoo.cli import showing
from zoo.cli.arguments import Json
from zoo.figures import metric_value

if TYPE_CHECKING:
    from zoo.manifest import Weights


def publish(
    run: Annotated[
        Path,
        typer.Argument(metavar="RUN", help="The folder of a finished run.", show_default=False),
    ],
    hub: Annotated[
        Path | None,
        typer.Option(
            "--hub",
            metavar="DIR",
            help="The folder that gets the files and the manifest; by default the package's own.",
            show_default=False,
        ),
    ] = None,
    json: Json = False,
) -> None:
    """Turn a finished training run into published weights.

    Writes safetensors, ONNX graph and record, its metrics measured again from those bytes on both
    runtimes, and brings the generated tables up to date. Refuses weights that are not finite, a
    missed target, and a name that is published already.

    \b
    Examples:
      zoo publish runs/lenet.mnist
      zoo publish runs/lenet.mnist --hub my-hub --json
    """
    from zoo.publish import publish as publish_run

    weights = publish_run(run, hub=hub)
    if json:
        _print_json(weights, hub)
        return
    typer.echo(f"{weights.name} is published, sha256 {weights.artifact('safetensors').sha256}")
    for one in weights.metrics:
        value = metric_value(one.name, one.value)
        typer.echo(f"{one.name} {value} on {one.dataset} {one.split}, n = {one.n:,}")


def _print_json(weights: Weights, hub: Path | None) -> None:
    from zoo.manifest import embedded_folder

    folder = embedded_folder() if hub is None else hub
    files = [
        showing.file_fields(folder / artifact.file, artifact)
        for artifact in weights.artifacts.values()
    ]
    metrics = weights.to_json()["metrics"]
    showing.print_json({"name": weights.name, "files": files, "metrics": metrics})
