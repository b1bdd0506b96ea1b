"""The command line, `zoo`: the table of its commands.

Each command is a function in a module of this package; results go to standard output, progress
and messages to standard error. Nothing heavy is imported before a command needs it, so that
`zoo --help` and completion are quick.
"""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from zoo import __version__
from zoo.cli import (
    demo,
    evaluating,
    exporting,
    files,
    gallery,
    generating,
    importing,
    listing,
    predicting,
    publishing,
    quantizing,
    reproducing,
    sharing,
    signing,
    verifying,
)
from zoo.cli.exits import ZooGroup

__all__ = ["app", "main"]

app = typer.Typer(
    name="zoo",
    cls=ZooGroup,
    help="A model zoo with pretrained weights: look, predict, generate, evaluate, export.",
    epilog="Start with: zoo demo",
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
cache = typer.Typer(help="The cache folder of fetched files.", no_args_is_help=True)

app.command("list")(listing.list_published)
app.command("info")(listing.info)
app.command("predict", context_settings={"ignore_unknown_options": True})(predicting.predict)
app.command("generate")(generating.generate)
app.command("evaluate")(evaluating.evaluate)
app.command("fetch")(files.fetch)
app.command("verify")(verifying.verify)
app.command("sign")(signing.sign)
app.command("export")(exporting.export)
app.command("quantize")(quantizing.quantize)
app.command("import-params")(importing.import_params)
app.command("publish")(publishing.publish)
app.command("mirror")(sharing.mirror)
app.command("push")(sharing.push)
app.command("gallery")(gallery.gallery)
app.command("reproduce")(reproducing.reproduce)
app.command("demo")(demo.demo)
app.add_typer(cache, name="cache")
cache.command("path")(files.cache_path)
cache.command("list")(files.cache_list)
cache.command("verify")(files.cache_verify)
cache.command("prune")(files.cache_prune)


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"zoo {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_show_version, is_eager=True, help="Show the version and exit."
        ),
    ] = False,
) -> None:
    """Options of `zoo` itself."""


def main() -> None:
    """The console script."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")  # a terminal without a character shows `?`
    app(prog_name="zoo")
