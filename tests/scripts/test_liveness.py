"""The hub notices who is lost, and only that."""

from __future__ import annotations

import queue
import socket
import sys
import time
from collections.abc import Callable, Iterator

import liveness
import pytest
from jobs import Job
from liveness import Hub, Member

Losses = queue.SimpleQueue


@pytest.fixture(autouse=True)
def short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(liveness, "BEAT", 0.2)
    monkeypatch.setattr(liveness, "SILENCE", 2.0)


@pytest.fixture
def losses() -> Losses[str]:
    return queue.SimpleQueue()


@pytest.fixture
def hub(losses: Losses[str]) -> Iterator[Hub]:
    hub = Hub(("127.0.0.1", 0), 2, losses.put)
    yield hub
    hub.close()


def member(hub: Hub, name: str = "worker 0", then: str = "time.sleep(60)") -> Job:
    """A process that joins the hub."""
    program = (
        f"import liveness, time\nmember = liveness.Member({name!r}, {hub.address!r})\n{then}\n"
    )
    return Job(sys.executable, "-c", program)


def wait_for(job: Job, reached: Callable[[], bool]) -> None:
    while not reached():
        assert job.process.poll() is None
        time.sleep(0.02)


def reached(goal: Callable[[], bool], seconds: float = 20) -> bool:
    """Whether it is so within that time."""
    last = time.monotonic() + seconds
    while not (done := goal()) and time.monotonic() < last:
        time.sleep(0.02)
    return done


def silent(hub: Hub, *lines: str) -> socket.socket:
    """A connection that says these lines and then nothing."""
    connection = socket.create_connection(hub.address, timeout=10)
    for line in lines:
        connection.sendall(line.encode() + b"\n")
    return connection


def test_one_that_dies_is_lost_and_the_others_are_told(hub: Hub, losses: Losses[str]) -> None:
    with silent(hub, "worker 1"):
        pass
    assert losses.get(timeout=10) == "worker 1 is gone"
    other = member(hub)
    wait_for(other, lambda: len(hub._joined) == 2)
    hub.end("worker 1 is gone")
    code, _, err = other.ended(timeout=20)
    assert code == liveness.LOST
    assert err.startswith("worker 0 (")
    assert err.endswith("ends: worker 1 is gone.\n")


def test_one_that_falls_silent_is_lost(hub: Hub, losses: Losses[str]) -> None:
    with silent(hub, "server 0"):
        assert losses.get(timeout=20) == "server 0 has said nothing for 2 s"
    assert losses.empty()


def test_one_that_leaves_is_not_lost(hub: Hub, losses: Losses[str]) -> None:
    code, _, err = member(hub, then="member.leave()").ended(timeout=60)
    assert (code, err) == (0, "")
    hub.wait(5)
    time.sleep(0.5)
    assert losses.empty()


def test_one_that_fails_says_why(hub: Hub, losses: Losses[str]) -> None:
    member(hub, then="member.fail('no data')").ended(timeout=60)
    reason = losses.get(timeout=10)
    assert reason.startswith("worker 0 (")
    assert reason.endswith("): no data")
    assert losses.empty()


def test_a_hub_that_goes_away_ends_its_members(hub: Hub) -> None:
    joined = member(hub)
    wait_for(joined, lambda: bool(hub._joined))
    hub.close()
    code, _, err = joined.ended(timeout=20)
    assert code == liveness.LOST
    assert "whatever watches the job is gone" in err


def test_a_hub_that_is_not_there(hub: Hub) -> None:
    hub.close()
    code, _, err = member(hub).ended(timeout=60)
    assert code == liveness.LOST
    assert f"nothing answers at 127.0.0.1:{hub.address[1]}" in err


def test_who_comes_when_all_are_there_is_a_stranger(hub: Hub, losses: Losses[str]) -> None:
    with silent(hub, "worker 0") as worker, silent(hub, "server 0") as server:
        assert reached(lambda: len(hub._joined) == 2)
        with silent(hub, "server 0 (another job)") as stranger:
            assert reached(lambda: not stranger.recv(100))  # nor a sign of life more
        for one in (worker, server):
            one.sendall(b"bye\n")
        hub.wait(5)
    assert losses.empty()


def test_how_long_all_may_take_to_arrive() -> None:
    program = "import liveness; print(liveness.ARRIVAL)"
    _, out, _ = Job(sys.executable, "-c", program, ZOO_ARRIVAL="3600").ended(60)
    assert out == "3600.0\n"
    code, _, err = Job(sys.executable, "-c", program, ZOO_ARRIVAL="2m").ended(60)
    assert (code, err) == (1, "ZOO_ARRIVAL has to be a number of seconds, not '2m'.\n")


def test_strangers_lose_nothing(hub: Hub, losses: Losses[str]) -> None:
    for lines in ((), ("GET / HTTP/1.1",), ("x" * 10_000,), ("",)):
        silent(hub, *lines).close()
    with silent(hub):  # never says who it is
        time.sleep(3)
    assert losses.empty()


def test_who_does_not_come_is_missed(monkeypatch: pytest.MonkeyPatch, losses: Losses[str]) -> None:
    monkeypatch.setattr(liveness, "ARRIVAL", 0.5)
    hub = Hub(("127.0.0.1", 0), 2, losses.put)
    with silent(hub, "worker 1"):
        reason = losses.get(timeout=10)
    hub.close()
    assert reason == "2 had to join within 0 s, but only worker 1 did"


def test_a_member_beats(hub: Hub, losses: Losses[str]) -> None:
    """One that has nothing to say is heard all the same, beyond the bound of silence."""
    own = Member("scheduler", hub.address)
    try:
        time.sleep(3)
        assert losses.empty()
    finally:  # which would end this very process when the hub closes
        own.leave()
