"""The files of a dataset: where they are, and the checksum by which they are known."""

from __future__ import annotations

from collections.abc import Iterable

from zoo.manifest import Artifact


def data_file(file: str, size: int, sha256: str, *sources: str) -> Artifact:
    """A dataset's file. Size and checksum are those of the unpacked content; a source that ends
    in `.gz`, or is `<archive>.tgz#<member>`, is unpacked on the way in."""
    return Artifact("data", file, sha256, size, None, sources)


def digests(files: Iterable[Artifact]) -> dict[str, str]:
    """File name to sha256."""
    return {artifact.file: artifact.sha256 for artifact in files}
