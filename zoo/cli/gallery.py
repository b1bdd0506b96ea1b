"""`zoo gallery`: the web site on which every published model runs in the visitor's browser."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Annotated

import typer

from zoo.cli.arguments import folder
from zoo.cli.exits import say
from zoo.figures import file_size


def gallery(
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            parser=folder,
            metavar="PATH",
            help="The folder to write; a gallery there is replaced.",
        ),
    ] = None,
    serve: Annotated[
        bool, typer.Option("--serve", help="Show it on this machine until Ctrl-C.")
    ] = False,
    port: Annotated[int, typer.Option(help="Of --serve; 0 takes a free one.")] = 8000,
    runtime_web: Annotated[
        Path | None,
        typer.Option(
            "--onnxruntime-web",
            metavar="FOLDER",
            help="The folder dist of onnxruntime-web; by default below node_modules.",
        ),
    ] = None,
) -> None:
    """Write a web site with a page for every model, on which the model runs in the browser.

    Any web host serves it, below any path. It needs onnxruntime-web from the npm registry; the
    message says how to install it where it is missing.

    \b
    Examples:
      zoo gallery --out site
      zoo gallery --serve
    """
    if out is None and not serve:
        raise typer.BadParameter("give --out FOLDER, --serve, or both.", param_hint="--out")
    with tempfile.TemporaryDirectory(prefix="zoo-gallery-") as passing:
        built = out or Path(passing, "site")
        _build(built, runtime_web)
        if serve:
            _serve(built, port)


def _build(out: Path, runtime_web: Path | None) -> None:
    from zoo.gallery import build_site

    files = build_site(out, runtime=runtime_web)
    size = file_size(sum(path.stat().st_size for path in files))
    say(f"{out}: {len(files)} files, {size}")


def _serve(folder: Path, port: int) -> None:
    from zoo.gallery import gallery_server

    with gallery_server(folder, port) as server:
        typer.echo(f"http://127.0.0.1:{server.server_port}/")
        server.serve_forever()
