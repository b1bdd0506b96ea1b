"""Files in the folder of a hub that its manifest says nothing of, and so no signature either."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

from zoo.cache import open_regular
from zoo.hub_folder import LOCK
from zoo.hubs import Hub
from zoo.manifest import FILE_NAME
from zoo.sharing import index_page
from zoo.sharing.release import CHECKSUMS, checksums
from zoo.signatures import SIGNATURE_NAME


def unsigned_files(hub: Hub) -> Iterator[Path]:
    """What lies in the hub's folder beside manifest, signature and the files it names.

    Also in folders such as `.git`; of links themselves, which are not followed. A mirror's page and
    checksums are none where they are what zoo writes for this manifest. Raises OSError.
    """
    folder = Path(hub.address.place)
    named = {one.file for own in hub.records.values() for one in own.artifacts.values()}
    for path in _files(folder):
        name = path.relative_to(folder).as_posix()
        if name not in (FILE_NAME, SIGNATURE_NAME, *named) and not _is_made(path, name, hub):
            yield path


def _files(folder: Path) -> Iterator[Path]:
    """All that is no folder, in order of names."""
    for entry in sorted(os.scandir(folder), key=lambda one: one.name):
        if entry.is_dir(follow_symlinks=False):
            yield from _files(Path(entry.path))
        else:
            yield Path(entry.path)


def _is_made(path: Path, name: str, hub: Hub) -> bool:
    """Whether zoo wrote the file, and would write the same again."""
    page = index_page.index_page(hub.records, CHECKSUMS)
    if name == LOCK:
        expected = b""
    elif name == index_page.NAME:
        expected = page
    elif name == CHECKSUMS:
        files = [one for own in hub.records.values() for one in own.artifacts.values()]
        digests = {one.file: one.sha256 for one in files}
        digests[index_page.NAME] = hashlib.sha256(page).hexdigest()
        expected = checksums({**digests, FILE_NAME: hub.digest})
    else:
        return False
    try:
        with open_regular(path) as file:
            return file.read(len(expected) + 1) == expected
    except OSError:  # a link, or a FIFO, which would keep us waiting
        return False
