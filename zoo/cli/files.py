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
from zoo.figures import file_size

if TYPE_CHECKING:
    from zoo.manifest import Artifact, Weights

Kind = Annotated[
    str | None,
    typer.Option(
        "--kind",
        metavar="KIND",
        help="Only files of this kind: safetensors, onnx-graph or vocabulary.",
        show_default=False,
    ),
]


ABSENT = "absent"


class Check(NamedTuple):
    """A file that was hashed, or is nowhere, and what is wrong with that, or None."""

    place: str
    path: Path
    problem: str | None


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


def verify(names: Names = None, json: Json = False) -> None:
    """Hash the embedded and the cached files again.

    Exits with 1, and names the file, where one is not what was published, or where the weights of
    a given name are not on this machine.

    \b
    Examples:
      zoo verify
      zoo verify lenet.mnist
    """
    artifacts = _artifacts(names)
    found = [*_embedded(artifacts), *_cached(artifacts, every=not names)]
    absent = _absent(chosen(names, not names), {one.path for one in found}, named=bool(names))
    _report([*found, *absent], json)


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
    freed = file_size(sum(sizes.get(path, 0) for path in removed))
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


def _absent(records: Iterable[Weights], found: set[Path], named: bool) -> Iterator[Check]:
    from zoo.cache import cached_path
    from zoo.manifest import embedded_folder

    for one in records:
        for kind, artifact in one.artifacts.items():
            path = cached_path(artifact)
            if found.isdisjoint((path, embedded_folder() / artifact.file)):
                needed = named and kind == "safetensors"
                mend = f"{artifact.file} is not on this machine: zoo fetch {one.name} brings it."
                yield Check(ABSENT, path, mend if needed else None)


def _report(checks: list[Check], json: bool) -> None:
    if json:
        showing.print_json(
            [{"place": one.place, "path": str(one.path), "problem": one.problem} for one in checks]
        )
    elif checks:
        columns = [Column("file"), Column("place"), Column("verdict")]
        showing.print_table(columns, [[one.path.name, one.place, _verdict(one)] for one in checks])
    problems = [one.problem for one in checks if one.problem is not None]
    for problem in problems:
        say(f"zoo: {problem}")
    say(_summary(checks))
    if problems:
        raise typer.Exit(FAILED)


def _verdict(check: Check) -> str:
    if check.place == ABSENT:
        return "-" if check.problem is None else "MISSING"
    return "ok" if check.problem is None else "DIFFERS"


def _summary(checks: list[Check]) -> str:
    verdicts = [_verdict(one) for one in checks if one.place != ABSENT]
    differ = verdicts.count("DIFFERS")
    absent = len(checks) - len(verdicts)
    return (
        f"{len(verdicts)} files checked, {differ or 'none'} differ{'s' if differ == 1 else ''}"
        f"{f', {absent} not on this machine' if absent else ''}."
    )
