"""Fetches in processes of their own, to be stopped, killed and limited.

`spawn` runs `fetch` in a process forked from one that has imported everything, `run` any program in
a new interpreter.
"""

from __future__ import annotations

import contextlib
import fcntl
import multiprocessing
import os
import resource
import subprocess
import sys
import time
from collections.abc import Iterator
from multiprocessing.context import ForkServerContext, ForkServerProcess
from pathlib import Path

import filelock  # noqa: F401  (imported once, before the fork)
import platformdirs  # noqa: F401
import requests  # noqa: F401
from mirrors import CONTENT, SAMPLE

import zoo
import zoo.connections
from zoo.fetching import read_artifact

HERE = Path(__file__).parent
FETCH = """
import sys
from mirrors import CONTENT, SAMPLE
from zoo.fetching import read_artifact
assert read_artifact(SAMPLE, mirrors=sys.argv[1:]) == CONTENT
"""


def fetch(home: str, mirror: str, *, locks: bool = True, largest: int = 0, gate: str = "") -> None:
    """Fetch the sample into the cache at `home`; the process's exit code tells how it went.

    Without `locks` flock does nothing. `largest` limits files, in bytes. `gate` is a file to wait
    for before the start.
    """
    os.environ["ZOO_HOME"] = home
    if not locks:
        fcntl.flock = lambda *_: None
    if largest:
        resource.setrlimit(resource.RLIMIT_FSIZE, (largest, largest))
    while gate and not Path(gate).exists():
        time.sleep(0.005)
    assert read_artifact(SAMPLE, mirrors=[mirror]) == CONTENT


def spawn(home: Path, mirror: str, **settings: object) -> ForkServerProcess:
    """Start `fetch` in a process of its own."""
    process = forking().Process(target=fetch, args=(str(home), mirror), kwargs=settings)
    process.start()
    return process


def environment(**changes: str | None) -> dict[str, str]:
    """This process's environment, in which programs find zoo and the tests' modules."""
    paths = [str(Path(zoo.__file__).parents[1]), str(HERE), str(HERE.parent)]
    changed = {**os.environ, "PYTHONPATH": os.pathsep.join(paths), **changes}
    return {name: value for name, value in changed.items() if value is not None}


def start(program: str, *arguments: str, **options: object) -> subprocess.Popen[str]:
    """Run a Python program in the background."""
    command = [*options.pop("before", []), sys.executable, "-c", program, *arguments]  # type: ignore[attr-defined]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    settings = {"env": environment(), **pipes, **options}
    return subprocess.Popen(command, **settings)  # type: ignore[call-overload,no-any-return]


def run(program: str, *arguments: str, **options: object) -> tuple[int, str]:
    """Run a Python program; its exit code and everything it said."""
    with start(program, *arguments, **options) as process:
        said = process.communicate(timeout=60)
    return process.returncode, "".join(said)


@contextlib.contextmanager
def limited(largest: int) -> Iterator[None]:
    """Files of at most so many bytes within the block; 0 for no limit."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    if largest:
        resource.setrlimit(resource.RLIMIT_FSIZE, (largest, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


def forking() -> ForkServerContext:
    """Where processes are forked from."""
    context = multiprocessing.get_context("forkserver")
    before = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = environment()["PYTHONPATH"]
    try:
        context.set_forkserver_preload(["processes", "soak_worker"])
        from multiprocessing import forkserver

        forkserver.ensure_running()
    finally:
        if before is None:
            del os.environ["PYTHONPATH"]
        else:
            os.environ["PYTHONPATH"] = before
    return context
