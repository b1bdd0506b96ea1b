"""One fetch of the soak, in a process of its own that may be killed, stopped or starved."""

from __future__ import annotations

import contextlib
import faulthandler
import logging
import os
import random
import sys
import time

from processes import limited
from records import artifact

import zoo.connections  # noqa: F401  (imported once, before the fork)
from zoo import cache, downloading, receiving
from zoo.errors import ZooError
from zoo.fetching import read_artifact
from zoo.manifest import Artifact

RIGHT, WRONG, REFUSED, SLOW = 0, 66, 67, 68
LONGEST = 20.0  # a fetch ends within 7 s, and waits for those of others
SIZES = {"small.bin": 3_000, "middle.bin": 300_000, "large.bin": 2_500_000}


def content_of(name: str) -> bytes:
    """The bytes of a file of the soak; nothing is remembered between processes."""
    return random.Random(name).randbytes(SIZES[name])


def published(name: str) -> Artifact:
    """The file's artifact."""
    return artifact(content_of(name), name)


def shorten_waits() -> None:
    """The fetcher's bounds, so that a fetch ends within `LONGEST`."""
    downloading.CONNECT_SECONDS, downloading.SILENCE_SECONDS = 1.0, 0.5
    downloading.ANSWER_SECONDS = downloading.RATE_SECONDS = 1.0
    downloading.LONGEST_PAUSE, receiving.TOTAL_SECONDS, downloading.SLOWEST = 0.5, 4.0, 1 << 20
    receiving.SLOWEST, receiving._FIRST_PAUSE, cache._PATIENCE = 1 << 20, 0.01, 0.4


def work(home: str, mirror: str, name: str, largest: int, calm: bool) -> None:
    """Fetch one file; the exit code tells whether its bytes are right.

    In calm the fetcher's bounds are its own.
    """
    os.environ["ZOO_HOME"] = home
    logging.disable()
    if not calm:
        shorten_waits()
    wanted, found, ends = published(name), b"", REFUSED
    faulthandler.dump_traceback_later(LONGEST)
    start = time.monotonic()
    with limited(largest), contextlib.suppress(ZooError):
        found = read_artifact(wanted, mirrors=[mirror])
        ends = RIGHT if found == content_of(name) else WRONG
    sys.exit(SLOW if time.monotonic() - start > LONGEST else ends)
