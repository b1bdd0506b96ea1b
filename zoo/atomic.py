"""Files that appear under their name whole, or not at all."""

from __future__ import annotations

import contextlib
import errno
import glob
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from zoo.owners import PARTIAL, is_at_work, is_owned, own_path

SAFE = 0  # where the platform has them: no link is followed, no child inherits, no byte changes
for _flag in ("O_NOFOLLOW", "O_CLOEXEC", "O_BINARY"):
    SAFE |= getattr(os, _flag, 0)

_NO_SYNC_ERRORS = (
    errno.EINVAL,
    errno.EBADF,
    errno.EACCES,
    errno.ENOTSUP,
    errno.EOPNOTSUPP,
    errno.ENOSYS,
)


@contextlib.contextmanager
def atomic_file(path: Path, *, read_only: bool = False) -> Iterator[BinaryIO]:
    """A new binary file that takes the name `path` when the block ends without an exception.

    Until then it lies beside it under another name ending in `.part`; afterwards the bytes and
    the name are on the disk. An existing file is replaced, and what a killed process left of
    this one is removed. Raises OSError.
    """
    sweep(path)
    temporary = own_path(path.parent, path.name)
    descriptor = os.open(temporary, os.O_RDWR | os.O_CREAT | os.O_EXCL | SAFE, 0o666)
    try:
        with os.fdopen(descriptor, "w+b") as file:
            yield file
            file.flush()
            if read_only:
                make_read_only(file)
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise
    sync_folder(path.parent)


def sweep(path: Path) -> None:
    """Remove the files and folders beside `path` that killed processes made for it."""
    for left in path.parent.glob(f"{glob.escape(f'.{path.name}.')}*{PARTIAL}"):
        if not is_owned(left) or is_at_work(left):
            continue
        if left.is_dir() and not left.is_symlink():
            shutil.rmtree(left, ignore_errors=True)
            continue
        with contextlib.suppress(OSError):
            left.unlink()


def write_atomically(path: Path, content: bytes) -> None:
    """Write `content` to `path`, whole or not at all. Raises OSError."""
    with atomic_file(path) as file:
        file.write(content)


def make_read_only(file: BinaryIO) -> None:
    """Take the right to write from everybody, where the platform lets it be replaced later."""
    if os.name != "nt":
        os.fchmod(file.fileno(), os.fstat(file.fileno()).st_mode & 0o444)


def sync_folder(folder: Path) -> None:
    """Put the folder's names on the disk, where platform and file system can. Raises OSError."""
    if os.name == "nt":
        return
    try:
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    except OSError as error:
        if error.errno not in _NO_SYNC_ERRORS:
            raise
