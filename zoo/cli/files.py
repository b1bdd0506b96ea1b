"""`zoo fetch`, `zoo verify` and `zoo cache`: the published files on this machine."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

from zoo.cli import showing
from zoo.cli.arguments import All, Json, Names, chosen
from zoo.cli.exits import FAILED, say
from zoo.cli.showing import Column

if TYPE_CHECKING:
    from zoo.manifest import Artifact

Kind = Annotated[
    str | None,
    typer.Option(
        "--kind",
        metavar="KIND",
        help="Only files of this kind: safetensors, onnx-graph or vocabulary.",
        show_default=False,
    ),
]


class Check(NamedTuple):
    """A file that was hashed, and what is wrong with it, or None."""

    place: str
    path: Path
    problem: str | None


def fetch(names: Names = None, every: All = False, kind: Kind = None) -> None:
    """Fetch and verify published files, and print their paths.

    \b
    Examples:
      zoo fetch lenet
      zoo fetch lenet --kind safetensors
      zoo fetch --all
    """
    from zoo.fetching import fetch_all

    records = chosen(names, every)
    if every and kind is not None:
        records = [one for one in records if kind in one.artifacts] or records[:1]
    wanted: list[Artifact] = []
    for weights in records:
        wanted += weights.artifacts.values() if kind is None else [weights.artifact(kind)]
    for path in fetch_all(wanted):
        sys.stdout.write(f"{path}\n")


def verify(names: Names = None, json: Json = False) -> None:
    """Hash the embedded and the cached files again.

    Exits with 1, and names the file, where one is not what was published.

    \b
    Examples:
      zoo verify
      zoo verify lenet.mnist
    """
    artifacts = _artifacts(names)
    checks = [*_embedded(artifacts), *_cached(artifacts, every=not names)]
    _report(checks, json)


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
        rows = [[one.subfolder, one.path.name, showing.file_size(one.size)] for one in cached]
        showing.print_table(columns, rows)
    say(f"{len(cached)} files, {showing.file_size(sum(one.size for one in cached))}.")


def cache_verify(json: Json = False) -> None:
    """Hash the cached files again; exit with 1 where one differs."""
    _report(list(_cached(_artifacts(None), every=True)), json)


def cache_prune(
    every: Annotated[
        bool, typer.Option("--all", help="Remove the files of published weights too.")
    ] = False,
) -> None:
    """Remove cached files that no published weights and no dataset need, and leftovers.

    Removed files are printed, one a line; what is needed again is fetched again.
    """
    from zoo.cache import list_cached, prune

    sizes = {one.path: one.size for one in list_cached()}
    removed = prune(() if every else _artifacts(None))
    for path in removed:
        sys.stdout.write(f"{path}\n")
    freed = showing.file_size(sum(sizes.get(path, 0) for path in removed))
    say(f"Removed {len(removed)} files, {freed}.")


def _artifacts(names: list[str] | None) -> list[Artifact]:
    """The files of the named weights; without names those of all weights and datasets."""
    from zoo.data import DATASETS

    records = chosen(names, not names)
    published = [one for weights in records for one in weights.artifacts.values()]
    data = [] if names else [one for dataset in DATASETS.values() for one in dataset.files]
    return [*published, *data]


def _embedded(artifacts: Iterable[Artifact]) -> Iterator[Check]:
    from zoo.cache import check_file
    from zoo.errors import ChecksumError
    from zoo.manifest import embedded_folder

    for artifact in artifacts:
        path = embedded_folder() / artifact.file
        try:
            check_file(path, artifact, links=True)
        except FileNotFoundError:
            continue
        except ChecksumError as error:
            yield Check("embedded", path, f"{error} Reinstall gluon-zoo.")
        else:
            yield Check("embedded", path, None)


def _cached(artifacts: list[Artifact], every: bool) -> Iterator[Check]:
    from zoo.cache import cached_path, verify_cached

    wanted = {cached_path(artifact) for artifact in artifacts}
    for cached, problem in verify_cached(artifacts):
        if every or cached.path in wanted:
            mend = f"{problem} It is fetched again when it is used." if problem else None
            yield Check("cached", cached.path, mend)


def _report(checks: list[Check], json: bool) -> None:
    bad = [one for one in checks if one.problem is not None]
    if json:
        showing.print_json(
            [{"place": one.place, "path": str(one.path), "problem": one.problem} for one in checks]
        )
    elif checks:
        columns = [Column("file"), Column("place"), Column("verdict")]
        rows = [[one.path.name, one.place, "DIFFERS" if one.problem else "ok"] for one in checks]
        showing.print_table(columns, rows)
    for one in bad:
        say(f"zoo: {one.problem}")
    say(f"{len(checks)} files checked, {len(bad) or 'none'} differ{'s' if len(bad) == 1 else ''}.")
    if bad:
        raise typer.Exit(FAILED)
