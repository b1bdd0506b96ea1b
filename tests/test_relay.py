"""A program in a child process: its exit code, and SIGTERM passed on to it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from typing import Any

import pytest

from zoo import relay

CHILD = """
import signal, sys, time
def end(*_):
    print("saved", flush=True)
    sys.exit(143)
signal.signal(signal.SIGTERM, end)
print("ready", flush=True)
time.sleep(60)
"""
STARTER = """
import signal, sys
from zoo import relay
signal.signal(signal.SIGINT, signal.default_int_handler)  # which background jobs lack
sys.exit(relay.run([sys.executable, "-c", sys.argv[1]]))
"""


@pytest.mark.parametrize("code", [0, 1, 75])
def test_the_exit_code_is_the_programs(code: int) -> None:
    before = signal.getsignal(signal.SIGTERM)
    assert relay.run([sys.executable, "-c", f"raise SystemExit({code})"]) == code
    assert signal.getsignal(signal.SIGTERM) is before


def ended_by(number: int, child: str) -> tuple[str, int]:
    """What a program says, and its starter's exit code, when the starter gets a signal."""
    starter = subprocess.Popen(
        [sys.executable, "-c", STARTER, child],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert starter.stdout is not None
    assert starter.stdout.readline() == "ready\n"
    starter.send_signal(number)
    out, _ = starter.communicate(timeout=30)
    return out, starter.returncode


def test_sigterm_reaches_the_program() -> None:
    assert ended_by(signal.SIGTERM, CHILD) == ("saved\n", 143)


def test_the_starter_ends_too_where_the_program_was_all_but_done() -> None:
    assert ended_by(signal.SIGTERM, CHILD.replace("143", "0")) == ("saved\n", 143)


def test_a_signal_during_the_start_ends_the_program(monkeypatch: pytest.MonkeyPatch) -> None:
    class Started(subprocess.Popen[bytes]):
        def __init__(self, *arguments: Any, **options: Any) -> None:
            super().__init__(*arguments, **options)
            os.kill(os.getpid(), signal.SIGTERM)

    monkeypatch.setattr(subprocess, "Popen", Started)
    began = time.monotonic()
    before = signal.signal(signal.SIGTERM, lambda *_: None)  # else a failure ends the tests
    try:
        with pytest.raises(SystemExit) as ended:
            relay.run([sys.executable, "-c", "import time; time.sleep(60)"])
    finally:
        signal.signal(signal.SIGTERM, before)
    assert ended.value.code == 143
    assert time.monotonic() - began < 30


def test_an_interrupted_starter_leaves_no_program_behind() -> None:
    out, code = ended_by(signal.SIGINT, CHILD)
    assert (out, code != 0) == ("saved\n", True)
