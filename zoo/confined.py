"""A program of zoo run in a child process with little memory, little time and nothing inherited."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import BinaryIO

MEMORY = 256 << 20
_LONGEST_MESSAGE = 300
_KEPT_VARIABLES = ("LD_LIBRARY_PATH", "SYSTEMROOT")  # the interpreter itself may need them
_START = """
import runpy, sys
script, memory, seconds, output = sys.argv[1], *map(int, sys.argv[2:])
try:
    import resource as r
except ImportError:
    r = None
for name, most in () if r is None else (
    ("AS", memory), ("CPU", seconds), ("FSIZE", output), ("CORE", 0), ("NPROC", 0), ("NOFILE", 32)
):
    try:
        r.setrlimit(getattr(r, "RLIMIT_" + name), (most, most))
    except (AttributeError, OSError, ValueError):
        pass
try:
    runpy.run_path(script, run_name="__main__")
except MemoryError:
    sys.exit("MemoryError")  # newer Pythons need memory to say more
"""


class ConfinedError(Exception):
    """The program did not end well, and why, in one line."""


def run_confined(
    script: Path, source: BinaryIO, *, seconds: int, output: int, memory: int = MEMORY
) -> bytes:
    """What `script`, of the standard library alone, writes when it reads the file `source`.

    It may take `memory` bytes of address space, `seconds` of processor and of clock, write `output`
    bytes and open few files, where the platform can limit these; the clock holds
    everywhere. It sees no variables and no packages. Raises ConfinedError, OSError.
    """
    limits = [str(memory), str(seconds), str(output)]
    command = [sys.executable, "-I", "-S", "-B", "-c", _START, str(script), *limits]
    kept = {name: os.environ[name] for name in _KEPT_VARIABLES if name in os.environ}
    with tempfile.TemporaryFile() as written, tempfile.TemporaryFile() as said:
        with subprocess.Popen(
            command, stdin=source, stdout=written, stderr=said, env=kept
        ) as process:
            try:
                code = process.wait(seconds)
            except subprocess.TimeoutExpired:
                raise ConfinedError(f"it was stopped after {seconds} s") from None
            finally:
                process.kill()
        if code:
            raise ConfinedError(_reason(code, said))
        return _content(written, output)


def _content(file: BinaryIO, most: int) -> bytes:
    size = file.seek(0, os.SEEK_END)
    if size > most:
        raise ConfinedError(f"it gave {size} bytes, more than {most}")
    file.seek(0)
    return file.read()


def _reason(code: int, said: BinaryIO) -> str:
    if code < 0:
        with contextlib.suppress(ValueError):
            return f"the process that read it was ended by {signal.Signals(-code).name}"
    end = said.seek(0, os.SEEK_END)
    said.seek(max(end - 4 * _LONGEST_MESSAGE, 0))
    lines = said.read().decode("utf-8", "replace").strip().splitlines() or [f"exit status {code}"]
    return "".join(one if one.isprintable() else "?" for one in lines[-1])[:_LONGEST_MESSAGE]
