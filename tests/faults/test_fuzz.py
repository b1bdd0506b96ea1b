"""The parsers under random damage, a little of what `fuzz.py` does for longer."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from bounds import Seen
from fuzz import TARGETS, Target, damaged, fuzz
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st


@pytest.mark.parametrize("name", TARGETS)
def test_fuzz(name: str, seen: Seen) -> None:
    """damaged files for half a second: each is read or refused as it should, within a second"""
    counts = fuzz(name, seed=0, seconds=0.5)
    assert counts["refused"] > 0
    seen("read or refused")


@pytest.mark.parametrize("name", TARGETS)
def test_fuzz_seeds(name: str) -> None:
    """the files that are damaged are good ones"""
    for content in TARGETS[name].seeds():
        TARGETS[name].parse(content)


@pytest.mark.parametrize("name", TARGETS)
def test_hypothesis(name: str) -> None:
    """arbitrary bytes: read or refused as they should"""

    @settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
    @given(st.binary(max_size=300) | st.text(max_size=60).map(str.encode))
    def check(content: bytes) -> None:
        try:
            TARGETS[name].parse(content)
        except TARGETS[name].refusals:
            return

    check()


def test_what_breaks_a_parser_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """an error that the parser must not raise ends the run, and its input is in a file"""
    monkeypatch.setitem(TARGETS, "json", Target(_broken, (ValueError,), lambda: [b"12345678"]))
    with pytest.raises(ZeroDivisionError):
        fuzz("json", 1, 5, tmp_path)
    content = (tmp_path / "json.input").read_bytes()
    with pytest.raises(ZeroDivisionError):
        _broken(content)


def _broken(content: bytes) -> float:
    return 1 / (len(content) % 3)


def test_equal_seeds_damage_equally() -> None:
    """a failure can be made again from its seed"""
    content = bytes(range(100))
    first, again = (damaged(content, random.Random(3)) for _ in range(2))
    assert first == again
