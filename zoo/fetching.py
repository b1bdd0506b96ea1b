"""From an artifact to its verified bytes, on this machine.

Embedded in the package, else in the cache, else from mirrors and the record's own sources, in
that order. Every source is equal and none is trusted: size and sha256 of the artifact decide.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import logging
import os
import random
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import BinaryIO, NamedTuple

from zoo.atomic import atomic_file
from zoo.cache import cached_path, check_file, leftovers, set_aside, single_flight
from zoo.downloading import SourceError
from zoo.errors import ChecksumError, DownloadError, ManifestError, OfflineError
from zoo.manifest import embedded_folder, read_manifest
from zoo.records import Artifact
from zoo.sources import MIRROR_VARIABLES, Source, content_chunks, sources_of

_ATTEMPTS = 3
_FIRST_PAUSE = 0.3
_logger = logging.getLogger("zoo")


class _Found(NamedTuple):
    path: Path
    content: bytes


def fetch_artifact(
    artifact: Artifact,
    *,
    mirrors: Sequence[str] | None = None,
    offline: bool | None = None,
    progress: bool | None = None,
    subfolder: str = "weights",
) -> Path:
    """A local file that holds exactly the published bytes; verified on every call.

    `mirrors` are folders or addresses, by default those in ZOO_MIRROR (for `subfolder='data'` in
    ZOO_DATA_MIRROR). `offline` (default: ZOO_OFFLINE) opens no connection. `progress` shows a bar
    on stderr, by default only on a terminal. Raises DownloadError listing every source, its
    subclass OfflineError, or ChecksumError for a damaged file of the package itself.
    """
    return _obtain(artifact, False, mirrors, offline, progress, subfolder).path


def read_artifact(
    artifact: Artifact,
    *,
    mirrors: Sequence[str] | None = None,
    offline: bool | None = None,
    progress: bool | None = None,
    subfolder: str = "weights",
) -> bytes:
    """The published bytes themselves, hashed and returned from the same read.

    Arguments and errors are those of `fetch_artifact`.
    """
    return _obtain(artifact, True, mirrors, offline, progress, subfolder).content


def is_offline(offline: bool | None = None) -> bool:
    """Whether connections are forbidden: the argument, else ZOO_OFFLINE."""
    if offline is not None:
        return offline
    return os.environ.get("ZOO_OFFLINE", "").strip().lower() not in ("", "0", "false", "no", "off")


def _obtain(
    artifact: Artifact,
    keep: bool,
    mirrors: Sequence[str] | None,
    offline: bool | None,
    progress: bool | None,
    subfolder: str,
) -> _Found:
    embedded = embedded_folder() / artifact.file
    damaged: ChecksumError | None = None
    if subfolder == "weights":
        with contextlib.suppress(FileNotFoundError):
            try:
                return _Found(embedded, check_file(embedded, artifact, keep=keep, links=True))
            except ChecksumError as error:
                damaged = error if _is_packaged(artifact) else None
    try:
        found = _from_cache(artifact, keep, subfolder)
        if found is None:
            sources = sources_of(artifact, mirrors, subfolder)
            found = _from_sources(artifact, keep, sources, is_offline(offline), progress, subfolder)
    except DownloadError as error:
        if damaged is None:
            raise
        raise ChecksumError(f"{damaged} Reinstall gluon-zoo.\n{error}") from None
    if damaged is not None:
        _say(f"{damaged} Used {found.path} instead; reinstall gluon-zoo.")
    return found


def _is_packaged(artifact: Artifact) -> bool:
    """Whether the package itself publishes these bytes; other hubs may use the same file names."""
    try:
        records = read_manifest().values()
    except ManifestError:
        return False
    published = (one for record in records for one in record.artifacts.values())
    return any((one.file, one.sha256) == (artifact.file, artifact.sha256) for one in published)


def _from_cache(artifact: Artifact, keep: bool, subfolder: str) -> _Found | None:
    path = cached_path(artifact, subfolder)
    try:
        return _Found(path, check_file(path, artifact, keep=keep))
    except FileNotFoundError:
        return None
    except ChecksumError as error:
        set_aside(path)
        _say(f"{error} It is set aside and fetched again.")
        return None


def _from_sources(
    artifact: Artifact,
    keep: bool,
    sources: Iterator[Source],
    offline: bool,
    progress: bool | None,
    subfolder: str,
) -> _Found:
    path = cached_path(artifact, subfolder)
    with _writable(path), single_flight(path):
        found = _from_cache(artifact, keep, subfolder)
        if found is not None:
            return found
        for stale in leftovers([path.parent], path.name):
            stale.unlink(missing_ok=True)
        _download(artifact, path, sources, offline, progress, subfolder)
        return _Found(path, check_file(path, artifact, keep=True) if keep else b"")


@contextlib.contextmanager
def _writable(path: Path) -> Iterator[None]:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield
    except OSError as error:
        raise DownloadError(
            f"{path.name} cannot be kept in {path.parent}: {error.strerror or error}. "
            "Set ZOO_HOME to a folder with room that can be written."
        ) from None


def _download(
    artifact: Artifact,
    path: Path,
    sources: Iterator[Source],
    offline: bool,
    progress: bool | None,
    subfolder: str,
) -> None:
    """Put the file at `path` from the first source that gives it. Raises DownloadError, OSError."""
    reasons: list[str] = []
    missing = False
    for source in sources:
        if source.fallback and not missing:
            continue
        if offline and source.is_remote:
            reasons.append(f"{source.shown}: not asked, the network is switched off")
            missing = False
            continue
        try:
            _try_source(source, artifact, path, progress)
            return
        except SourceError as error:
            reasons.append(f"{source.shown}: {error}")
            missing = error.missing
    raise (OfflineError if offline else DownloadError)(_report(artifact, path, reasons, subfolder))


def _try_source(source: Source, artifact: Artifact, path: Path, progress: bool | None) -> None:
    """The one place that asks again; a partial file to resume from would be handed on here."""
    for attempt in range(1, _ATTEMPTS + 1):
        try:
            with _bar(artifact, progress) as advance, atomic_file(path, read_only=True) as file:
                _receive(content_chunks(source, artifact.size), artifact, file, advance)
            return
        except SourceError as error:
            if attempt == _ATTEMPTS or not error.retry or not source.is_remote:
                raise
            time.sleep(max(error.pause, _FIRST_PAUSE * 2**attempt * random.uniform(0.5, 1.0)))


def _receive(
    chunks: Iterator[bytes], artifact: Artifact, file: BinaryIO, advance: Callable[[int], object]
) -> None:
    digest, size = hashlib.sha256(), 0
    for chunk in chunks:
        size += len(chunk)
        if size > artifact.size:
            raise SourceError(f"gives more than the published {artifact.size} bytes")
        digest.update(chunk)
        file.write(chunk)
        advance(len(chunk))
    if size < artifact.size:
        raise SourceError(f"ended after {size} of {artifact.size} bytes", retry=True)
    if digest.hexdigest() != artifact.sha256:
        raise SourceError(f"gives other bytes, of sha256 {digest.hexdigest()}")


@contextlib.contextmanager
def _bar(artifact: Artifact, progress: bool | None) -> Iterator[Callable[[int], object]]:
    if not (sys.stderr.isatty() if progress is None else progress):
        yield lambda count: None
        return
    from rich import progress as bars
    from rich.console import Console

    columns = (
        bars.TextColumn("{task.description}"),
        bars.BarColumn(),
        bars.DownloadColumn(),
        bars.TransferSpeedColumn(),
        bars.TimeRemainingColumn(),
    )
    console = Console(stderr=True)
    with bars.Progress(*columns, console=console, transient=console.is_terminal) as bar:
        task = bar.add_task(artifact.basename, total=artifact.size)
        yield functools.partial(bar.advance, task)


def _report(artifact: Artifact, path: Path, reasons: list[str], subfolder: str) -> str:
    variable = MIRROR_VARIABLES.get(subfolder, "ZOO_MIRROR")
    listed = "".join(f"\n  {reason}" for reason in reasons)
    return (
        f"{artifact.file} ({artifact.size} bytes) is neither cached nor given by any source"
        f"{':' if reasons else ', there is none.'}{listed}\n"
        f"Set {variable} to a folder or address that has it, or put it, unpacked, at {path}; "
        f"its sha256 is {artifact.sha256}."
    )


@functools.cache
def _say(message: str) -> None:
    _logger.warning(message)
