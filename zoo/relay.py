"""A long program in a child process, which hears of SIGTERM when its starter does."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence


def run(program: Sequence[str], env: Mapping[str, str] | None = None) -> int:
    """The program's exit code, negative for a signal's number.

    SIGTERM is passed on to it, and ends this process too, with 143, once the program has ended.
    Whatever else interrupts the waiting ends the program in the same way.
    """
    told: list[int] = []
    started: list[subprocess.Popen[bytes]] = []

    def pass_on(number: int, _: object) -> None:
        told.append(number)
        for child in started:
            child.terminate()

    before = signal.signal(signal.SIGTERM, pass_on)
    try:
        code = _wait(program, env, started, told)
    finally:
        signal.signal(signal.SIGTERM, before)
    if told:
        sys.exit(128 + signal.SIGTERM)
    return code


def _wait(
    program: Sequence[str],
    env: Mapping[str, str] | None,
    started: list[subprocess.Popen[bytes]],
    told: list[int],
) -> int:
    with subprocess.Popen(program, env=env) as child:
        started.append(child)
        try:
            if told:  # it came before the child was known
                child.terminate()
            return child.wait()
        except BaseException:
            child.terminate()
            child.wait()
            raise
