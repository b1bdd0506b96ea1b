"""A static mirror: a folder that any web server can hand out, and that is a hub.

The manifest is written after the files that it names, each file whole or not at all: a mirror that
is cut anywhere serves what it served before, and the next run goes on.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from zoo.atomic import atomic_file, write_atomically
from zoo.cache import check_file
from zoo.errors import ChecksumError, PublishError
from zoo.fetching import fetch_all
from zoo.hub_folder import alone, records_in, sweep
from zoo.manifest import FILE_NAME, Artifact, Weights, manifest_bytes
from zoo.owners import PARTIAL
from zoo.sharing import index_page
from zoo.sharing.release import CHECKSUMS, Entry, Wanted, checksums, merge, release

KEPT, NEW, REPAIRED, REPLACED = "kept", "new", "repaired", "replaced"
_CHUNK = 1 << 20


@dataclass(frozen=True)
class SharedFile:
    """A file of a mirror or repository: size in bytes, and what happened to it."""

    file: str
    size: int
    sha256: str
    state: str


def mirror(folder: Path, wanted: Wanted) -> list[SharedFile]:
    """Make `folder` a static mirror of what is wanted, beside what it already holds.

    Every file that its manifest names is hashed again, and copied again where it is missing or
    damaged. Raises PublishError, with the folder as it was, where a published record or file would
    change; ManifestError for a damaged manifest; DownloadError for files that no source gives.
    """
    try:
        with alone(folder):
            sweep(folder.glob(f".*{PARTIAL}"))
            there = records_in(folder)
            with release(wanted, there, [str(folder)]) as entries:
                return _mirror(folder, there, entries)
    except OSError as error:
        raise PublishError(
            f"{error.filename or folder} cannot be written: {error.strerror}. "
            "Make room or give a folder that can be written, and share again."
        ) from error


def _mirror(folder: Path, there: Mapping[str, Weights], entries: list[Entry]) -> list[SharedFile]:
    merged = merge(there, entries, str(folder))
    manifest = manifest_bytes(merged, folder / FILE_NAME)
    _refuse_strange(folder, bool(there))
    states = _states(folder, there, merged.values())
    _copy_all(folder, entries, merged.values(), states)
    files = [
        SharedFile(one.file, one.size, one.sha256, states[one.file])
        for one in _artifacts(merged.values())
    ]
    files.append(_write(folder / FILE_NAME, manifest))
    files.append(_write(folder / index_page.NAME, index_page.index_page(merged, CHECKSUMS)))
    sums = checksums({one.file: one.sha256 for one in files})
    return [*files, _write(folder / CHECKSUMS, sums)]


def _refuse_strange(folder: Path, is_hub: bool) -> None:
    """Raises PublishError for a page or checksums that zoo has not written."""
    page, sums = folder / index_page.NAME, folder / CHECKSUMS
    ours = is_hub and index_page.MARK.encode() in (page.read_bytes() if page.is_file() else b"")
    strange = [page] if page.exists() and not ours else []
    listed = sums.read_bytes() if sums.is_file() else b""
    written = is_hub and (ours or f"  {index_page.NAME}\n".encode() in listed)
    strange += [sums] if sums.exists() and not written else []
    if strange:
        raise PublishError(
            f"{strange[0]} is there and not from zoo: move it away, or give another folder."
        )


def _artifacts(records: Iterable[Weights]) -> list[Artifact]:
    """The files of all records, each once."""
    found = (artifact for one in records for artifact in one.artifacts.values())
    return list({one.file: one for one in found}.values())


def _states(
    folder: Path, there: Mapping[str, Weights], records: Iterable[Weights]
) -> dict[str, str]:
    """For each file whether it is new, kept, or repaired. Raises PublishError for strange ones."""
    published = {one.file for one in _artifacts(there.values())}
    states = {}
    for artifact in _artifacts(records):
        try:
            check_file(folder / artifact.file, artifact)
            states[artifact.file] = KEPT
        except FileNotFoundError:
            states[artifact.file] = REPAIRED if artifact.file in published else NEW
        except ChecksumError as error:
            if artifact.file not in published:
                raise PublishError(
                    f"{error} No record in {folder} names it: move it away, and share again."
                ) from None
            states[artifact.file] = REPAIRED
    return states


def _copy_all(
    folder: Path, entries: list[Entry], records: Iterable[Weights], states: Mapping[str, str]
) -> None:
    """Fetch and copy what is not there whole."""
    ways = {one.weights.pinned: one.mirrors for one in entries}
    for weights in records:
        wanted = [one for one in weights.artifacts.values() if states[one.file] != KEPT]
        paths = fetch_all(wanted, mirrors=ways.get(weights.pinned)) if wanted else []
        for path, artifact in zip(paths, wanted, strict=True):
            _copy(path, folder / artifact.file, artifact)


def _copy(source: Path, target: Path, artifact: Artifact) -> None:
    """Copy and hash the same bytes. Raises ChecksumError where they are not the published ones."""
    digest = hashlib.sha256()
    target.parent.mkdir(parents=True, exist_ok=True)
    with source.open("rb") as file, atomic_file(target) as copy:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
            copy.write(chunk)
        if digest.hexdigest() != artifact.sha256:
            raise ChecksumError(f"{source} changed while it was copied: share again.")


def _write(path: Path, content: bytes) -> SharedFile:
    """Write a file made from the manifest, unless it is there already."""
    digest = hashlib.sha256(content).hexdigest()
    state = _state(path, Artifact("made", path.name, digest, len(content)))
    if state != KEPT:
        write_atomically(path, content)
    return SharedFile(path.name, len(content), digest, state)


def _state(path: Path, artifact: Artifact) -> str:
    try:
        check_file(path, artifact)
    except FileNotFoundError:
        return NEW
    except ChecksumError:
        return REPLACED
    return KEPT
