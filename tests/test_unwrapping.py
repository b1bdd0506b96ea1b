from __future__ import annotations

import gzip
import io
import tarfile
import tracemalloc
from pathlib import Path

import pytest
from mirrors import CONTENT, SAMPLE, mirror_folder, refusal, with_sources
from records import artifact

from zoo.fetching import read_artifact
from zoo.manifest import Artifact
from zoo.unwrapping import gunzip


def test_gzip_in_a_mirror_folder(tmp_path: Path) -> None:
    folder = mirror_folder(tmp_path, gzip.compress(CONTENT), f"{SAMPLE.file}.gz")
    assert read_artifact(SAMPLE, mirrors=[folder], subfolder="data") == CONTENT


def test_gzip_of_several_members_and_padding(tmp_path: Path) -> None:
    packed = gzip.compress(CONTENT[:1000]) + gzip.compress(CONTENT[1000:]) + bytes(512)
    folder = mirror_folder(tmp_path, packed, f"{SAMPLE.file}.gz")
    assert read_artifact(SAMPLE, mirrors=[folder]) == CONTENT


@pytest.mark.parametrize(
    ("packed", "reason"),
    [
        (gzip.compress(CONTENT)[:-900], "ended after"),
        (gzip.compress(bytes(1 << 26)), "gives other bytes"),
        (gzip.compress(b"") * 20000, "the gzip stream is longer than its content allows"),
        (b"not gzip at all", "damaged gzip"),
        (gzip.compress(CONTENT[::-1]), "gives other bytes"),
    ],
)
def test_gzip_faults(packed: bytes, reason: str, tmp_path: Path, zoo_home: Path) -> None:
    folder = mirror_folder(tmp_path / "mirror", packed, f"{SAMPLE.file}.gz")
    assert reason in refusal(SAMPLE, zoo_home, folder)


def test_padding_takes_no_memory() -> None:
    piece = bytes(1 << 16)
    chunks = [gzip.compress(b"first"), *[piece] * 200, piece + gzip.compress(b", second")]
    tracemalloc.start()
    try:
        assert b"".join(gunzip(iter(chunks), 1 << 30)) == b"first, second"
        assert tracemalloc.get_traced_memory()[1] < 1 << 20
    finally:
        tracemalloc.stop()


def _archive(path: Path, mode: str, members: dict[str, bytes]) -> str:
    with tarfile.open(path, mode) as archive:  # type: ignore[call-overload]
        for name, content in members.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return path.as_uri()


@pytest.mark.parametrize(("suffix", "mode"), [("tgz", "w:gz"), ("tar.gz", "w:gz"), ("tar", "w")])
def test_one_member_of_an_archive(suffix: str, mode: str, tmp_path: Path) -> None:
    members = {"a/other.bin": b"x" * 700, "a/sample.bin": CONTENT, "a/last.bin": b"y"}
    address = _archive(tmp_path / f"all.{suffix}", mode, members)
    assert read_artifact(with_sources(f"{address}#a/sample.bin")) == CONTENT


@pytest.mark.parametrize(
    ("members", "reason"),
    [
        ({"a/other.bin": CONTENT}, "the archive does not hold the file"),
        ({"a/sample.bin": CONTENT[:-1]}, "ended after"),
        ({"a/sample.bin": CONTENT[::-1]}, "gives other bytes"),
    ],
)
def test_archive_faults(
    members: dict[str, bytes], reason: str, tmp_path: Path, zoo_home: Path
) -> None:
    address = _archive(tmp_path / "all.tgz", "w:gz", members)
    assert reason in refusal(with_sources(f"{address}#a/sample.bin"), zoo_home)


def test_an_archive_that_is_none(tmp_path: Path, zoo_home: Path) -> None:
    (tmp_path / "all.tar").write_bytes(b"\x01" * 2048)
    address = (tmp_path / "all.tar").as_uri()
    assert "damaged archive" in refusal(with_sources(f"{address}#a/sample.bin"), zoo_home)


def test_an_archive_with_an_enormous_member_before(tmp_path: Path, zoo_home: Path) -> None:
    small = artifact(b"tiny", SAMPLE.file)
    members = {"a/big.bin": bytes(65 << 20), "a/sample.bin": b"tiny"}
    address = _archive(tmp_path / "all.tgz", "w:gz", members)
    wanted = Artifact(**{**vars(small), "sources": (f"{address}#a/sample.bin",)})
    assert "far larger than the file" in refusal(wanted, zoo_home)
