"""`zoo import-params`: MXNet's `.params` files as safetensors."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from zoo.cli import showing
from zoo.cli.arguments import Json, refuse_existing
from zoo.errors import WeightsError
from zoo.figures import file_size


def import_params(
    source: Annotated[
        Path, typer.Argument(metavar="FILE.params", help="The file to read.", show_default=False)
    ],
    target: Annotated[
        Path,
        typer.Argument(metavar="OUT.safetensors", help="The file to write.", show_default=False),
    ],
    architecture: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="The network that the weights must be exactly those of: lenet, lenet.mnist.",
            show_default=False,
        ),
    ] = None,
    symbol: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE-symbol.json",
            help="The graph whose variables the weights must be exactly.",
            show_default=False,
        ),
    ] = None,
    inputs: Annotated[
        list[str] | None,
        typer.Option(
            "--input",
            metavar="NAME",
            help="With --symbol: a variable that is an input and no weight; may be repeated. By "
            "default weights are told by the ends of their names and by their shapes.",
            show_default=False,
        ),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace an existing file.")] = False,
    json: Json = False,
) -> None:
    """Write the weights of a .params file as safetensors, all or none.

    Reads what Gluon's save_parameters and export and Module's save_checkpoint write, in a process
    of its own with limits. With --architecture, `get_model(NAME, pretrained="OUT.safetensors")`
    loads what was written.

    \b
    Examples:
      zoo import-params mine.params mine.safetensors --architecture lenet
      zoo import-params net-0010.params net.safetensors --symbol net-symbol.json
    """
    from zoo import importing

    if architecture is not None and symbol is not None:
        raise typer.BadParameter("give --architecture or --symbol, not both.")
    if inputs and symbol is None:
        raise typer.BadParameter("belongs to --symbol.", param_hint="--input")
    refuse_existing(target, force, WeightsError)
    arrays = importing.import_params(
        source, target, architecture=architecture, symbol=symbol, inputs=inputs or ()
    )
    size = target.stat().st_size
    if json:
        shapes = {name: list(one.shape) for name, one in arrays.items()}
        showing.print_json({"path": str(target), "size": size, "arrays": shapes})
    else:
        typer.echo(f"{target}  {len(arrays)} arrays  {file_size(size)}")
