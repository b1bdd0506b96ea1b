"""`zoo verify`: the published files hashed again, on this machine or at another hub."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

from zoo.cli import showing
from zoo.cli.arguments import Json, Names, chosen
from zoo.cli.exits import FAILED, say
from zoo.cli.showing import Column

if TYPE_CHECKING:
    from zoo.errors import ZooError
    from zoo.manifest import Artifact, Weights

ABSENT, UNSIGNED = "absent", "unsigned"
_MOST_UNSIGNED = 20


class Check(NamedTuple):
    """A file that was hashed, or is nowhere, and what is wrong with that, or None.

    `read` is false where nobody can say, as its bytes could not be had.
    """

    place: str
    path: Path | str
    problem: str | None
    read: bool = True


def verify(
    names: Names = None,
    key: Annotated[
        Path | None,
        typer.Option(
            "--key",
            metavar="PUBLIC.pem",
            help="The key by which the manifest of a hub must be signed; else ZOO_HUB_KEY.",
            show_default=False,
        ),
    ] = None,
    json: Json = False,
) -> None:
    """Hash the embedded and the cached files again; with an address the files at that hub.

    Exits with 1, and names the file, where one is not what was published, or where the weights of
    a given name are not on this machine. With a key, a file in the folder of a hub that its signed
    manifest does not name counts as wrong, wherever it hides.

    \b
    Examples:
      zoo verify
      zoo verify lenet.mnist
      zoo verify ./my-hub --key public.pem
    """
    from zoo.addresses import is_address
    from zoo.lookup import default_hub

    elsewhere = [name for name in names or [] if is_address(name)]
    if key is not None and not elsewhere and default_hub() is None:
        raise typer.BadParameter("it needs the address of a hub, or ZOO_HUB.", param_hint="--key")
    found = _at_hubs(chosen(elsewhere, False, key, superseded=True)) if elsewhere else []
    found += [one for name in elsewhere for one in _unsigned(name, key)]
    here = [name for name in names or [] if not is_address(name)]
    if here or not names:
        found += _on_this_machine(here, key)
    report(found, json)


def published_and_data(records: Iterable[Weights]) -> list[Artifact]:
    """The files of the records, and those of all datasets."""
    from zoo.data import DATASETS

    published = [one for weights in records for one in weights.artifacts.values()]
    return [*published, *(one for dataset in DATASETS.values() for one in dataset.files)]


def cached(artifacts: list[Artifact], every: bool) -> Iterator[Check]:
    """The cached files of these artifacts, or every cached file."""
    from zoo.cache import cached_path, verify_cached

    wanted = None if every else {cached_path(artifact) for artifact in artifacts}
    for one, error in verify_cached(artifacts, only=wanted):
        yield _checked("cached", one.path, error, " It is fetched again when it is used.")


def report(checks: list[Check], json: bool) -> None:
    """Print what was checked; exit with 1 where something is wrong."""
    if json:
        showing.print_json(
            [
                {
                    "place": one.place,
                    "path": str(one.path),
                    "problem": one.problem,
                    "verdict": _verdict(one),
                }
                for one in checks
            ]
        )
    elif checks:
        columns = [Column("file"), Column("place"), Column("verdict")]
        rows = [[str(one.path).rpartition("/")[2], one.place, _verdict(one)] for one in checks]
        showing.print_table(columns, rows)
    problems = [one.problem for one in checks if one.problem is not None]
    for problem in problems:
        say(f"zoo: {problem}")
    say(_summary(checks))
    if problems:
        raise typer.Exit(FAILED)


def _checked(place: str, path: Path | str, error: ZooError | None, mend: str = "") -> Check:
    """What became of reading a file; `mend` is for one that holds other bytes."""
    from zoo.errors import DownloadError

    if isinstance(error, DownloadError):
        return Check(place, path, str(error), read=False)
    return Check(place, path, None if error is None else f"{error}{mend}")


def _on_this_machine(names: list[str], key: Path | None) -> list[Check]:
    from zoo import lookup

    records = chosen(names, False, key) if names else [*lookup.records(key=key).values()]
    artifacts = [one for weights in records for one in weights.artifacts.values()]
    every = artifacts if names else published_and_data(records)
    found = [*_placed(artifacts), *cached(every, every=not names)]
    return [*found, *_absent(records, {one.path for one in found}, named=bool(names))]


def _at_hubs(records: Iterable[Weights]) -> list[Check]:
    """Each file as its hub gives it now, which is kept nowhere."""
    from zoo.errors import ZooError
    from zoo.hubs import check_at_hub
    from zoo.sources import hub_source

    checks = []
    every = [one for own in records for one in own.artifacts.values()]
    for artifact in {(one.hub, one.file): one for one in every}.values():
        problem: ZooError | None = None
        try:
            check_at_hub(artifact)
        except ZooError as error:
            problem = error
        shown = hub_source(artifact.hub, artifact.file).shown
        checks.append(_checked(artifact.hub, shown, problem))
    return checks


def _unsigned(name: str, key: Path | None) -> Iterator[Check]:
    """What nobody signed in the folder of a hub that must be signed."""
    from zoo.addresses import split_address
    from zoo.hubs import hub_key, read_hub
    from zoo.sharing.unsigned import unsigned_files

    address, record = split_address(name)
    key = hub_key(key)
    if address is None or address.is_remote or record or key is None:
        return
    paths = unsigned_files(read_hub(address, key=key))
    for path in itertools.islice(paths, _MOST_UNSIGNED):
        yield Check(UNSIGNED, path, f"{path} is not named by the signed manifest: remove it.")
    rest = sum(1 for _ in paths)
    if rest:
        yield Check(UNSIGNED, address.place, f"{rest} more files there are not named either.")


def _folder(artifact: Artifact) -> Path | None:
    """The folder on this machine in which the file was published."""
    from zoo.manifest import embedded_folder

    if not artifact.hub:
        return embedded_folder()
    return None if "://" in artifact.hub else Path(artifact.hub)


def _placed(artifacts: Iterable[Artifact]) -> Iterator[Check]:
    from zoo.cache import check_file
    from zoo.errors import ChecksumError, DownloadError

    for artifact in artifacts:
        folder = _folder(artifact)
        if folder is None:
            continue
        place, mend = ("hub", "") if artifact.hub else ("embedded", " Reinstall gluon-zoo.")
        path = folder / artifact.file
        try:
            check_file(path, artifact, links=True)
        except FileNotFoundError:
            continue
        except (ChecksumError, DownloadError) as error:
            yield _checked(place, path, error, mend)
        else:
            yield Check(place, path, None)


def _absent(records: Iterable[Weights], found: set[Path | str], named: bool) -> Iterator[Check]:
    from zoo.cache import cached_path

    for one in records:
        for kind, artifact in one.artifacts.items():
            path, folder = cached_path(artifact), _folder(artifact)
            if found.isdisjoint((path, path if folder is None else folder / artifact.file)):
                needed = named and kind == "safetensors"
                mend = f"{artifact.file} is not on this machine: zoo fetch {one.name} brings it."
                yield Check(ABSENT, path, mend if needed else None)


def _verdict(check: Check) -> str:
    if check.place == ABSENT:
        return "-" if check.problem is None else "MISSING"
    if check.place == UNSIGNED:
        return "UNSIGNED"
    if not check.read:
        return "NOT READ"
    return "ok" if check.problem is None else "DIFFERS"


def _summary(checks: list[Check]) -> str:
    verdicts = [_verdict(one) for one in checks if one.place not in (ABSENT, UNSIGNED)]
    differ, unread = verdicts.count("DIFFERS"), verdicts.count("NOT READ")
    absent = sum(one.place == ABSENT for one in checks)
    unsigned = any(one.place == UNSIGNED for one in checks)
    return (
        f"{len(verdicts) - unread} files checked, "
        f"{differ or 'none'} differ{'s' if differ == 1 else ''}"
        f"{f', {unread} not read' if unread else ''}"
        f"{f', {absent} not on this machine' if absent else ''}"
        f"{', and there are unsigned ones' if unsigned else ''}."
    )
