from __future__ import annotations

import errno
import os
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from mirrors import CONTENT, SAMPLE, mirror_folder
from records import artifact

from zoo import cache
from zoo.cache import cache_folder, cached_path, list_cached, prune, single_flight, verify_cached
from zoo.errors import ChecksumError, ConfigError, DownloadError
from zoo.fetching import fetch_artifact

OTHER = artifact(b"other", "other.txt")


@pytest.fixture
def filled(tmp_path: Path) -> tuple[Path, Path]:
    """Two cached files: the sample among the data, the other among the weights."""
    mirror_folder(tmp_path / "mirror", b"other", OTHER.file)
    mirrors = [mirror_folder(tmp_path / "mirror", CONTENT)]
    return (
        fetch_artifact(SAMPLE, mirrors=mirrors, subfolder="data"),
        fetch_artifact(OTHER, mirrors=mirrors),
    )


def _old(path: Path) -> Path:
    os.utime(path, (0, 0), follow_symlinks=False)
    return path


def _overwrite(path: Path, content: bytes) -> None:
    path.chmod(0o644)
    path.write_bytes(content)


def test_the_folder_follows_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ZOO_HOME", str(tmp_path))
    assert cache_folder("data") == tmp_path / "data"
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("ZOO_HOME", "~/mine")
    assert cache_folder() == tmp_path / "mine"
    monkeypatch.setenv("ZOO_HOME", "~nobody-of-that-name/mine")
    with pytest.raises(ConfigError, match="'~nobody-of-that-name/mine' names the home folder"):
        cache_folder()
    monkeypatch.delenv("ZOO_HOME")
    assert cache_folder("weights").parts[-2:] == ("gluon-zoo", "weights")


def test_a_linked_cache_folder_works(
    tmp_path: Path, zoo_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "link").symlink_to(zoo_home)
    monkeypatch.setenv("ZOO_HOME", str(tmp_path / "link"))
    fetch_artifact(SAMPLE, mirrors=[mirror_folder(tmp_path / "mirror", CONTENT)])
    assert [one.name for one in list_cached()] == ["sample.bin"]


def test_list(filled: tuple[Path, Path], zoo_home: Path) -> None:
    (zoo_home / "weights" / "notes.txt").write_text("no cached file")
    sample, other = list_cached()
    assert (sample.path, other.path) == filled
    assert (sample.subfolder, sample.name, sample.size) == ("data", "sample.bin", SAMPLE.size)
    assert other.digest == OTHER.sha256[:16]


def test_list_of_nothing() -> None:
    assert list_cached() == []


def test_verify(filled: tuple[Path, Path]) -> None:
    assert [problem for _, problem in verify_cached([SAMPLE])] == [None, None]
    _overwrite(filled[0], CONTENT[:-1])
    _overwrite(filled[1], b"othr!")
    problems = [problem for _, problem in verify_cached([SAMPLE])]
    assert problems[0] is not None
    assert f"{SAMPLE.size - 1} bytes instead of {SAMPLE.size}" in str(problems[0])
    assert problems[1] is not None
    assert f"its name says {OTHER.sha256[:16]}" in str(problems[1])


def _unreadable(monkeypatch: pytest.MonkeyPatch, number: int) -> str:
    """Lets no cached file be opened; what the system says to that."""
    opened = os.open

    def refuse(path: Path, *rest: int) -> int:
        if Path(path).name.endswith((SAMPLE.basename, OTHER.basename)):
            raise OSError(number, os.strerror(number), str(path))
        return opened(path, *rest)

    monkeypatch.setattr(os, "open", refuse)
    return os.strerror(number)


PASSING = [errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EIO, errno.ESTALE, errno.ETIMEDOUT]
LASTING = [
    errno.EINVAL,
    errno.ELOOP,
    errno.EISDIR,
    errno.ENXIO,
    errno.ENOTDIR,
    errno.ENAMETOOLONG,
    errno.EACCES,
    errno.EPERM,
]


@pytest.mark.parametrize("number", PASSING)
def test_what_cannot_be_read_now_is_no_damage(
    number: int, filled: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    said = _unreadable(monkeypatch, number)
    for _, problem in verify_cached([SAMPLE]):
        assert isinstance(problem, DownloadError)
        assert f"cannot be read: {said}. Try again" in str(problem)
    with pytest.raises(DownloadError, match=f"{filled[0]} cannot be read: {said}"):
        cache.check_file(filled[0], SAMPLE)


@pytest.mark.parametrize("number", LASTING)
def test_what_is_no_file_of_ours_is_damage(
    number: int, filled: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    said = _unreadable(monkeypatch, number)
    for _, problem in verify_cached([SAMPLE]):
        assert isinstance(problem, ChecksumError)
    with pytest.raises(ChecksumError, match=f"cannot be read as a file: {said}"):
        cache.check_file(filled[0], SAMPLE)


def test_prune_keeps_what_is_wanted(filled: tuple[Path, Path], zoo_home: Path) -> None:
    names = ("-x.0badcafe.damaged", "-x.lock", f"{'0' * 48}.part", f"{'0' * 48}.validator")
    leftovers = [zoo_home / "data" / f".{'0' * 16}{name}" for name in (*names, ".damaged")]
    leftovers.append(zoo_home / "data" / f"..{'0' * 16}.seen.0badcafe-1.1-00000000.part")
    others = [zoo_home / "data" / name for name in (".x.lock", ".y.part", ".profile.damaged")]
    for path in (*leftovers, *others):
        path.touch()
        _old(path)
    young = zoo_home / "data" / f".{'1' * 64}.part"
    young.touch()
    assert set(prune([SAMPLE])) >= {filled[1], *leftovers}
    assert filled[0].exists()
    assert all(one.exists() for one in (young, *others))
    assert prune() == [filled[0]]


@pytest.mark.parametrize("kind", ["folder", "fifo", "link", "loop"])
def test_only_regular_files_pass(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "file"
    (tmp_path / "real").write_bytes(CONTENT)
    makers = {
        "folder": lambda: path.mkdir(),
        "fifo": lambda: os.mkfifo(path),
        "link": lambda: path.symlink_to(tmp_path / "real"),
        "loop": lambda: path.symlink_to(path),
    }
    makers[kind]()
    with pytest.raises(ChecksumError, match="cannot be read as a file"):
        cache.check_file(path, SAMPLE)


@pytest.mark.parametrize("keep", [True, False])
def test_wrong_bytes_of_the_right_size(keep: bool, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(CONTENT[::-1])
    with pytest.raises(ChecksumError, match=f"instead of {SAMPLE.sha256}"):
        cache.check_file(tmp_path / "file", SAMPLE, keep=keep)


def test_a_stopped_holder_of_the_lock_blocks_nobody_for_long(
    zoo_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = cached_path(SAMPLE)
    path.parent.mkdir()
    program = (
        "import sys, time; from pathlib import Path; from zoo.cache import single_flight\n"
        "with single_flight(Path(sys.argv[1]), '0' * 64): print('held', flush=True); time.sleep(60)"
    )
    environment = {**os.environ, "PYTHONPATH": str(Path(cache.__file__).parents[1])}
    holder = subprocess.Popen(
        [sys.executable, "-c", program, str(path)], env=environment, stdout=subprocess.PIPE
    )
    monkeypatch.setattr(cache, "_PATIENCE", 0.2)
    with holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        start = time.monotonic()
        with single_flight(path, SAMPLE.sha256):
            waited = time.monotonic() - start
        holder.kill()
    assert 0.2 <= waited < 5


def test_who_is_told_to_stop_waits_for_no_lock(zoo_home: Path) -> None:
    path = cached_path(SAMPLE)
    path.parent.mkdir()
    halt = threading.Event()
    with ThreadPoolExecutor(1) as pool, single_flight(path, SAMPLE.sha256):
        waiting = pool.submit(_go_through, path, halt)
        time.sleep(0.2)
        assert not waiting.done()
        halt.set()
        waiting.result(timeout=5)


def _go_through(path: Path, halt: threading.Event) -> None:
    with single_flight(path, SAMPLE.sha256, halt):
        pass


def test_only_what_is_asked_for_is_hashed(
    filled: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    hashed = []
    monkeypatch.setattr(cache, "_problem", lambda one, _: hashed.append(one.path))
    assert len(list(verify_cached([SAMPLE], only={filled[0]}))) == 1
    assert hashed == [filled[0]]
