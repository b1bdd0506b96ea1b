"""Fixtures of the fault tests: the hostile server, short waits, and what the table is made from."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import pytest
from bounds import Seen
from hostile_answers import ANSWERS
from hostile_server import HostileServer
from mirrors import CONTENT

from zoo import downloading, receiving

LONGEST_CASE = 55.0  # of a loaded machine; the hostile server waits for 60


@pytest.fixture
def hostile() -> Iterator[HostileServer]:
    """The hostile server with all its answers."""
    server = HostileServer(CONTENT)
    server.answers |= ANSWERS
    with server.running():
        yield server


@pytest.fixture(autouse=True)
def short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """The fetcher's bounds, shortened: none of them is slept out."""
    monkeypatch.setattr(downloading, "CONNECT_SECONDS", 0.8)
    monkeypatch.setattr(downloading, "SILENCE_SECONDS", 1.0)
    monkeypatch.setattr(downloading, "ANSWER_SECONDS", 1.5)
    monkeypatch.setattr(downloading, "RATE_SECONDS", 0.5)
    monkeypatch.setattr(downloading, "LONGEST_PAUSE", 3.0)
    monkeypatch.setattr(receiving, "TOTAL_SECONDS", 15.0)


@pytest.fixture(autouse=True)
def seen(
    request: pytest.FixtureRequest, record_property: Callable[[str, object], None]
) -> Iterator[Seen]:
    """Call it with what happened; the table of docs/security.md shows it beside the docstring."""
    expected = getattr(request.node, "callspec", None)
    case = expected.params.get("case") if expected else None
    wanted = getattr(case, "expected", None) or (request.function.__doc__ or "").split("\n")[0]
    record_property("expected", wanted)
    notes: list[str] = []
    start = time.monotonic()
    yield lambda what: notes.append(str(what))
    if {"hostile", "nginx"} & set(request.fixturenames):
        assert time.monotonic() - start < LONGEST_CASE, "the case took longer than its bound"
    record_property("seen", "; ".join(notes) or "as expected")
