"""The cache folder: verified files under names that begin with their digest.

`<root>/<subfolder>/<first 16 hex digits of sha256>-<name>`; the root is ZOO_HOME, or `gluon-zoo`
in the platform's cache folder. Names that begin with a dot are leftovers, locks and, in the folder
`hubs`, the notes `.seen` of what a hub's manifest was last.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import re
import secrets
import stat
import threading
import time
from collections.abc import Container, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from zoo.addresses import expanded
from zoo.atomic import SAFE
from zoo.errors import ChecksumError, DownloadError, ZooError
from zoo.partial import growing
from zoo.records import Artifact

if TYPE_CHECKING:
    import filelock

_NAME = re.compile(r"([0-9a-f]{16})-(.+)")
_LEFTOVER = re.compile(
    r"\.{1,2}([0-9a-f]{64}|[0-9a-f]{16})([.-].*)?\.(part|damaged|lock|validator)", re.DOTALL
)
_PATIENCE = 20.0
_GLANCE = 0.5  # seconds between two looks at what else may end the waiting
_STALE = 600.0
_NO_FILE_ERRORS = (
    errno.EINVAL,  # from open_regular
    errno.ELOOP,
    errno.EISDIR,
    errno.ENXIO,
    errno.ENOTDIR,
    errno.ENAMETOOLONG,
    errno.EACCES,
    errno.EPERM,
)
_CHUNK = 1 << 18  # stays in the processor's cache between reading and hashing


@dataclass(frozen=True)
class CachedFile:
    """One file in the cache; `digest` is the first 16 hex digits of its sha256, size in bytes."""

    path: Path
    subfolder: str
    digest: str
    name: str
    size: int


def cache_folder(subfolder: str = "") -> Path:
    """The cache's root or one folder in it; it need not exist.

    Raises DownloadError where nothing says which folder it is, ConfigError for a ZOO_HOME in the
    home of nobody.
    """
    import platformdirs

    own = os.environ.get("ZOO_HOME")
    try:
        if own:
            return expanded(own).absolute() / subfolder
        chosen = platformdirs.user_cache_dir("gluon-zoo", appauthor=False)
        return Path(chosen).expanduser().absolute() / subfolder
    except (RuntimeError, OSError):
        raise DownloadError(
            "This user has no home folder to cache files in: set ZOO_HOME to a folder."
        ) from None


def cached_path(artifact: Artifact, subfolder: str = "weights") -> Path:
    """Where the cache keeps this file, whether it is there or not."""
    return cache_folder(subfolder) / f"{artifact.sha256[:16]}-{artifact.basename}"


def check_file(path: Path, artifact: Artifact, *, keep: bool = False, links: bool = False) -> bytes:
    """Compare a file with the artifact's size and sha256; its bytes if `keep`, else none.

    `links` allows the path itself to be a symbolic link. Raises FileNotFoundError where there is
    nothing, ChecksumError for anything else than the published bytes, DownloadError where nobody
    can say: the system did not give them now.
    """
    try:
        with open_regular(path, links=links) as file:
            size = os.fstat(file.fileno()).st_size
            if size != artifact.size:
                raise ChecksumError(f"{path} has {size} bytes instead of {artifact.size}.")
            content = file.read(artifact.size + 1) if keep else b""
            digest = hashlib.sha256(content).hexdigest() if keep else sha256_of(file)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise _unread(path, error) from None
    if digest != artifact.sha256:
        raise ChecksumError(f"{path} has sha256 {digest} instead of {artifact.sha256}.")
    return content


def open_regular(path: Path, *, links: bool = False) -> BinaryIO:
    """A regular file to read, never a FIFO or a device; `links` allows the path to be a link.

    Raises OSError.
    """
    flags = os.O_RDONLY | SAFE | getattr(os, "O_NONBLOCK", 0)
    if links:
        flags &= ~getattr(os, "O_NOFOLLOW", 0)
    descriptor = os.open(path, flags)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(errno.EINVAL, "not a regular file")
    return os.fdopen(descriptor, "rb")


def set_aside(path: Path) -> None:
    """Move a damaged file out of the way; silent where the folder cannot be written."""
    with contextlib.suppress(OSError):
        os.replace(path, path.with_name(f".{path.name}.{secrets.token_hex(4)}.damaged"))


@contextlib.contextmanager
def single_flight(path: Path, sha256: str, halt: threading.Event | None = None) -> Iterator[None]:
    """Let one process at a time fetch `path`, where the file system has locks.

    Waits as long as the other one's partial file grows, but no longer once `halt` is set.
    Correctness never depends on it: partial files have distinct names, and a whole one takes the
    place of another.
    """
    import filelock

    lock = filelock.FileLock(_lock_path(path))
    try:
        if _is_no_other_file(_lock_path(path)):
            _acquire(lock, path.parent, sha256, halt or threading.Event())
        yield
    finally:
        lock.release(force=True)
        if path.is_file():
            drop_lock(path)


def drop_lock(path: Path) -> None:
    """Remove the lock of a file that is whole: nobody has to wait for it any more."""
    with contextlib.suppress(OSError):
        _lock_path(path).unlink()


def _lock_path(path: Path) -> Path:
    return path.with_name(f".{path.name}.lock")


def list_cached() -> list[CachedFile]:
    """The files in the cache, by folder and name."""
    root = cache_folder()
    found = []
    for path in sorted(root.glob("*/*")):
        parts = _NAME.fullmatch(path.name)
        if parts is not None and path.is_file() and not path.is_symlink():
            digest, name = parts.groups()
            found.append(CachedFile(path, path.parent.name, digest, name, path.stat().st_size))
    return found


def verify_cached(
    known: Iterable[Artifact] = (), *, only: Container[Path] | None = None
) -> Iterator[tuple[CachedFile, ZooError | None]]:
    """Hash every cached file again, or `only` those; with each comes what is wrong, or None.

    That is a ChecksumError, or a DownloadError where it cannot be read now. Files of `known`
    artifacts must have their size and sha256; of others only the digest's first 16 digits can be
    compared, those in the file's name.
    """
    artifacts = {f"{one.sha256[:16]}-{one.basename}": one for one in known}
    for cached in list_cached():
        if only is not None and cached.path not in only:
            continue
        yield cached, _problem(cached, artifacts.get(cached.path.name))


def prune(keep: Iterable[Artifact] = ()) -> list[Path]:
    """Remove cached files other than those of `keep`, and leftovers; returns what was removed."""
    names = {f"{one.sha256[:16]}-{one.basename}" for one in keep}
    wanted = [one.path for one in list_cached() if one.path.name not in names]
    removed = []
    for path in [*wanted, *leftovers(cache_folder().glob("*"))]:
        with contextlib.suppress(OSError):
            path.unlink()
            removed.append(path)
    return removed


def leftovers(folders: Iterable[Path], name: str = "*", *, seconds: float = _STALE) -> list[Path]:
    """Our partial files, damaged files and locks that nobody has touched for so long."""
    found = [path for folder in folders for path in folder.glob(f".{name}.*")]
    return [path for path in found if _LEFTOVER.fullmatch(path.name) and _age(path) > seconds]


def sha256_of(file: BinaryIO) -> str:
    """The digest of what is left to read."""
    digest = hashlib.sha256()
    while chunk := file.read(_CHUNK):
        digest.update(chunk)
    return digest.hexdigest()


def _unread(path: Path, error: OSError) -> ChecksumError | DownloadError:
    reason = error.strerror or error
    if error.errno in _NO_FILE_ERRORS:
        return ChecksumError(f"{path} cannot be read as a file: {reason}.")
    return DownloadError(
        f"{path} cannot be read: {reason}. Try again, and replace it only if that does not pass."
    )


def _problem(cached: CachedFile, artifact: Artifact | None) -> ZooError | None:
    try:
        if artifact is not None:
            check_file(cached.path, artifact)
            return None
        with open_regular(cached.path) as file:
            digest = sha256_of(file)
    except (ChecksumError, DownloadError) as error:
        return error
    except OSError as error:
        return _unread(cached.path, error)
    if digest.startswith(cached.digest):
        return None
    return ChecksumError(f"{cached.path} has sha256 {digest}, its name says {cached.digest}.")


def _is_no_other_file(lock: Path) -> bool:
    """Whether locking cannot empty a file that is linked here: older filelocks truncate theirs."""
    try:
        found = lock.lstat()
    except OSError:
        return True
    return stat.S_ISREG(found.st_mode) and found.st_nlink == 1


def _acquire(lock: filelock.BaseFileLock, folder: Path, sha256: str, halt: threading.Event) -> None:
    begun = time.monotonic()
    while not halt.is_set():
        try:
            lock.acquire(timeout=_GLANCE)
            return
        except TimeoutError:
            long = time.monotonic() - begun > _PATIENCE
            if long and not growing(folder, sha256, _PATIENCE):
                return
        except (OSError, NotImplementedError):
            return


def _age(path: Path) -> float:
    try:
        return time.time() - path.lstat().st_mtime
    except OSError:
        return 0.0
