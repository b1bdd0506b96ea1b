"""`zoo publish`: a finished training run becomes published weights."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from zoo.cli import showing


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
) -> None:
    """Turn a finished training run into published weights.

    Writes safetensors, ONNX graph and record, its metrics measured again from those bytes on both
    runtimes, and brings the generated tables up to date. Refuses weights that are not finite, a
    missed target, and a name that is published already.

    \b
    Examples:
      zoo publish runs/lenet.mnist
      zoo publish runs/lenet.mnist --hub my-hub
    """
    from zoo.publish import publish as publish_run

    weights = publish_run(run, hub=hub)
    typer.echo(f"{weights.name} is published, sha256 {weights.artifact('safetensors').sha256}")
    for one in weights.metrics:
        value = showing.metric_value(one.name, one.value)
        typer.echo(f"{one.name} {value} on {one.dataset} {one.split}, n = {one.n:,}")
