"""Partial files: what a cut download leaves, and how the next one goes on from it.

`.<sha256>.part` waits for whoever comes next, `.<sha256>.validator` beside it says what the server
called that version. A download at work has the file to itself under a name that tells the process,
`.<sha256>.<machine>-<process>.<start>-<random>.part`, so that no two processes ever write one file,
whether the file system has locks or not. Taking it over is a rename, which only one can win.
"""

from __future__ import annotations

import contextlib
import errno
import functools
import hashlib
import json
import os
import secrets
import shutil
import stat
import time
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from zoo.atomic import SAFE, make_read_only, sync_folder
from zoo.owners import PARTIAL, is_at_work, own_path
from zoo.records import Artifact

SILENT_SECONDS = 600.0
_CHUNK = 1 << 20
_READ = os.O_RDONLY | SAFE | getattr(os, "O_NONBLOCK", 0)
_FLAGS = _READ | os.O_RDWR


class Partial:
    """The bytes that arrived so far, and their running digest. Methods raise OSError."""

    def __init__(self, path: Path, file: BinaryIO, artifact: Artifact) -> None:
        self.size = 0
        self._path = path
        self._file = file
        self._artifact = artifact
        self._digest = hashlib.sha256()

    @property
    def sha256(self) -> str:
        """The digest of the bytes so far."""
        return self._digest.hexdigest()

    def write(self, chunk: bytes) -> None:
        """Append; the bytes are with the operating system when this returns."""
        view = memoryview(chunk)
        while view:
            view = view[self._file.write(view) :]
        self._digest.update(chunk)
        self.size += len(chunk)

    def restart(self) -> None:
        """Forget what arrived."""
        self._file.seek(0)
        self._file.truncate()
        self._digest, self.size = hashlib.sha256(), 0

    def note(self, address: str, validator: str) -> None:
        """Keep what this address calls the version whose bytes come now, where that can be kept."""
        content = json.dumps({"source": _mark(address), "validator": validator}).encode()
        self._forget_validator()
        path = _validator_path(self._path.parent, self._artifact)
        with contextlib.suppress(OSError), _new(path) as file:
            file.write(content)

    def validator(self, address: str) -> str:
        """What `note` kept for that address, or nothing."""
        try:
            path = _validator_path(self._path.parent, self._artifact)
            with os.fdopen(os.open(path, _FLAGS), "rb") as file:
                noted = json.loads(file.read(2048))
            return str(noted["validator"]) if noted["source"] == _mark(address) else ""
        except (OSError, ValueError, LookupError, TypeError, RecursionError):
            return ""

    def publish(self, target: Path) -> None:
        """Give the file its final name, read-only, and put both on the disk."""
        os.fsync(self._file.fileno())
        make_read_only(self._file)
        self._file.close()
        os.replace(self._path, target)
        self._forget_validator()
        sync_folder(target.parent)

    def keep(self) -> None:
        """Leave the bytes for whoever comes next, or nothing where there are none."""
        self._file.close()
        if self.size:
            os.replace(self._path, _shared_path(self._path.parent, self._artifact))
        else:
            self.discard()

    def discard(self) -> None:
        """Leave nothing."""
        self._file.close()
        self._path.unlink(missing_ok=True)
        self._forget_validator()

    def take_in(self) -> None:
        """Hash what the file already holds."""
        while chunk := self._file.read(_CHUNK):
            self._digest.update(chunk)
            self.size += len(chunk)

    def _forget_validator(self) -> None:
        _forget_validator(self._path.parent, self._artifact)


@contextlib.contextmanager
def partial_file(folder: Path, artifact: Artifact) -> Iterator[Partial]:
    """A partial file of one's own, with the bytes that an earlier download left. Raises OSError.

    The block publishes it; where the block raises, its bytes are kept for the next time, except
    after an OSError: then the disk needs the room.
    """
    path = own_path(folder, artifact.sha256)
    partial = Partial(path, _claimed(path, artifact) or _new(path), artifact)
    try:
        partial.take_in()
        yield partial
    except BaseException as error:
        with contextlib.suppress(OSError):
            partial.discard() if isinstance(error, OSError) else partial.keep()
        raise


def sweep(folder: Path, artifact: Artifact) -> None:
    """Remove what killed processes left of an artifact that is whole."""
    with contextlib.suppress(OSError):
        if artifact.sha256 in _unfinished(str(folder), os.stat(folder).st_mtime_ns):
            _forget_validator(folder, artifact)
            for left in abandoned(folder, artifact.sha256):
                _remove(left)


@functools.lru_cache(maxsize=8)
def _unfinished(folder: str, _: int) -> frozenset[str]:
    """The digests of which the folder holds more than the file, as of its time of change."""
    return frozenset(name[1:65] for name in os.listdir(folder) if name.startswith("."))


def _forget_validator(folder: Path, artifact: Artifact) -> None:
    with contextlib.suppress(OSError):
        _validator_path(folder, artifact).unlink()


def growing(folder: Path, sha256: str, seconds: float) -> bool:
    """Whether some process has added to this file within so many seconds."""
    return any(_silence(path) < seconds for path in folder.glob(f".{sha256}.*{PARTIAL}"))


def abandoned(folder: Path, sha256: str = "*") -> list[Path]:
    """Partial files that nobody writes: waiting, of a dead process, or silent for ten minutes."""
    found = folder.glob(f".{sha256}*{PARTIAL}")
    return [path for path in found if not is_at_work(path) or _silence(path) > SILENT_SECONDS]


def _claimed(path: Path, artifact: Artifact) -> BinaryIO | None:
    """The longest usable one of what earlier downloads left, now at `path`; the others go."""
    chosen: BinaryIO | None = None
    left = sorted(abandoned(path.parent, artifact.sha256), key=_size, reverse=True)
    for found in left:
        if chosen is None:
            chosen = _taken(found, path, artifact)
        else:
            with contextlib.suppress(OSError):
                found.unlink()
    return chosen


def _taken(found: Path, path: Path, artifact: Artifact) -> BinaryIO | None:
    """What an earlier download left, at `path`; None where it cannot be gone on with."""
    try:
        if is_at_work(found):
            _copy(found, path, artifact)
        else:
            os.rename(found, path)
            # else it would look silent, and be tidied away
            os.utime(path, follow_symlinks=os.utime not in os.supports_follow_symlinks)
        return os.fdopen(_opened(path, artifact), "r+b", buffering=0)
    except OSError:  # another user's, or taken by another process
        with contextlib.suppress(OSError):
            _remove(path)
        return None


def _copy(found: Path, path: Path, artifact: Artifact) -> None:
    # its process may be far away and only asleep: it must not write what we go on with
    with os.fdopen(os.open(found, _READ), "rb") as source:
        _check_usable(source.fileno(), artifact)
        with _new(path) as file:
            shutil.copyfileobj(source, file)
    with contextlib.suppress(OSError):
        found.unlink()


def _opened(path: Path, artifact: Artifact) -> int:
    """A descriptor of the claimed file, also where it was whole and is read-only already."""
    try:
        descriptor = os.open(path, _FLAGS)
    except PermissionError:
        if os.name == "nt":
            raise
        with os.fdopen(os.open(path, _READ), "rb") as file:
            _check_usable(file.fileno(), artifact)
            os.fchmod(file.fileno(), 0o644)
        descriptor = os.open(path, _FLAGS)
    try:
        _check_usable(descriptor, artifact)
    except OSError:
        os.close(descriptor)
        raise
    return descriptor


def _check_usable(descriptor: int, artifact: Artifact) -> None:
    """Raises OSError unless it is a plain file of this user, and no longer than it may be."""
    status = os.fstat(descriptor)
    mine = status.st_uid == os.geteuid() if hasattr(os, "geteuid") else True
    plain = stat.S_ISREG(status.st_mode) and status.st_nlink == 1
    if not (plain and mine and 0 < status.st_size <= artifact.size):
        raise OSError(errno.EINVAL, "not what a download of this file leaves")


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        os.rename(path, path.with_name(f".{secrets.token_hex(8)}.damaged"))
    else:
        path.unlink(missing_ok=True)


def _new(path: Path) -> BinaryIO:
    descriptor = os.open(path, _FLAGS | os.O_CREAT | os.O_EXCL, 0o644)
    return os.fdopen(descriptor, "r+b", buffering=0)


def _shared_path(folder: Path, artifact: Artifact) -> Path:
    return folder / f".{artifact.sha256}{PARTIAL}"


def _validator_path(folder: Path, artifact: Artifact) -> Path:
    return folder / f".{artifact.sha256}.validator"


def _mark(address: str) -> str:
    """The address in a form that gives no secret away."""
    return hashlib.sha256(address.encode("utf-8", "surrogateescape")).hexdigest()[:16]


def _size(path: Path) -> int:
    try:
        return path.lstat().st_size
    except OSError:
        return 0


def _silence(path: Path) -> float:
    try:
        return time.time() - path.lstat().st_mtime
    except OSError:
        return 0.0
