from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from zoo import atomic
from zoo.atomic import atomic_file, write_atomically
from zoo.owners import own_path


def _names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_nothing_is_visible_before_the_end(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"old")
    with atomic_file(path) as file:
        file.write(b"new")
        file.flush()
        assert path.read_bytes() == b"old"
    assert path.read_bytes() == b"new"
    assert _names(tmp_path) == ["file"]


def _interrupted(path: Path) -> None:
    with atomic_file(path) as file:
        file.write(b"half")
        raise KeyboardInterrupt


def test_an_exception_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        _interrupted(tmp_path / "file")
    assert _names(tmp_path) == []


def test_a_link_at_the_temporary_name_is_not_followed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("secrets.token_hex", lambda count: "same")
    precious = tmp_path / "precious"
    precious.write_bytes(b"precious")
    own_path(tmp_path, "file").symlink_to(precious)
    with pytest.raises(FileExistsError):
        write_atomically(tmp_path / "file", b"new")
    assert precious.read_bytes() == b"precious"


def test_a_link_at_the_final_name_is_replaced(tmp_path: Path) -> None:
    precious = tmp_path / "precious"
    precious.write_bytes(b"precious")
    (tmp_path / "file").symlink_to(precious)
    write_atomically(tmp_path / "file", b"new")
    assert precious.read_bytes() == b"precious"
    assert not (tmp_path / "file").is_symlink()


@pytest.mark.parametrize(("umask", "mode"), [("022", 0o444), ("077", 0o400), ("000", 0o444)])
def test_read_only_within_the_umask(umask: str, mode: int, tmp_path: Path) -> None:
    program = (
        f"import os, sys; os.umask(0o{umask}); from pathlib import Path; import zoo.atomic\n"
        "with zoo.atomic.atomic_file(Path(sys.argv[1]), read_only=True) as file: file.write(b'x')"
    )
    environment = {**os.environ, "PYTHONPATH": str(Path(atomic.__file__).parents[1])}
    path = tmp_path / "file"
    subprocess.run([sys.executable, "-c", program, str(path)], env=environment, check=True)
    assert path.stat().st_mode & 0o777 == mode


def test_file_and_folder_reach_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    steps: list[str] = []
    sync, rename = os.fsync, os.replace

    def fsync(descriptor: int) -> None:
        steps.append("folder" if os.path.isdir(f"/proc/self/fd/{descriptor}") else "file")
        sync(descriptor)

    def replace(source: Path, target: Path) -> None:
        steps.append("rename")
        rename(source, target)

    monkeypatch.setattr(os, "fsync", fsync)
    monkeypatch.setattr(os, "replace", replace)
    write_atomically(tmp_path / "file", b"new")
    assert steps == ["file", "rename", "folder"]


def _fsync_of_folders(number: int, monkeypatch: pytest.MonkeyPatch) -> None:
    sync = os.fsync

    def fsync(descriptor: int) -> None:
        if os.path.isdir(f"/proc/self/fd/{descriptor}"):
            raise OSError(number, os.strerror(number))
        sync(descriptor)

    monkeypatch.setattr(os, "fsync", fsync)


@pytest.mark.parametrize(
    "number",
    [
        errno.EINVAL,
        errno.EBADF,
        errno.EACCES,
        errno.ENOTSUP,
        errno.EOPNOTSUPP,
        errno.ENOSYS,
    ],
)
def test_a_folder_that_cannot_be_synced_is_no_failure(
    number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _fsync_of_folders(number, monkeypatch)
    write_atomically(tmp_path / "file", b"new")
    assert (tmp_path / "file").read_bytes() == b"new"


@pytest.mark.parametrize("number", [errno.EIO, errno.ENOSPC])
def test_a_disk_that_fails_is_one(
    number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _fsync_of_folders(number, monkeypatch)
    with pytest.raises(OSError, match=os.strerror(number)):
        write_atomically(tmp_path / "file", b"new")


def test_a_folder_that_cannot_be_opened_is_no_failure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = os.open

    def refuse(path: Path, *rest: int) -> int:
        if Path(path) == tmp_path:
            raise PermissionError(errno.EACCES, "Permission denied")
        return opened(path, *rest)

    monkeypatch.setattr(os, "open", refuse)
    write_atomically(tmp_path / "file", b"new")
    assert (tmp_path / "file").read_bytes() == b"new"


def test_what_a_killed_process_left_goes_with_the_next_write(tmp_path: Path) -> None:
    program = (
        "import os, signal, sys; from pathlib import Path; from zoo.atomic import atomic_file\n"
        "with atomic_file(Path(sys.argv[1])) as file:\n"
        "    file.write(b'half'); file.flush(); os.kill(os.getpid(), signal.SIGKILL)"
    )
    path = tmp_path / "[file]"
    done = subprocess.run([sys.executable, "-c", program, str(path)], check=False)
    assert done.returncode == -signal.SIGKILL
    kept = [".[file].0badcafe-1.1-00000000.part", ".[file].mine.part", ".other.part"]
    assert len(_names(tmp_path)) == 1
    for name in kept:
        (tmp_path / name).touch()
    write_atomically(path, b"whole")
    assert _names(tmp_path) == sorted([*kept, "[file]"])
    assert path.read_bytes() == b"whole"
