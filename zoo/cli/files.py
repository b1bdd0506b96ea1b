"""`zoo fetch` and `zoo cache`: the published files on this machine."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from zoo.cli import showing, verifying
from zoo.cli.arguments import All, Json, Names, chosen, complete_kind
from zoo.cli.exits import say
from zoo.cli.showing import Column
from zoo.figures import file_size

if TYPE_CHECKING:
    from zoo.manifest import Artifact

Kind = Annotated[
    str | None,
    typer.Option(
        "--kind",
        metavar="KIND",
        help="Only files of this kind: safetensors, onnx-graph or vocabulary.",
        autocompletion=complete_kind,
        show_default=False,
    ),
]


def fetch(names: Names = None, every: All = False, kind: Kind = None, json: Json = False) -> None:
    """Fetch and verify published files, and print their paths.

    \b
    Examples:
      zoo fetch lenet
      zoo fetch lenet --kind safetensors
      zoo fetch lenet --json
      zoo fetch --all
    """
    from zoo.fetching import fetch_all

    fetched = []
    records = chosen(names, every)
    if every and kind is not None:
        records = [one for one in records if kind in one.artifacts] or records[:1]
    wanted: list[tuple[str, Artifact]] = []
    for weights in records:
        own = weights.artifacts.values() if kind is None else [weights.artifact(kind)]
        wanted += [(weights.name, artifact) for artifact in own]
    paths = fetch_all([artifact for _, artifact in wanted])
    for path, (name, artifact) in zip(paths, wanted, strict=True):
        fetched.append({"name": name, **showing.file_fields(path, artifact)})
        if not json:
            sys.stdout.write(f"{path}\n")
    if json:
        showing.print_json(fetched)


def cache_path() -> None:
    """Print the cache folder. ZOO_HOME chooses another."""
    from zoo.cache import cache_folder

    typer.echo(cache_folder())


def cache_list(json: Json = False) -> None:
    """List the cached files."""
    from zoo.cache import list_cached

    cached = list_cached()
    if json:
        showing.print_json([{"path": str(one.path), "size": one.size} for one in cached])
        return
    if cached:
        columns = [Column("folder"), Column("file"), Column("size", right=True)]
        rows = [[one.subfolder, one.path.name, file_size(one.size)] for one in cached]
        showing.print_table(columns, rows)
    say(f"{len(cached)} files, {file_size(sum(one.size for one in cached))}.")


def cache_verify(json: Json = False) -> None:
    """Hash the cached files again; exit with 1 where one differs."""
    verifying.report(list(verifying.cached(_known(), every=True)), json)


def cache_prune(
    every: Annotated[
        bool, typer.Option("--all", help="Remove the files of published weights too.")
    ] = False,
) -> None:
    """Remove cached files that no published weights and no dataset need, and leftovers.

    Removed files are printed, one a line; what is needed again is fetched again.
    """
    from zoo import last_seen
    from zoo.cache import list_cached, prune

    sizes = {one.path: one.size for one in list_cached()}
    removed = [*prune(() if every else _known()), *last_seen.sweep()]
    for path in removed:
        sys.stdout.write(f"{path}\n")
    freed = file_size(sum(sizes.get(path, 0) for path in removed))
    say(f"Removed {len(removed)} files, {freed}.")


def _known() -> list[Artifact]:
    """The files of all weights and datasets, and of the default hub itself."""
    from zoo.hubs import read_hub
    from zoo.lookup import default_hub, records

    address = default_hub()
    own = [] if address is None else read_hub(address).kept
    return [*verifying.published_and_data(records().values()), *own]
