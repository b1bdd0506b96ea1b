"""Answers that a fetch must get over without another source."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest
from bounds import Seen
from hostile_server import HostileServer, Talk
from mirrors import CONTENT, SAMPLE, files_in

from zoo import receiving
from zoo.fetching import read_artifact

HALF = 150_000


@dataclass(frozen=True)
class Case:
    """An answer of the hostile server and the positions from which it must be asked."""

    name: str
    expected: str
    asked_from: tuple[int, ...] = (0,)


CASES = [
    Case("healthy", "fetched"),
    Case("trailing_junk", "fetched, nothing beyond the size is written"),
    Case("length_of_10_to_the_15", "fetched, nobody waits for the rest"),
    Case("gzip_encoding_false", "fetched: headers decide nothing"),
    Case("path_in_the_headers", "fetched: headers name no file"),
    Case("reset_once", "fetched the second time", (0, 0)),
    Case("closed_once", "fetched the second time", (0, 0)),
    Case("busy_twice", "fetched the third time", (0, 0, 0)),
    Case("wait_a_second", "waited, then fetched", (0, 0)),
    Case("wait_until_a_date", "waited, then fetched", (0, 0)),
    Case("wait_for_nonsense", "fetched the second time", (0, 0)),
    Case("cut_then_the_rest", "the missing bytes alone are asked for", (0, HALF)),
    Case("cut_then_206_with_the_wrong_start", "fetched anew", (0, HALF, 0)),
    Case("cut_then_206_that_lies_about_its_start", "fetched anew", (0, HALF, 0)),
    Case("cut_then_206_without_a_range", "fetched anew", (0, HALF, 0)),
    Case("cut_then_changed", "If-Range is sent, the whole file comes", (0, HALF)),
    Case("cut_then_200", "the whole file comes instead of the rest", (0, HALF)),
    Case("cut_then_416", "fetched anew", (0, HALF, 0)),
    Case("validator_of_nonsense", "the rest is asked for without If-Range", (0, HALF)),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_recovered(case: Case, hostile: HostileServer, zoo_home: Path, seen: Seen) -> None:
    content = read_artifact(SAMPLE, mirrors=[f"{hostile.address}/{case.name}"])
    assert content == CONTENT
    assert tuple(talk.start for talk in hostile.talks) == case.asked_from
    assert [name[17:] for name in files_in(zoo_home)] == ["sample.bin"]
    seen(f"right bytes, asked from {', '.join(str(talk.start) for talk in hostile.talks)}")


def test_if_range_names_the_version(hostile: HostileServer) -> None:
    """the validator of the first answer is sent with the second request"""
    read_artifact(SAMPLE, mirrors=[f"{hostile.address}/cut_then_changed"])
    assert [talk.headers.get("if-range") for talk in hostile.talks] == [None, '"old"']


def test_the_rest_may_come_from_another_mirror(hostile: HostileServer) -> None:
    """half from a mirror that dies, the rest from the next; without its validator"""
    hostile.answers["dies"] = lambda talk: (
        hostile.answers["cut_then_the_rest"](talk) if talk.count == 1 else talk.reset()
    )
    mirrors = [f"{hostile.address}/{name}" for name in ("dies", "healthy")]
    assert read_artifact(SAMPLE, mirrors=mirrors) == CONTENT
    last = hostile.talks[-1]
    assert (last.start, last.headers.get("if-range")) == (HALF, None)


def test_a_liar_that_gets_ahead_each_time(
    hostile: HostileServer, monkeypatch: pytest.MonkeyPatch, seen: Seen
) -> None:
    """cut, gone on with and wrong at the end, again and again: dropped at three times the size"""
    monkeypatch.setattr(receiving, "_WORTH_ANOTHER", 50_000)
    monkeypatch.setattr(receiving, "_FIRST_PAUSE", 0.001)
    hostile.answers["liar"] = lambda talk: (
        _wrong_rest(talk)
        if talk.start
        else talk.reply(talk.content[:HALF], Content_Length=len(CONTENT))
    )
    mirrors = [f"{hostile.address}/{name}" for name in ("liar", "healthy")]
    assert read_artifact(SAMPLE, mirrors=mirrors) == CONTENT
    asked = hostile.asked("liar")
    seen(f"asked {len(asked)} times, then the next source")
    assert len(asked) <= 9


def _wrong_rest(talk: Talk) -> None:
    rest, size = bytes(len(CONTENT) - talk.start), len(CONTENT)
    span = f"bytes {talk.start}-{size - 1}/{size}"
    talk.reply(rest, "206 Partial Content", Content_Range=span)


def test_first_half_of_a_liar_is_dropped(hostile: HostileServer) -> None:
    """half of other bytes, then an honest mirror: fetched anew from it"""
    wrong = bytes(HALF)
    hostile.answers["liar"] = lambda talk: talk.reply(wrong, Content_Length=len(CONTENT))
    mirrors = [f"{hostile.address}/{name}" for name in ("liar", "healthy")]
    assert read_artifact(SAMPLE, mirrors=mirrors) == CONTENT
    assert [talk.start for talk in hostile.asked("healthy")] == [HALF, 0]
