from __future__ import annotations

import errno
import hashlib
import multiprocessing
import os
import socket
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from multiprocessing.synchronize import Event
from pathlib import Path

import pytest
from file_server import FileServer
from mirrors import CONTENT, SAMPLE, files_in, mirror_folder, refusal, with_sources
from records import artifact, record

from zoo import fetching
from zoo.cache import cached_path
from zoo.display import Display
from zoo.errors import ChecksumError, DownloadError, ManifestError, OfflineError
from zoo.fetching import fetch_all, fetch_artifact, read_artifact
from zoo.manifest import Weights, parse_manifest


@pytest.fixture
def embedded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A stand-in for the package's folder of weights."""
    folder = tmp_path / "embedded"
    folder.mkdir()
    monkeypatch.setattr(fetching, "embedded_folder", lambda: folder)
    return folder


@pytest.fixture
def mirror(tmp_path: Path) -> str:
    """A mirror folder that has the sample."""
    return mirror_folder(tmp_path / "mirror", CONTENT)


def test_from_a_folder(mirror: str, zoo_home: Path) -> None:
    path = fetch_artifact(SAMPLE, mirrors=[mirror])
    assert path == zoo_home / "weights" / f"{SAMPLE.sha256[:16]}-sample.bin"
    assert path.read_bytes() == CONTENT
    assert path.stat().st_mode & 0o222 == 0


@pytest.mark.parametrize("separator", [" ", ",", "\n", " , "])
def test_mirrors_of_the_environment_in_order(
    tmp_path: Path, mirror: str, monkeypatch: pytest.MonkeyPatch, separator: str
) -> None:
    monkeypatch.setenv("ZOO_MIRROR", f"{tmp_path / 'none'}{separator}file://{mirror}")
    assert read_artifact(SAMPLE) == CONTENT


def test_data_has_its_own_mirrors(
    mirror: str, zoo_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ZOO_DATA_MIRROR", mirror)
    with pytest.raises(DownloadError, match="ZOO_MIRROR"):
        fetch_artifact(SAMPLE)
    assert fetch_artifact(SAMPLE, subfolder="data").parent == zoo_home / "data"


def test_embedded_first_and_never_copied(embedded: Path, zoo_home: Path) -> None:
    mirror_folder(embedded, CONTENT)
    assert fetch_artifact(SAMPLE) == embedded / SAMPLE.file
    assert read_artifact(SAMPLE) == CONTENT
    assert files_in(zoo_home) == []


@pytest.fixture
def packaged(monkeypatch: pytest.MonkeyPatch) -> None:
    """The sample is one of the package's own files."""
    weights = Weights.from_json(record(artifacts={"safetensors": SAMPLE.to_json()}))
    monkeypatch.setattr("zoo.manifest._packaged", lambda: {weights.name: weights})


def test_embedded_damaged_without_another_source(embedded: Path, packaged: None) -> None:
    mirror_folder(embedded, CONTENT[:-1] + b"?")
    with pytest.raises(ChecksumError, match="Reinstall gluon-zoo") as caught:
        fetch_artifact(SAMPLE)
    assert str(embedded) in str(caught.value)
    assert SAMPLE.sha256 in str(caught.value)
    assert hashlib.sha256(CONTENT[:-1] + b"?").hexdigest() in str(caught.value)


def test_embedded_damaged_with_another_source(
    embedded: Path, packaged: None, mirror: str, caplog: pytest.LogCaptureFixture
) -> None:
    mirror_folder(embedded, CONTENT[:-1])
    for _ in range(2):
        assert read_artifact(SAMPLE, mirrors=[mirror]) == CONTENT
    assert len([one for one in caplog.records if "reinstall" in one.message]) == 1


def test_another_hubs_file_of_an_embedded_name(
    embedded: Path, mirror: str, caplog: pytest.LogCaptureFixture
) -> None:
    mirror_folder(embedded, b"the package's own file of that name")
    assert read_artifact(SAMPLE, mirrors=[mirror]) == CONTENT
    assert caplog.records == []


def test_a_hit_reads_nothing_else(server: FileServer) -> None:
    for _ in range(3):
        assert read_artifact(SAMPLE, mirrors=[server.mirror()]) == CONTENT
    assert server.seen.total() == 1


def test_a_hit_removes_what_a_kill_after_the_rename_left(mirror: str, zoo_home: Path) -> None:
    path = fetch_artifact(SAMPLE, mirrors=[mirror])
    for name in (f".{path.name}.lock", f".{SAMPLE.sha256}.validator"):
        path.with_name(name).write_bytes(b"")
    assert read_artifact(SAMPLE, mirrors=[]) == CONTENT
    assert [one.name for one in path.parent.iterdir()] == [path.name]


def test_a_hit_leaves_a_read_only_cache_alone(mirror: str, zoo_home: Path) -> None:
    path = fetch_artifact(SAMPLE, mirrors=[mirror])
    before = files_in(zoo_home)
    path.parent.chmod(0o555)
    try:
        assert fetch_artifact(SAMPLE, mirrors=[]) == path
        assert read_artifact(SAMPLE, offline=True) == CONTENT
        assert files_in(zoo_home) == before
    finally:
        path.parent.chmod(0o755)


@pytest.mark.parametrize("damage", ["flip", "empty", "halve", "folder", "link", "fifo"])
def test_a_damaged_hit_heals(
    damage: str, mirror: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = fetch_artifact(SAMPLE, mirrors=[mirror])
    path.unlink()
    precious = tmp_path / "precious"
    precious.write_bytes(CONTENT)
    makers: dict[str, Callable[[], object]] = {
        "flip": lambda: path.write_bytes(b"!" + CONTENT[1:]),
        "empty": lambda: path.write_bytes(b""),
        "halve": lambda: path.write_bytes(CONTENT[: len(CONTENT) // 2]),
        "folder": lambda: path.mkdir(),
        "link": lambda: path.symlink_to(precious),
        "fifo": lambda: os.mkfifo(path),
    }
    makers[damage]()
    assert read_artifact(SAMPLE, mirrors=[mirror]) == CONTENT
    assert path.is_file()
    assert not path.is_symlink()
    assert precious.read_bytes() == CONTENT
    assert len(caplog.records) == 1
    assert len(list(path.parent.glob(".*.damaged"))) == 1


def test_a_hit_that_cannot_be_read_now_stays_where_it_is(
    mirror: str, zoo_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = fetch_artifact(SAMPLE, mirrors=[mirror])
    with monkeypatch.context() as patched:
        _refuse_to_open(path, patched)
        for read in (fetch_artifact, read_artifact):
            with pytest.raises(DownloadError, match=f"{path} cannot be read: Too many open files"):
                read(SAMPLE, mirrors=[mirror])
    assert files_in(zoo_home) == [path.name]
    assert fetch_artifact(SAMPLE, mirrors=[]) == path


def test_an_embedded_file_that_cannot_be_read_now(
    embedded: Path, packaged: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    mirror_folder(embedded, CONTENT)
    _refuse_to_open(embedded / SAMPLE.file, monkeypatch)
    with pytest.raises(DownloadError, match=f"{embedded}.* cannot be read: Too many open files"):
        fetch_artifact(SAMPLE)


def _refuse_to_open(unreadable: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened = os.open

    def refuse(path: Path, *rest: int) -> int:
        if Path(path) == unreadable:
            raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))
        return opened(path, *rest)

    monkeypatch.setattr(os, "open", refuse)


def test_the_cache_cannot_be_written(
    tmp_path: Path, mirror: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("ZOO_HOME", str(tmp_path / "file"))
    with pytest.raises(DownloadError, match="Set ZOO_HOME to a folder"):
        fetch_artifact(SAMPLE, mirrors=[mirror])


def test_the_next_source_takes_over(server: FileServer, tmp_path: Path) -> None:
    faults = [server.mirror(fault) for fault in ("flipped", "missing", "cut", "healthy")]
    assert read_artifact(SAMPLE, mirrors=[str(tmp_path / "none"), *faults]) == CONTENT


def test_own_sources_come_after_mirrors(server: FileServer) -> None:
    wanted = with_sources(f"{server.mirror()}/{SAMPLE.file}")
    assert read_artifact(wanted, mirrors=[server.mirror("missing")]) == CONTENT
    assert list(server.seen) == [
        f"/missing/{SAMPLE.file}",
        f"/missing/{SAMPLE.file}.gz",
        f"/healthy/{SAMPLE.file}",
    ]


def test_hugging_face_through_the_configured_endpoint(tmp_path: Path, server: FileServer) -> None:
    pytest.importorskip("huggingface_hub")
    server.files["me/weights/resolve/v1/sample.bin"] = CONTENT
    program = (
        "from records import artifact; from zoo.fetching import fetch_artifact\n"
        "content = bytes(range(256)) * 800 + b'end'\n"
        "fetch_artifact(artifact(content), mirrors=['hf://me/weights@v1'])"
    )
    paths = [str(Path(fetching.__file__).parents[1]), str(Path(__file__).parent)]
    environment = {**os.environ, "HF_ENDPOINT": server.mirror(), "HF_HOME": str(tmp_path)}
    environment["PYTHONPATH"] = os.pathsep.join(paths)
    subprocess.run([sys.executable, "-c", program], env=environment, check=True)
    assert server.seen == {"/healthy/me/weights/resolve/v1/sample.bin": 1}


def test_offline_opens_no_socket(
    mirror: str, server: FileServer, monkeypatch: pytest.MonkeyPatch, zoo_home: Path
) -> None:
    monkeypatch.setenv("ZOO_OFFLINE", "1")
    monkeypatch.setattr(socket, "socket", _no_socket)
    monkeypatch.setattr(socket, "getaddrinfo", _no_socket)
    with pytest.raises(OfflineError, match="not asked, the network is switched off"):
        fetch_artifact(SAMPLE, mirrors=[server.mirror()])
    assert read_artifact(SAMPLE, mirrors=[server.mirror(), mirror]) == CONTENT
    assert server.seen.total() == 0


def _no_socket(*arguments: object, **named: object) -> object:
    raise AssertionError("a socket was asked for")


@pytest.mark.parametrize(
    ("value", "expected"), [("1", True), ("yes", True), ("0", False), ("", False), ("No", False)]
)
def test_the_offline_switch(value: str, expected: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ZOO_OFFLINE", value)
    assert fetching.is_offline() is expected
    assert fetching.is_offline(not expected) is not expected


def test_several_of_which_some_are_cached(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    contents = [f"content {number}".encode() for number in range(6)]
    wanted = [artifact(content, f"{number}.bin") for number, content in enumerate(contents)]
    mirrors = [mirror_folder(tmp_path / "m", one, f"{n}.bin") for n, one in enumerate(contents)]
    paths = fetch_all(wanted, mirrors=mirrors[:1])
    paths[1].unlink()
    paths[4].chmod(0o644)
    paths[4].write_bytes(b"damaged 4")
    assert fetch_all(wanted, mirrors=mirrors[:1]) == paths
    assert [path.read_bytes() for path in paths] == contents
    assert [one.message.partition(" has ")[0] for one in caplog.records] == [str(paths[4])]
    assert fetch_all(wanted, mirrors=[]) == paths
    assert fetch_all([], mirrors=[]) == []


def test_several_of_which_some_are_embedded(embedded: Path, mirror: str) -> None:
    (embedded / "own.bin").write_bytes(b"own")
    own = artifact(b"own", "own.bin")
    assert fetch_all([SAMPLE, own], mirrors=[mirror]) == [cached_path(SAMPLE), embedded / "own.bin"]


def test_several_of_which_two_fail(mirror: str) -> None:
    missing = [artifact(name.encode(), name) for name in ("a.bin", "b.bin")]
    for offline in (True, False):
        with pytest.raises(OfflineError if offline else DownloadError) as caught:
            fetch_all([*missing, SAMPLE], mirrors=[mirror], offline=offline)
        assert [one.file in str(caught.value) for one in (*missing, SAMPLE)] == [True, True, False]


def test_several_of_which_one_is_of_another_size_than_said(mirror: str) -> None:
    path = fetch_artifact(SAMPLE, mirrors=[mirror])
    with pytest.raises(ManifestError, match=f"is {SAMPLE.size} bytes long"):
        fetch_all([replace(SAMPLE, size=7), SAMPLE], mirrors=[])
    assert path.read_bytes() == CONTENT


def test_embedded_damaged_in_a_package_without_a_manifest(
    embedded: Path, mirror: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    mirror_folder(embedded, CONTENT[:-1] + b"?")
    monkeypatch.setattr(fetching, "read_manifest", lambda: parse_manifest(b"", "here"))
    assert fetch_artifact(SAMPLE, mirrors=[mirror]) == cached_path(SAMPLE)


def test_no_source_at_all(zoo_home: Path) -> None:
    message = refusal(SAMPLE, zoo_home)
    assert "there is none" in message
    assert "ZOO_MIRROR" in message
    assert SAMPLE.sha256 in message


def test_an_empty_file(tmp_path: Path) -> None:
    empty = artifact(b"", "empty.txt")
    assert read_artifact(empty, mirrors=[mirror_folder(tmp_path, b"", "empty.txt")]) == b""


def test_the_bar_is_on_stderr(mirror: str, capsys: pytest.CaptureFixture[str]) -> None:
    fetch_artifact(SAMPLE, mirrors=[mirror], progress=True)
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "sample.bin" in captured.err


def test_no_bar_without_a_terminal(mirror: str, capfd: pytest.CaptureFixture[str]) -> None:
    fetch_artifact(SAMPLE, mirrors=[mirror])
    assert capfd.readouterr() == ("", "")


def _fetch_in_child(mirror: str, start: Event) -> None:
    start.wait(20)
    assert read_artifact(SAMPLE, mirrors=[mirror]) == CONTENT


def test_many_processes_download_once(server: FileServer, zoo_home: Path) -> None:
    context = multiprocessing.get_context("spawn")
    start = context.Event()
    children = [
        context.Process(target=_fetch_in_child, args=(server.mirror(), start)) for _ in range(4)
    ]
    for child in children:
        child.start()
    start.set()
    for child in children:
        child.join(60)
    assert [child.exitcode for child in children] == [0] * 4
    assert server.seen.total() == 1


def test_many_threads_download_once(server: FileServer) -> None:
    with ThreadPoolExecutor(16) as pool:
        results = pool.map(lambda _: read_artifact(SAMPLE, mirrors=[server.mirror()]), range(16))
        assert all(content == CONTENT for content in results)
    assert server.seen.total() == 1


def test_a_killed_download_leaves_nothing_visible(
    server: FileServer, zoo_home: Path, mirror: str
) -> None:
    child = multiprocessing.get_context("spawn").Process(
        target=fetch_artifact, args=(SAMPLE,), kwargs={"mirrors": [server.mirror("stalled")]}
    )
    child.start()
    assert server.stalled.wait(60)
    child.kill()
    child.join(60)
    assert not cached_path(SAMPLE).exists()
    assert read_artifact(SAMPLE, mirrors=[mirror]) == CONTENT


def test_the_leftover_of_a_killed_download_is_swept(zoo_home: Path, mirror: str) -> None:
    leftover = zoo_home / "weights" / f".{cached_path(SAMPLE).name}.1.abcd.part"
    leftover.parent.mkdir()
    leftover.write_bytes(CONTENT[:10])
    os.utime(leftover, (0, 0))
    fetch_artifact(SAMPLE, mirrors=[mirror])
    assert not leftover.exists()


def test_a_damaged_file_is_set_aside_by_who_fetches_it_alone(mirror: str) -> None:
    """Another process may have put a whole one there since somebody else looked."""
    path = fetch_artifact(SAMPLE, mirrors=[mirror])
    path.chmod(0o644)
    path.write_bytes(CONTENT[::-1])
    manner = fetching._Manner([mirror], False, "weights", Display(False))
    assert fetching._from_cache(SAMPLE, False, manner) is None
    assert path.read_bytes() == CONTENT[::-1]
    assert fetching._from_cache(SAMPLE, False, manner, alone=True) is None
    assert not path.exists()


def test_a_held_lock_is_not_tidied_away(zoo_home: Path) -> None:
    path = cached_path(SAMPLE)
    path.parent.mkdir()
    lock, left = (path.with_name(f".{path.name}.{one}") for one in ("lock", "0.damaged"))
    for one in (lock, left):
        one.touch()
        os.utime(one, (1, 1))
    fetching._sweep(path, SAMPLE)
    assert (lock.exists(), left.exists()) == (True, False)
