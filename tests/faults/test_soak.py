"""Twenty seconds of what `soak.py` does for ten minutes."""

from __future__ import annotations

from bounds import Seen
from soak import soak


def test_soak(seen: Seen) -> None:
    """cable pulled, processes killed, disk filled at random: no wrong byte, hang or left-over"""
    counts = soak(20, seed=1)
    assert counts["right"] > 0
    seen("none in 20 s")
