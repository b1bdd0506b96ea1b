"""Running the command line as a process of its own, and reading what a command has said."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from typer.testing import Result

Run = Callable[..., Result]
START = "from zoo.cli import main; main()"  # as the console script does


def command(*arguments: object, module: bool = False) -> list[str]:
    """The command line as its own process: `python -m zoo.cli`, or what the console script does."""
    start = ["-m", "zoo.cli"] if module else ["-c", START]
    return [sys.executable, *start, *map(str, arguments)]


def environment(installation: Path, **changes: str) -> dict[str, str]:
    """The environment of such a process."""
    return {**os.environ, "PYTHONPATH": str(installation), "NO_COLOR": "1", **changes}


def finished(
    installation: Path, *arguments: object, module: bool = False, **changes: str
) -> subprocess.CompletedProcess[str]:
    """Such a process when it has ended."""
    return subprocess.run(
        command(*arguments, module=module),
        cwd=installation,
        env=environment(installation, **changes),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def document(result: Result) -> Any:
    """The one JSON document on standard output."""
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def refusal(result: Result, code: int = 1) -> str:
    """The one line on standard error of a command that failed and printed nothing else."""
    assert result.exit_code == code, result.output
    assert result.stdout == ""
    [line] = result.stderr.splitlines()
    assert line.startswith("zoo: ")
    return line.removeprefix("zoo: ")


def without_styles(result: Result) -> str:
    """What a terminal shows of standard output, without colours and bold type."""
    return re.sub(r"\x1b\[[0-9;]*m", "", result.stdout)
