"""From an artifact to its verified bytes, on this machine.

Embedded in the package, else in the cache, else from mirrors and the record's own sources, in
that order. Every source is equal and none is trusted: size and sha256 of the artifact decide.
"""

from __future__ import annotations

import contextlib
import functools
import logging
import os
import threading
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from zoo.cache import (
    cached_path,
    check_file,
    drop_lock,
    leftovers,
    open_regular,
    set_aside,
    sha256_of,
    single_flight,
)
from zoo.display import Display
from zoo.errors import ChecksumError, DownloadError, ManifestError, OfflineError, ZooError
from zoo.manifest import embedded_folder, read_manifest
from zoo.partial import sweep
from zoo.receiving import HaltedError, receive
from zoo.records import Artifact
from zoo.sources import sources_of

AT_ONCE = 4
_DAY = 86400.0
_SMALL = 1 << 20
_logger = logging.getLogger("zoo")


class _Found(NamedTuple):
    path: Path
    content: bytes


@dataclass(frozen=True)
class _Manner:
    """How to fetch: where from, where to, who watches, and when to stop."""

    mirrors: Sequence[str] | None
    offline: bool
    subfolder: str
    display: Display
    halt: threading.Event = field(default_factory=threading.Event)


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
    on stderr, by default only on a terminal. Raises DownloadError listing every source or naming a
    file that is here and cannot be read now, its subclass OfflineError, or ChecksumError for a
    damaged file of the package itself.
    """
    with Display(progress) as display:
        manner = _Manner(mirrors, is_offline(offline), subfolder, display)
        return _obtain(artifact, False, manner).path


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
    with Display(progress) as display:
        manner = _Manner(mirrors, is_offline(offline), subfolder, display)
        return _obtain(artifact, True, manner).content


def fetch_all(
    artifacts: Iterable[Artifact],
    *,
    at_once: int = AT_ONCE,
    mirrors: Sequence[str] | None = None,
    offline: bool | None = None,
    progress: bool | None = None,
    subfolder: str = "weights",
) -> list[Path]:
    """Local files with the published bytes of each, in the order given; `at_once` at a time.

    Arguments are those of `fetch_artifact`. One that fails does not keep the others from being
    fetched; then its error is raised, or a DownloadError that holds the messages of several.
    """
    wanted = list(artifacts)
    with Display(progress) as display:
        manner = _Manner(mirrors, is_offline(offline), subfolder, display)
        if len(wanted) == 1:
            return [_obtain(wanted[0], False, manner).path]
        ready = [_ready(one, manner) for one in wanted]
        missing = [one for one, path in zip(wanted, ready, strict=True) if path is None]
        fetched = iter(_together(missing, at_once, manner))
    return [path or next(fetched) for path in ready]


def is_offline(offline: bool | None = None) -> bool:
    """Whether connections are forbidden: the argument, else ZOO_OFFLINE."""
    if offline is not None:
        return offline
    return os.environ.get("ZOO_OFFLINE", "").strip().lower() not in ("", "0", "false", "no", "off")


def _ready(artifact: Artifact, manner: _Manner) -> Path | None:
    """The path of a small file that is cached and whole: to look takes less time than a thread."""
    if artifact.size > _SMALL or (embedded_folder() / artifact.file).exists():
        return None
    with contextlib.suppress(ZooError):  # whatever is wrong is found again
        found = _from_cache(artifact, False, manner)
        return found and found.path
    return None


def _together(artifacts: Iterable[Artifact], at_once: int, manner: _Manner) -> list[Path]:
    with ThreadPoolExecutor(at_once) as pool:
        futures = [pool.submit(_obtain, one, False, manner) for one in artifacts]
        try:
            wait(futures)
        except BaseException:
            manner.halt.set()
            pool.shutdown(cancel_futures=True)
            raise
    _raise_errors(futures)
    return [future.result().path for future in futures]


def _raise_errors(futures: Iterable[Future[_Found]]) -> None:
    errors = [error for future in futures if (error := future.exception()) is not None]
    unexpected = [error for error in errors if not isinstance(error, ZooError)]
    if unexpected or len(errors) == 1:
        raise (unexpected or errors)[0]
    if errors:
        offline = all(isinstance(error, OfflineError) for error in errors)
        kind = OfflineError if offline else DownloadError
        raise kind("\n".join(str(error) for error in errors))


def _obtain(artifact: Artifact, keep: bool, manner: _Manner) -> _Found:
    embedded = embedded_folder() / artifact.file
    damaged: ChecksumError | None = None
    if manner.subfolder == "weights":
        with contextlib.suppress(FileNotFoundError):
            try:
                return _Found(embedded, check_file(embedded, artifact, keep=keep, links=True))
            except ChecksumError as error:
                damaged = error if _is_packaged(artifact) else None
    try:
        found = _from_cache(artifact, keep, manner) or _from_sources(artifact, keep, manner)
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


def _from_cache(
    artifact: Artifact, keep: bool, manner: _Manner, *, alone: bool = False
) -> _Found | None:
    """The cached file, None where it is not there or damaged; DownloadError where nobody can say.

    Who fetches it `alone` sets a damaged one aside: another process may have put a whole one there
    since somebody else looked.
    """
    path = cached_path(artifact, manner.subfolder)
    try:
        content = check_file(path, artifact, keep=keep)
    except FileNotFoundError:
        return None
    except ChecksumError as error:
        _refuse_wrong_size(path, artifact)
        if alone:
            set_aside(path)
            _say(f"{error} It is set aside and fetched again.")
        return None
    sweep(path.parent, artifact)
    drop_lock(path)
    return _Found(path, content)


def _refuse_wrong_size(path: Path, artifact: Artifact) -> None:
    """Raises ManifestError where the file is whole and a record lies about how large it is."""
    try:
        with open_regular(path) as file:
            size = os.fstat(file.fileno()).st_size
            whole = size != artifact.size and sha256_of(file) == artifact.sha256
    except OSError:
        return
    if whole:
        raise ManifestError(
            f"{artifact.file}: its manifest says {artifact.size} bytes, but what has its sha256 "
            f"{artifact.sha256} is {size} bytes long."
        )


def _from_sources(artifact: Artifact, keep: bool, manner: _Manner) -> _Found:
    path = cached_path(artifact, manner.subfolder)
    with _writable(path), single_flight(path, artifact.sha256, manner.halt):
        if manner.halt.is_set():
            raise HaltedError
        found = _from_cache(artifact, keep, manner, alone=True)
        if found is not None:
            return found
        _sweep(path, artifact)
        try:
            _receive(artifact, path, manner)
        except FileNotFoundError:
            # asleep for so long that another process took the partial file over, or tidied it away
            if _from_cache(artifact, False, manner, alone=True) is None:
                _receive(artifact, path, manner)
        return _Found(path, check_file(path, artifact, keep=True) if keep else b"")


def _receive(artifact: Artifact, path: Path, manner: _Manner) -> None:
    with manner.display.bar(artifact) as seen:
        receive(
            artifact,
            path,
            sources_of(artifact, manner.mirrors, manner.subfolder),
            offline=manner.offline,
            subfolder=manner.subfolder,
            seen=seen,
            halt=manner.halt,
        )


def _sweep(path: Path, artifact: Artifact) -> None:
    """Remove what killed processes left, except the bytes that this download goes on from."""
    old = [*leftovers([path.parent], path.name), *leftovers([path.parent], seconds=_DAY)]
    for stale in old:
        held = stale.name == f".{path.name}.lock"
        if not held and not stale.name.startswith(f".{artifact.sha256}."):
            with contextlib.suppress(OSError):
                stale.unlink()


@contextlib.contextmanager
def _writable(path: Path) -> Iterator[None]:
    try:
        path.parent.mkdir(mode=0o775, parents=True, exist_ok=True)
        yield
    except OSError as error:
        raise DownloadError(
            f"{path.name} cannot be kept in {path.parent}: {error.strerror or error}. "
            "Set ZOO_HOME to a folder with room that can be written."
        ) from None


@functools.cache
def _say(message: str) -> None:
    _logger.warning(message)
