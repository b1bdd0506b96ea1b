from __future__ import annotations

import contextlib
import hashlib
import os
from pathlib import Path

import pytest
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


@pytest.mark.parametrize("content", ["[" * 2048, "{", "7", '{"source": 1}', "\xff"])
def test_a_note_that_is_none(content: str, tmp_path: Path) -> None:
    (tmp_path / f".{SAMPLE.sha256}.validator").write_text(content, "latin-1")
    with partial_file(tmp_path, SAMPLE) as file:
        assert file.validator("https://example.org/x") == ""
        file.discard()


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


def test_what_is_taken_over_is_at_work_again(tmp_path: Path) -> None:
    """Else whoever tidies up takes it for silent, before the first new byte has come."""
    _leave(tmp_path, 1000)
    os.utime(tmp_path / SHARED, (1, 1))
    with partial_file(tmp_path, SAMPLE) as file:
        assert file.size == 1000
        assert growing(tmp_path, SAMPLE.sha256, 60)
        assert abandoned(tmp_path, SAMPLE.sha256) == []
        file.discard()


@pytest.mark.parametrize("kind", ["folder", "link", "too large"])
def test_what_is_not_ours_to_take_is_passed_over(kind: str, tmp_path: Path) -> None:
    """It is named like the file of a process elsewhere, which has been silent for long."""
    found = tmp_path / f".{SAMPLE.sha256}.00000000-1.1-00000000.part"
    if kind == "folder":
        found.mkdir()
    elif kind == "link":
        found.symlink_to(tmp_path / "anything")
        (tmp_path / "anything").write_bytes(CONTENT[:1000])
    else:
        with found.open("wb") as large:
            large.truncate(SAMPLE.size + 1)
    os.utime(found, (1, 1), follow_symlinks=False)
    with partial_file(tmp_path, SAMPLE) as file:
        assert file.size == 0
        file.write(CONTENT)
        file.publish(tmp_path / "final")
    assert (tmp_path / "final").read_bytes() == CONTENT


def test_whole_and_read_only_but_not_yet_published(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed right before its last step, by a user who may not write what is read-only."""
    _leave(tmp_path, SAMPLE.size)
    (tmp_path / SHARED).chmod(0o444)
    opened = os.open

    def as_no_root(path: Path, flags: int, *rest: int) -> int:
        if flags & os.O_RDWR and Path(path).exists() and not os.stat(path).st_mode & 0o200:
            raise PermissionError(13, "Permission denied")
        return opened(path, flags, *rest)

    monkeypatch.setattr(os, "open", as_no_root)
    with partial_file(tmp_path, SAMPLE) as file:
        assert (file.size, file.sha256) == (SAMPLE.size, SAMPLE.sha256)
        file.publish(tmp_path / "final")


def test_an_address_that_is_no_text(tmp_path: Path) -> None:
    address = os.fsdecode(b"/mirrors/Gr\xf6\xdfe")
    with partial_file(tmp_path, SAMPLE) as file:
        file.note(address, '"v1"')
        assert file.validator(address) == '"v1"'
        file.discard()
