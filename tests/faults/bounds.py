"""Refusals are typed, quick and small."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

SECONDS = 1.0 if sys.gettrace() is None else 10.0  # coverage takes most of it
MEMORY = 64 << 20


def refused_within_bounds(act: Callable[[], object], kind: type[Exception]) -> str:
    """The message of the refusal, which may take a second of this process and 64 MiB at most."""
    _forget_peak()
    before, start = _resident("VmRSS"), time.process_time()
    with pytest.raises(kind) as caught:
        act()
    assert time.process_time() - start < SECONDS
    assert _resident("VmHWM") - before < MEMORY
    return str(caught.value)


def _forget_peak() -> None:
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")


def _resident(field: str) -> int:
    """Bytes in memory now (VmRSS) or at most since `_forget_peak` (VmHWM); 0 where not known."""
    try:
        lines = Path("/proc/self/status").read_text().splitlines()
    except OSError:
        return 0
    return next(int(line.split()[1]) << 10 for line in lines if line.startswith(field))
