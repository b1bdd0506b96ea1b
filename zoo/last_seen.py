"""The manifests of other hubs that were read on this machine, for when those cannot be asked.

In the cache's folder `hubs` lie manifests and signatures under names that begin with their own
digest, as all cached files do, and for each hub a note of the digest that its manifest had last.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
from pathlib import Path

from zoo.atomic import atomic_file
from zoo.cache import cache_folder, open_regular
from zoo.manifest import FILE_NAME, LARGEST_MANIFEST

FOLDER = "hubs"
LARGEST_SIGNATURE = 1 << 16
_DIGEST = re.compile(rb"[0-9a-f]{64}\n")


def remember(place: str, manifest: bytes, signature: bytes | None) -> None:
    """Keep what was read from the hub at `place`; nothing where the cache cannot be written."""
    digest = hashlib.sha256(manifest).hexdigest()
    with contextlib.suppress(OSError):
        cache_folder(FOLDER).mkdir(mode=0o775, parents=True, exist_ok=True)
        _keep(manifest_path(digest), manifest)
        if signature is not None:
            own = hashlib.sha256(signature).hexdigest()[:16]
            _keep(cache_folder(FOLDER) / f"{own}-{digest[:16]}.sig", signature)
        _keep(_note(place), f"{digest}\n".encode())


def last_digest(place: str) -> str | None:
    """The sha256 that the manifest of the hub at `place` had when this user last read it."""
    content = _read(_note(place), 65, own=True)
    return content[:64].decode() if _DIGEST.fullmatch(content) else None


def recall(digest: str) -> bytes | None:
    """The manifest with this sha256, if it is here and whole."""
    content = _read(manifest_path(digest), LARGEST_MANIFEST)
    return content if hashlib.sha256(content).hexdigest() == digest else None


def recall_signatures(digest: str) -> list[bytes]:
    """The signatures that were read beside that manifest; they prove nothing yet."""
    found = sorted(cache_folder(FOLDER).glob(f"{'[0-9a-f]' * 16}-{digest[:16]}.sig"))
    return [content for path in found if (content := _read(path, LARGEST_SIGNATURE))]


def manifest_path(digest: str) -> Path:
    """Where the cache keeps the manifest with this sha256, whether it is there or not."""
    return cache_folder(FOLDER) / f"{digest[:16]}-{FILE_NAME}"


def sweep() -> list[Path]:
    """Remove the notes and signatures of manifests that are gone; returns what was removed."""
    folder = cache_folder(FOLDER)
    kept = {path.name[:16] for path in folder.glob(f"*-{FILE_NAME}")}
    gone = [path for path in folder.glob("*.sig") if path.name[17:33] not in kept]
    notes = [
        path
        for path in folder.glob(".*.seen")
        if _read(path, 65)[:16].decode("ascii", "replace") not in kept
    ]
    for path in (*gone, *notes):
        with contextlib.suppress(OSError):
            path.unlink()
    return [*gone, *notes]


def _note(place: str) -> Path:
    digest = hashlib.sha256(place.encode("utf-8", "surrogateescape")).hexdigest()
    return cache_folder(FOLDER) / f".{digest[:16]}.seen"


def _keep(path: Path, content: bytes) -> None:
    if _read(path, len(content), own=True) != content:
        with atomic_file(path, read_only=True) as file:
            file.write(content)


def _read(path: Path, most: int, *, own: bool = False) -> bytes:
    """At most so many bytes and one more; none where there is no such file, or not this user's."""
    with contextlib.suppress(OSError), open_regular(path) as file:
        if not own or not hasattr(os, "geteuid"):
            return file.read(most + 1)
        status = os.fstat(file.fileno())
        if status.st_uid == os.geteuid() and not status.st_mode & 0o022:
            return file.read(most + 1)
    return b""
