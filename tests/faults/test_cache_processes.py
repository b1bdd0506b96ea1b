"""Many at once, with locks and without; killed and stopped at any moment."""

from __future__ import annotations

import os
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from bounds import Seen
from hostile_answers import ANSWERS
from hostile_server import HostileServer, Talk
from mirrors import CONTENT, SAMPLE, files_in
from processes import spawn

from zoo import cache, downloading, partial, receiving
from zoo.cache import cached_path
from zoo.fetching import read_artifact

MANY = 32


def _slowly(talk: Talk) -> None:
    """The file from where it is asked for, over a quarter of a second."""
    start, size = talk.start, len(talk.content)
    status = "206 Partial Content" if start else "200 OK"
    span = f"bytes {start}-{size - 1}/{size}" if start else None
    talk.reply(b"", status, Content_Length=size - start, Content_Range=span, ETag='"first"')
    for position in range(start, size, 8192):
        talk.send(talk.content[position : position + 8192])
        time.sleep(0.01)


@pytest.fixture
def slow(hostile: HostileServer) -> str:
    hostile.answers["slow"] = _slowly
    return f"{hostile.address}/slow"


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch, short_waits: None) -> None:
    """Nobody is silent here, but a machine with so many processes may be slow."""
    monkeypatch.setattr(downloading, "SILENCE_SECONDS", 15.0)
    monkeypatch.setattr(receiving, "TOTAL_SECONDS", 50.0)


def _only_the_file(home: Path) -> None:
    assert [name[17:] for name in files_in(home)] == ["sample.bin"]


@pytest.mark.parametrize("locks", [True, False], ids=["locks", "flock_does_nothing"])
def test_32_processes_on_a_cold_cache(
    locks: bool, slow: str, hostile: HostileServer, zoo_home: Path, tmp_path: Path, seen: Seen
) -> None:
    """all get the right bytes; one GET where locks work"""
    gate = tmp_path / "gate"
    children = [spawn(zoo_home, slow, locks=locks, gate=str(gate)) for _ in range(MANY)]
    gate.touch()
    for child in children:
        child.join(60)
    assert [child.exitcode for child in children] == [0] * MANY
    seen(f"{MANY} right, {len(hostile.talks)} GET")
    assert not locks or len(hostile.talks) == 1
    _only_the_file(zoo_home)


@pytest.mark.parametrize("locks", [True, False], ids=["locks", "flock_does_nothing"])
def test_32_threads_on_a_cold_cache(
    locks: bool,
    slow: str,
    hostile: HostileServer,
    zoo_home: Path,
    seen: Seen,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """all get the right bytes; one GET where locks work"""
    if not locks:
        monkeypatch.setattr("fcntl.flock", lambda *_: None)
    with ThreadPoolExecutor(MANY) as pool:
        found = list(pool.map(lambda _: read_artifact(SAMPLE, mirrors=[slow]), range(MANY)))
    assert all(content == CONTENT for content in found)
    seen(f"{MANY} right, {len(hostile.talks)} GET")
    assert not locks or len(hostile.talks) == 1
    _only_the_file(zoo_home)


@pytest.mark.parametrize("moment", range(20))
def test_killed_at_a_moment(
    moment: int, slow: str, hostile: HostileServer, zoo_home: Path, seen: Seen
) -> None:
    """SIGKILL: nothing wrong is visible; the next run goes on from there and leaves nothing over"""
    child = spawn(zoo_home, slow)
    while not hostile.talks and child.is_alive():
        time.sleep(0.001)
    time.sleep(moment * 0.016)
    child.kill()
    child.join(10)
    path = cached_path(SAMPLE)
    assert not path.exists() or path.read_bytes() == CONTENT
    assert read_artifact(SAMPLE, mirrors=[slow]) == CONTENT
    seen(f"asked from {', '.join(str(talk.start) for talk in hostile.talks)}")
    _only_the_file(zoo_home)


def test_lock_holder_stopped(
    hostile: HostileServer, zoo_home: Path, monkeypatch: pytest.MonkeyPatch, seen: Seen
) -> None:
    """SIGSTOP of the process that downloads: another one does it after a short wait"""
    monkeypatch.setattr(cache, "_PATIENCE", 0.5)
    child = spawn(zoo_home, f"{hostile.address}/stalled_body")
    assert hostile.reached.wait(30)
    time.sleep(0.1)
    os.kill(child.pid or 0, signal.SIGSTOP)
    start = time.monotonic()
    assert read_artifact(SAMPLE, mirrors=[f"{hostile.address}/healthy"]) == CONTENT
    seen(f"waited {time.monotonic() - start:.1f} s for patience of 0.5 s")
    assert time.monotonic() - start < 5
    child.kill()
    child.join(10)


@pytest.mark.parametrize("silent", [600.0, 0.2], ids=["soon", "after_ten_minutes"])
def test_lock_holder_stopped_and_continued(
    silent: float, hostile: HostileServer, zoo_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """a stopped download that goes on later cannot spoil the file that another one published"""
    monkeypatch.setattr(cache, "_PATIENCE", 0.5)
    monkeypatch.setattr(partial, "SILENT_SECONDS", silent)
    hostile.answers["gated"] = _gated
    child = spawn(zoo_home, f"{hostile.address}/gated")
    assert hostile.reached.wait(30)
    os.kill(child.pid or 0, signal.SIGSTOP)
    assert read_artifact(SAMPLE, mirrors=[f"{hostile.address}/healthy"]) == CONTENT
    os.kill(child.pid or 0, signal.SIGCONT)
    child.join(20)
    assert child.exitcode == 0
    assert cached_path(SAMPLE).read_bytes() == CONTENT
    _only_the_file(zoo_home)


def _gated(talk: Talk) -> None:
    talk.reply(talk.content[:5000], Content_Length=len(talk.content))
    talk.server.reached.set()
    time.sleep(2)
    talk.send(talk.content[5000:])


def test_killed_while_several_wait(hostile: HostileServer, zoo_home: Path) -> None:
    """the one that downloads is killed: one of those that wait goes on from its bytes"""
    hostile.answers["first_stalls"] = lambda talk: ANSWERS[
        "stalled_body" if talk.count == 1 else "healthy"
    ](talk)
    mirror = f"{hostile.address}/first_stalls"
    first = spawn(zoo_home, mirror)
    assert hostile.reached.wait(30)
    others = [spawn(zoo_home, mirror) for _ in range(4)]
    time.sleep(0.5)
    first.kill()
    for child in others:
        child.join(30)
    assert [child.exitcode for child in others] == [0] * 4
    assert [talk.start for talk in hostile.talks] == [0, 5000]
    _only_the_file(zoo_home)


def test_killed_after_another_one_published(
    hostile: HostileServer, zoo_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """stopped, overtaken, and killed then: what it left goes with the next use of the file"""
    monkeypatch.setattr(cache, "_PATIENCE", 0.2)
    child = spawn(zoo_home, f"{hostile.address}/stalled_body")
    assert hostile.reached.wait(30)
    time.sleep(0.1)
    os.kill(child.pid or 0, signal.SIGSTOP)
    assert read_artifact(SAMPLE, mirrors=[f"{hostile.address}/healthy"]) == CONTENT
    assert any(name.endswith(".part") for name in files_in(zoo_home))
    child.kill()
    child.join(10)
    assert read_artifact(SAMPLE, mirrors=[]) == CONTENT
    _only_the_file(zoo_home)


def test_left_over_of_other_files_is_swept(hostile: HostileServer, zoo_home: Path) -> None:
    """partial files that nobody touched for a day go with the next download"""
    folder = zoo_home / "weights"
    folder.mkdir()
    old = [folder / f".{'a' * 64}{end}" for end in (".part", ".0badcafe-1.1-00000000.part")]
    old += [folder / f".{'a' * 64}.validator", folder / f".{'a' * 16}-x.lock"]
    old += [folder / f".{'a' * 16}-y.0badcafe.damaged"]
    for path in old:
        path.write_bytes(b"x")
        os.utime(path, (1, 1))
    assert read_artifact(SAMPLE, mirrors=[f"{hostile.address}/healthy"]) == CONTENT
    _only_the_file(zoo_home)


def test_left_over_of_another_machine(hostile: HostileServer, zoo_home: Path) -> None:
    """silent for ten minutes: its bytes are copied and used, since its process may only sleep"""
    folder = zoo_home / "weights"
    folder.mkdir()
    left = folder / f".{SAMPLE.sha256}.0badcafe-1.1-00000000.part"
    left.write_bytes(CONTENT[:5000])
    with left.open("r+b") as still_open:
        os.utime(left, (1, 1))
        assert read_artifact(SAMPLE, mirrors=[f"{hostile.address}/healthy"]) == CONTENT
        still_open.write(b"late")
    assert hostile.talks[0].start == 5000
    assert cached_path(SAMPLE).read_bytes() == CONTENT
    _only_the_file(zoo_home)


def test_the_file_of_a_living_process_is_left_alone(hostile: HostileServer, zoo_home: Path) -> None:
    """a fresh partial file of another machine is neither taken nor removed"""
    folder = zoo_home / "weights"
    folder.mkdir()
    left = folder / f".{SAMPLE.sha256}.0badcafe-1.1-00000000.part"
    left.write_bytes(CONTENT[:5000])
    assert read_artifact(SAMPLE, mirrors=[f"{hostile.address}/healthy"]) == CONTENT
    assert hostile.talks[0].start == 0
    assert left.read_bytes() == CONTENT[:5000]


def test_answers_are_named_once() -> None:
    """every answer of the hostile server is a case of some test"""
    tests = "".join(path.read_text() for path in Path(__file__).parent.glob("test_*.py"))
    assert [name for name in ANSWERS if name not in tests] == []
