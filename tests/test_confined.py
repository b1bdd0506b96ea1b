"""A confined program has little memory, little time, and nothing of ours."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import pytest

from zoo.confined import ConfinedError, run_confined

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the limits are those of Linux")


def _run(folder: Path, program: str, **limits: int) -> bytes:
    script = folder / "script.py"
    script.write_text(program)
    (folder / "input").write_bytes(b"12345")
    with (folder / "input").open("rb") as file:
        return run_confined(script, file, **{"seconds": 20, "output": 1000, **limits})


def test_it_reads_the_file_and_writes(tmp_path: Path) -> None:
    copy = "import sys; sys.stdout.buffer.write(sys.stdin.buffer.read()[::-1])"
    assert _run(tmp_path, copy) == b"54321"


@pytest.mark.parametrize(
    ("program", "message"),
    [
        ("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)", "ended by SIGSEGV"),
        ("import ctypes; ctypes.string_at(0)", "ended by SIGSEGV"),
        ("import os; os.abort()", "ended by SIGABRT"),
        ("x = bytearray(1 << 30)", "MemoryError"),
        ("x = []\nwhile True: x.append(bytes(1 << 20))", "MemoryError"),
        ("import os\nwhile True: os.write(1, bytes(900))", "File too large"),
        ("import sys; sys.exit('no\\x1b[31mway')", r"no\?\[31mway"),
        ("import sys; sys.exit(7)", "exit status 7"),
        ("import numpy", "No module named 'numpy'"),
        ("x = [open('/dev/null') for _ in range(99)]", "Too many open files"),
    ],
)
def test_whatever_goes_wrong_is_said(program: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(ConfinedError, match=message):
        _run(tmp_path, program)


@pytest.mark.parametrize("program", ["while True: pass", "import time; time.sleep(60)"])
def test_an_endless_program_is_stopped(program: str, tmp_path: Path) -> None:
    start = time.monotonic()
    with pytest.raises(ConfinedError, match=r"stopped after 1 s|SIGKILL|SIGXCPU"):
        _run(tmp_path, program, seconds=1)
    assert time.monotonic() - start < 10


def test_it_sees_no_variable_of_ours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", "secret")
    found = _run(tmp_path, "import os, sys; sys.stdout.write(repr(sorted(os.environ)))")
    assert b"HF_TOKEN" not in found
    assert b"PYTHONPATH" not in found


def test_where_nothing_can_be_limited_the_output_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    start = "import runpy, sys; runpy.run_path(sys.argv[1], run_name='__main__')"
    monkeypatch.setattr("zoo.confined._START", start)
    with pytest.raises(ConfinedError, match="2000 bytes, more than 1000"):
        _run(tmp_path, "import sys; sys.stdout.buffer.write(bytes(2000))")
