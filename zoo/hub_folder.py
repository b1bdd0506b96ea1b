"""A hub in a folder: its records, and one writer at a time."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator
from pathlib import Path

from zoo.errors import PublishError
from zoo.manifest import FILE_NAME, Weights, read_manifest

LOCK = ".lock"  # in the hub, the one place that all who write to it share
PATIENCE = 60.0  # seconds, for another publication to write its files


def records_in(hub: Path) -> dict[str, Weights]:
    """The folder's records, none where it has no manifest. Raises ManifestError."""
    path = hub / FILE_NAME
    return read_manifest(path) if path.is_file() else {}


@contextlib.contextmanager
def alone(hub: Path) -> Iterator[None]:
    """One publication at a time writes to this hub. Raises PublishError, OSError."""
    import filelock

    hub.mkdir(parents=True, exist_ok=True)
    lock = filelock.FileLock(hub / LOCK)
    try:
        lock.acquire(timeout=PATIENCE)
    except filelock.Timeout:
        raise PublishError(f"Another publication is writing to {hub}: wait for it.") from None
    try:
        yield
    finally:
        lock.release()


def sweep(leftovers: Iterable[Path]) -> None:
    """Remove partial files of publications that were killed; no other one is writing now."""
    for path in leftovers:
        path.unlink(missing_ok=True)
