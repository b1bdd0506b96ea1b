from __future__ import annotations

import contextlib
import hashlib
import os
from pathlib import Path

from mirrors import CONTENT, SAMPLE, files_in

from zoo.owners import machine
from zoo.partial import abandoned, growing, partial_file

SHARED = f".{SAMPLE.sha256}.part"


def _leave(folder: Path, count: int) -> None:
    with contextlib.suppress(KeyboardInterrupt), partial_file(folder, SAMPLE) as file:
        file.write(CONTENT[:count])
        file.note("https://example.org/x?secret", '"v1"')
        raise KeyboardInterrupt


def test_published_under_its_name(tmp_path: Path) -> None:
    with partial_file(tmp_path, SAMPLE) as file:
        file.write(CONTENT)
        assert file.sha256 == SAMPLE.sha256
        file.publish(tmp_path / "final")
    assert files_in(tmp_path) == ["final"]
    assert (tmp_path / "final").read_bytes() == CONTENT


def test_what_an_interrupted_one_leaves(tmp_path: Path) -> None:
    _leave(tmp_path, 1000)
    assert files_in(tmp_path) == sorted([SHARED, f".{SAMPLE.sha256}.validator"])
    assert "secret" not in (tmp_path / f".{SAMPLE.sha256}.validator").read_text()


def test_the_next_one_goes_on(tmp_path: Path) -> None:
    _leave(tmp_path, 1000)
    with partial_file(tmp_path, SAMPLE) as file:
        assert file.size == 1000
        assert file.sha256 == hashlib.sha256(CONTENT[:1000]).hexdigest()
        assert file.validator("https://example.org/x?secret") == '"v1"'
        assert file.validator("https://example.org/y") == ""
        file.write(CONTENT[1000:])
        file.publish(tmp_path / "final")
    assert (tmp_path / "final").read_bytes() == CONTENT
    assert files_in(tmp_path) == ["final"]


def test_begun_again(tmp_path: Path) -> None:
    _leave(tmp_path, 1000)
    with partial_file(tmp_path, SAMPLE) as file:
        file.restart()
        file.write(CONTENT)
        file.publish(tmp_path / "final")
    assert (tmp_path / "final").read_bytes() == CONTENT


def test_two_at_once_have_files_of_their_own(tmp_path: Path) -> None:
    _leave(tmp_path, 1000)
    with partial_file(tmp_path, SAMPLE) as first, partial_file(tmp_path, SAMPLE) as second:
        assert (first.size, second.size) == (1000, 0)
        assert growing(tmp_path, SAMPLE.sha256, 60)
        assert abandoned(tmp_path, SAMPLE.sha256) == []
        first.discard()
        second.discard()
    assert files_in(tmp_path) == []


def test_the_longest_is_taken_and_the_others_go(tmp_path: Path) -> None:
    dead = f"{machine()}-{2**22 + 1}.1"
    for number, count in enumerate((10, 30, 20)):
        name = f".{SAMPLE.sha256}.{dead}-0000000{number}.part"
        (tmp_path / name).write_bytes(CONTENT[:count])
    with partial_file(tmp_path, SAMPLE) as file:
        assert file.size == 30
        assert len(files_in(tmp_path)) == 1
        file.discard()


def test_nothing_is_left_after_an_error_of_the_disk(tmp_path: Path) -> None:
    with contextlib.suppress(OSError), partial_file(tmp_path, SAMPLE) as file:
        file.write(b"x")
        raise OSError("full")
    assert files_in(tmp_path) == []


def test_a_silent_file_is_abandoned(tmp_path: Path) -> None:
    with partial_file(tmp_path, SAMPLE) as file:
        path = next(tmp_path.glob(".*.part"))
        os.utime(path, (1, 1))
        assert abandoned(tmp_path, SAMPLE.sha256) == [path]
        file.discard()
