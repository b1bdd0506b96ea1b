"""Refusals are typed, quick and small; and files to be refused that several formats share."""

from __future__ import annotations

import random
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

Seen = Callable[[object], None]  # the fixture `seen`
SECONDS = 1.0 if sys.gettrace() is None else 10.0  # coverage takes most of it
MEMORY = 64 << 20


def refused_within_bounds(act: Callable[[], object], kind: type[Exception]) -> str:
    """The message of the refusal, which may take a second of this process and 64 MiB at most."""
    known = _forget_peak()
    before, start = _resident("VmRSS"), time.process_time()
    with pytest.raises(kind) as caught:
        act()
    assert time.process_time() - start < SECONDS
    assert not known or _resident("VmHWM") - before < MEMORY
    return str(caught.value)


def _forget_peak() -> bool:
    """Whether the peak can be told from that of whatever came before."""
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:
        return False
    return True


def _resident(field: str) -> int:
    """Bytes in memory now (VmRSS) or at most since `_forget_peak` (VmHWM); 0 where not known."""
    try:
        lines = Path("/proc/self/status").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) << 10 for line in lines if line.startswith(field)), 0)


def one_byte_changed(content: bytes) -> Iterator[bytes]:
    """`content` with each of its bytes changed in turn."""
    choose = random.Random(1)
    for position in range(len(content)):
        changed = bytearray(content)
        changed[position] ^= choose.randrange(1, 256)
        yield bytes(changed)


def terabyte_file(path: Path, content: bytes) -> Path:
    """A sparse file that begins with `content`. Skips where the file system has none so large."""
    path.write_bytes(content)
    with path.open("r+b") as file:
        try:
            file.truncate(1 << 40)
        except OSError:
            pytest.skip("this file system has no such large files")
    return path
