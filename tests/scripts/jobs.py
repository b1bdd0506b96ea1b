"""Distributed jobs as a user starts them, and the processes that belong to one."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import uuid
from pathlib import Path

import environment

SCRIPTS = Path(__file__).parents[2] / "scripts"
SHORT = Path(__file__).with_name("short_training.py")
BOUND = 30.0  # seconds within which a lost process ends all others


started: list[Job] = []


class Job:
    """A program that starts roles; they are known by a mark in their environment."""

    def __init__(self, *command: str, **settings: str) -> None:
        self.mark = uuid.uuid4().hex
        own = {"ZOO_TEST_JOB": self.mark, "PYTHONPATH": str(SCRIPTS), **settings}
        pinned = environment.PINNED | {"OMP_NUM_THREADS": "1", "ZOO_THREADS": "1"}
        self.process = subprocess.Popen(
            [*command],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=os.environ | pinned | own,
        )
        started.append(self)

    def stop(self) -> None:
        """Kill whatever is left of it."""
        for process in [self.process.pid, *self.roles().values()]:
            if process != self.process.pid or self.process.poll() is None:
                os.kill(process, signal.SIGKILL)
        self.process.communicate()

    def roles(self) -> dict[str, int]:
        """The process of each role that runs now, such as `worker 0`."""
        found = {}
        for folder in Path("/proc").iterdir():
            if folder.name.isdigit() and self._settings(folder).get("DMLC_ROLE"):
                settings = self._settings(folder)
                role = settings["DMLC_ROLE"]
                number = settings.get(f"DMLC_{role.upper()}_ID", "")
                found[f"{role} {number}".strip()] = int(folder.name)
        return found

    def wait_for(self, *names: str) -> dict[str, int]:
        """The processes, once these roles are among them."""
        while not set(names) <= set(found := self.roles()):
            assert self.process.poll() is None, self.process.communicate()
            time.sleep(0.02)
        return found

    def ended(self, timeout: float = 500) -> tuple[int, str, str]:
        """Exit code, stdout and stderr of the launcher."""
        out, err = self.process.communicate(timeout=timeout)
        return self.process.returncode, out, err

    def _settings(self, folder: Path) -> dict[str, str]:
        try:
            lines = (folder / "environ").read_bytes().decode(errors="replace").split("\0")
        except OSError:
            return {}
        settings = dict(line.split("=", 1) for line in lines if "=" in line)
        return settings if settings.get("ZOO_TEST_JOB") == self.mark else {}


def launched(*arguments: str, launcher: str = "launch.py", **settings: str) -> Job:
    """A job under one of the launchers."""
    return Job(sys.executable, str(SCRIPTS / launcher), *arguments, **settings)


def short(out: Path) -> list[str]:
    """The command of a short training of several workers."""
    return [str(SHORT), "logistic_regression.adult", "--distributed", "--out", str(out)]


def trained_beyond(out: Path, step: int, job: Job) -> int:
    """Wait for a checkpoint of a later step than that; which one it is."""
    while True:
        steps = [int(one.stem.partition("-")[2]) for one in out.glob("checkpoints/step-*")]
        if max(steps, default=0) > step:
            return max(steps)
        assert job.process.poll() is None, job.process.communicate()
        time.sleep(0.02)


def wait_until_gone(processes: list[int]) -> float:
    """The seconds that it takes until none of the processes is left, at most `BOUND`."""
    start = time.monotonic()
    while any(_alive(one) for one in processes):
        assert time.monotonic() - start < BOUND, "a process outlives the job"
        time.sleep(0.02)
    return time.monotonic() - start


def _alive(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
