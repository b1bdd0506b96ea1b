"""A sample file, mirrors that have it, and what is left in a folder."""

from __future__ import annotations

from pathlib import Path

import pytest
from records import artifact

from zoo.errors import DownloadError
from zoo.fetching import fetch_artifact
from zoo.manifest import Artifact

CONTENT = bytes(range(256)) * 800 + b"end"
SAMPLE = artifact(CONTENT, "folder/sample.bin")


def mirror_folder(folder: Path, content: bytes, file: str = SAMPLE.file) -> str:
    """Put the content where a mirror at `folder` has that file."""
    path = folder / file
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return str(folder)


def with_sources(*sources: str) -> Artifact:
    """The sample, published at these addresses."""
    return artifact(CONTENT, SAMPLE.file, sources=sources)


def files_in(folder: Path) -> list[str]:
    """The names of all files below the folder."""
    return sorted(path.name for path in folder.rglob("*") if path.is_file())


def refusal(wanted: Artifact, home: Path, *mirrors: str) -> str:
    """The message of the DownloadError; nothing may be left in the cache that a reader sees."""
    with pytest.raises(DownloadError) as caught:
        fetch_artifact(wanted, mirrors=mirrors)
    assert [name for name in files_in(home) if not name.startswith(".")] == []
    return str(caught.value)
