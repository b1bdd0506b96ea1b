"""A long program in a child process, which hears of SIGTERM when its starter does."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Mapping, Sequence


def run(program: Sequence[str], env: Mapping[str, str] | None = None) -> int:
    """The program's exit code, negative for a signal's number; SIGTERM is passed on to it."""
    with subprocess.Popen(program, env=env) as child:
        before = signal.signal(signal.SIGTERM, lambda *_: child.terminate())
        try:
            return child.wait()
        finally:
            signal.signal(signal.SIGTERM, before)
