"""What is to be shared: records, where their bytes come from, and what they may be added to."""

from __future__ import annotations

import contextlib
import re
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from zoo.addresses import HubAddress, expanded
from zoo.errors import ManifestError, PublishError, UnknownModelError, near
from zoo.fetching import fetch_all
from zoo.hubs import read_hub
from zoo.manifest import FILE_NAME, Weights, read_manifest, write_manifest
from zoo.publish import publish
from zoo.publishing.run import read_run
from zoo.signatures import SIGNATURE_NAME
from zoo.versions import arranged, find, versions_of

CHECKSUMS = "SHA256SUMS"
MOST_CHECKSUMS = 4 << 20
_RESERVED = frozenset(
    one.casefold() for one in (FILE_NAME, SIGNATURE_NAME, CHECKSUMS, "index.html", "README.md")
)
_CHECKSUM = re.compile(r"([0-9a-f]{64}) [ *]([A-Za-z0-9][A-Za-z0-9._-]{0,200})")

Mirrors = Sequence[str] | None


@dataclass(frozen=True)
class Entry:
    """A record, and the mirrors that have its files; None means the usual ones."""

    weights: Weights
    mirrors: Mirrors = None


@dataclass(frozen=True)
class Wanted:
    """What somebody asks to share.

    `names` are names or shell patterns of records in `hub`, by default the package's; `runs` are
    folders of finished runs.
    """

    names: Sequence[str] = ()
    runs: Sequence[Path] = ()
    hub: Path | None = None


@contextlib.contextmanager
def release(
    wanted: Wanted, there: Mapping[str, Weights], mirrors: Mirrors
) -> Iterator[list[Entry]]:
    """The records that are wanted, each once; the files of runs last as long as the context.

    A run is measured as `publish` does it, unless it is among the records `there`, whose files
    `mirrors` have: then it must be the same run. Raises UnknownModelError, ManifestError,
    PublishError, and what `publish` raises.
    """
    entries = {one.weights.pinned: one for one in _named(wanted)}
    with tempfile.TemporaryDirectory(prefix="zoo-share-") as folder:
        for number, run in enumerate(wanted.runs):
            hub = Path(folder, str(number))
            hub.mkdir()
            name = read_run(run).name
            _copy_records(versions_of(name, there), mirrors, hub)
            weights = publish(run, hub=hub)
            known = entries.setdefault(weights.pinned, Entry(weights, [str(hub)]))
            if _facts(known.weights) != _facts(weights):
                raise PublishError(
                    f"{run} would be {weights.pinned}, as another record that is to be shared is: "
                    "share that one first, then this becomes the next version."
                )
        yield list(entries.values())


def merge(there: Mapping[str, Weights], entries: Iterable[Entry], place: str) -> dict[str, Weights]:
    """The records `there` with those of `entries` after them.

    Raises PublishError where that would change a published record or the bytes of a file, or take
    a name that zoo writes to itself.
    """
    merged = {one.pinned: one for one in there.values()}
    for one in entries:
        weights = one.weights
        _refuse_reserved(weights)
        _refuse_change(merged.get(weights.pinned), weights, place)
        _refuse_taken(merged.values(), weights, place)
        merged[weights.pinned] = weights
    return arranged(merged.values())


def checksums(digests: Mapping[str, str]) -> bytes:
    """The lines that `sha256sum --check` reads, by file name."""
    lines = [f"{digest}  {file}\n" for file, digest in sorted(digests.items())]
    return "".join(lines).encode()


def read_checksums(content: bytes, place: str) -> dict[str, str]:
    """The digest of each file that such lines name. Raises PublishError for other lines."""
    digests: dict[str, str] = {}
    for line in content.decode("utf-8", "replace").splitlines():
        found = _CHECKSUM.fullmatch(line)
        if found is None or digests.get(found[2], found[1]) != found[1]:
            raise PublishError(
                f"{place}: {CHECKSUMS} has a line that sha256sum does not write, or two for one "
                "file: remove that file there, and share again."
            )
        digests[found[2]] = found[1]
    return digests


def _named(wanted: Wanted) -> Iterator[Entry]:
    if not wanted.names:
        return
    records, mirrors = _hub_of(wanted)
    for name in wanted.names:
        known = find(name, records)
        matching = [one for one in records.values() if _matches(one, name)]
        found = [known] if known else matching
        if not found:
            raise UnknownModelError(f"No published weights {name!r}. {near(name, records)}")
        yield from (Entry(one, mirrors) for one in found)


def _hub_of(wanted: Wanted) -> tuple[Mapping[str, Weights], Mirrors]:
    """The records to choose from, and the mirrors that have their files."""
    if wanted.hub is None:
        return read_manifest(), None
    records = read_hub(HubAddress(str(expanded(wanted.hub).absolute()))).records
    if not records:
        raise ManifestError(f"{wanted.hub} is no hub: it has no {FILE_NAME} with records.")
    return records, [str(wanted.hub)]


def _matches(weights: Weights, pattern: str) -> bool:
    return fnmatchcase(weights.name, pattern) or fnmatchcase(weights.pinned, pattern)


def _copy_records(records: Sequence[Weights], mirrors: Mirrors, hub: Path) -> None:
    """A hub that holds these versions of a record alone."""
    if not records:
        return
    artifacts = [one for weights in records for one in weights.artifacts.values()]
    for path, artifact in zip(fetch_all(artifacts, mirrors=mirrors), artifacts, strict=True):
        shutil.copyfile(path, hub / artifact.file)
    write_manifest(hub / FILE_NAME, arranged(records))


def _refuse_change(known: Weights | None, weights: Weights, place: str) -> None:
    if known is None:
        return
    ours, theirs = (_digests(one) for one in (weights, known))
    differing = [kind for kind in {**theirs, **ours} if ours.get(kind) != theirs.get(kind)]
    if differing:
        what = f"with another {differing[0]} file"
    elif _facts(known) != _facts(weights):
        what = "with other facts about the same files"
    else:
        return
    raise PublishError(
        f"{place} has {weights.name} already, {what}, and a published record never changes: "
        "give the new weights a new tag or version."
    )


def _digests(weights: Weights) -> dict[str, tuple[str, str]]:
    return {kind: (one.file, one.sha256) for kind, one in weights.artifacts.items()}


def _facts(weights: Weights) -> object:
    """The record as JSON, without the addresses of its files, of which there may be more later."""
    record = weights.to_json()
    for artifact in record["artifacts"].values():
        artifact["sources"] = []
    return record


def _refuse_reserved(weights: Weights) -> None:
    for artifact in weights.artifacts.values():
        if artifact.file.casefold() in _RESERVED:
            raise PublishError(
                f"{weights.name}: its file {artifact.file} has the name of one that zoo writes "
                "beside the records: rename it."
            )


def _refuse_taken(records: Iterable[Weights], weights: Weights, place: str) -> None:
    files = {one.file.casefold(): one for one in weights.artifacts.values()}
    for other in records:
        for artifact in other.artifacts.values():
            ours = files.get(artifact.file.casefold())
            if ours is not None and (ours.file, ours.sha256) != (artifact.file, artifact.sha256):
                raise PublishError(
                    f"{weights.name}: its file {ours.file} belongs to {other.name} in {place}, "
                    "with other bytes: share it elsewhere, or give the weights a new tag."
                )
