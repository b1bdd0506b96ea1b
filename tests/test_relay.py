"""A program in a child process: its exit code, and SIGTERM passed on to it."""

from __future__ import annotations

import signal
import subprocess
import sys

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
STARTER = (
    "import sys; from zoo import relay; sys.exit(relay.run([sys.executable, '-c', sys.argv[1]]))"
)


@pytest.mark.parametrize("code", [0, 1, 75])
def test_the_exit_code_is_the_programs(code: int) -> None:
    before = signal.getsignal(signal.SIGTERM)
    assert relay.run([sys.executable, "-c", f"raise SystemExit({code})"]) == code
    assert signal.getsignal(signal.SIGTERM) is before


def test_sigterm_reaches_the_program() -> None:
    starter = subprocess.Popen(
        [sys.executable, "-c", STARTER, CHILD], stdout=subprocess.PIPE, text=True
    )
    assert starter.stdout is not None
    assert starter.stdout.readline() == "ready\n"
    starter.send_signal(signal.SIGTERM)
    out, _ = starter.communicate(timeout=30)
    assert (out, starter.returncode) == ("saved\n", 143)
