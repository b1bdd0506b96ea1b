"""`zoo publish`: a finished training run becomes published weights."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from zoo.cli import showing
from zoo.cli.arguments import Json, folder
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
            parser=folder,
            metavar="DIR",
            help="The folder that gets the files and the manifest; by default the package's own.",
            show_default=False,
        ),
    ] = None,
    seeds: Annotated[
        Path | None,
        typer.Option(
            "--seeds",
            metavar="DIR",
            help="Finished runs of the same recipe, each in a folder seed-N: the record gets the "
            "mean and the spread of its first metric over them.",
            show_default=False,
        ),
    ] = None,
    json: Json = False,
) -> None:
    """Turn a finished training run into published weights.

    Writes safetensors, ONNX graph and record, its metrics measured again from those bytes on both
    runtimes, and brings the generated tables up to date. Another recipe under a published name,
    or the same under other settings, becomes its next version. Refuses weights that are not
    finite, a missed target, and what would change a published version.

    \b
    Examples:
      zoo publish runs/lenet.mnist
      zoo publish runs/lenet.mnist --seeds runs/lenet.mnist-seeds
      zoo publish runs/lenet.mnist --hub my-hub --json
    """
    from zoo.publish import publish as publish_run

    weights = publish_run(run, hub=hub, seeds=seeds)
    if json:
        _print_json(weights, hub)
        return
    version = f" as version {weights.version}" if weights.version > 1 else ""
    typer.echo(
        f"{weights.name} is published{version}, sha256 {weights.artifact('safetensors').sha256}"
    )
    for one in weights.metrics:
        value = metric_value(one.name, one.value)
        typer.echo(f"{one.name} {value} on {one.dataset} {one.split}, n = {one.n:,}")
    if weights.seeds:
        typer.echo(f"over seeds: {weights.seeds}")


def _print_json(weights: Weights, hub: Path | None) -> None:
    from zoo.manifest import embedded_folder

    folder = embedded_folder() if hub is None else hub
    files = [
        showing.file_fields(folder / artifact.file, artifact)
        for artifact in weights.artifacts.values()
    ]
    record = weights.to_json()
    facts = {"version": weights.version, "metrics": record["metrics"], "seeds": record.get("seeds")}
    showing.print_json({"name": weights.name, "files": files, **facts})
