"""Start a distributed training on this host, and again from its last checkpoint if it is cut.

    python scripts/launch.py -n 2 scripts/train_classifier.py lenet.mnist --distributed

All roles run the command: a scheduler, servers and workers. When one of them dies, or falls silent
for 15 seconds, the others are ended, and all start anew.
"""

from __future__ import annotations

import argparse
import os
import queue
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import NamedTuple, Protocol

import environment
from liveness import LOST, Hub
from roles import LOOPBACK

_ORDERS = (128 + signal.SIGINT, 128 + signal.SIGTERM)  # exit codes of who was asked to end
ENDED_EARLY = 30.0  # seconds in which all end, once the first has

Losses = queue.SimpleQueue[str]


class Wanted(NamedTuple):
    """What the command line asks for."""

    workers: int
    servers: int
    threads: int
    restarts: int
    command: list[str]

    @property
    def members(self) -> int:
        return self.workers + self.servers + 1


class Failure(NamedTuple):
    """What ended the job, in words, and whether it may go better another time."""

    reason: str
    again: bool


class Started(Protocol):
    """A role's process, wherever it runs."""

    def poll(self) -> int | None:
        """Its exit code, negative for a signal's number, or None while it runs."""


def read(description: str | None) -> Wanted:
    parser = argparse.ArgumentParser(description=(description or "").split("\n")[0])
    parser.add_argument("-n", "--num-workers", type=int, required=True, metavar="N")
    parser.add_argument("-s", "--num-servers", type=int, default=1, metavar="N", help="(1)")
    parser.add_argument("--threads", type=int, default=1, metavar="N", help="of each worker (1)")
    parser.add_argument("--restarts", type=int, default=3, metavar="N", help="at most (3)")
    parser.add_argument("command", nargs=argparse.REMAINDER, help="a training script, its options")
    given = parser.parse_args()
    if min(given.num_workers, given.num_servers, given.threads) < 1 or given.restarts < 0:
        parser.error("there is at least one worker, server and thread, and no negative number")
    if not given.command:
        parser.error("say what to run: scripts/train_classifier.py NAME --distributed")
    script = given.command[0].endswith(".py")
    command = [sys.executable, *given.command] if script else given.command
    return Wanted(given.num_workers, given.num_servers, given.threads, given.restarts, command)


def environments(wanted: Wanted, hub: Hub, root: tuple[str, int]) -> dict[str, dict[str, str]]:
    """What each role, by its name, finds in its environment; the scheduler is at `root`."""
    common = {
        "DMLC_NUM_WORKER": str(wanted.workers),
        "DMLC_NUM_SERVER": str(wanted.servers),
        "DMLC_PS_ROOT_URI": root[0],
        "DMLC_PS_ROOT_PORT": str(root[1]),
        "ZOO_HUB_ADDRESS": f"{hub.address[0]}:{hub.address[1]}",
        **environment.PINNED,
        "OMP_NUM_THREADS": str(wanted.threads),
        "ZOO_THREADS": str(wanted.threads),
    }
    found = {"scheduler": common | {"DMLC_ROLE": "scheduler"}}
    for role, count in (("server", wanted.servers), ("worker", wanted.workers)):
        for number in range(count):
            own = {"DMLC_ROLE": role, f"DMLC_{role.upper()}_ID": str(number)}
            found[f"{role} {number}"] = common | own
    return found


def free_port(host: str) -> int:
    """A port of this host at which nobody listens just now."""
    with socket.socket() as one:
        one.bind((host, 0))
        return int(one.getsockname()[1])


def watch(started: Mapping[str, Started], lost: Losses) -> Failure | None:
    """Wait until all have ended well, or something has gone wrong."""
    first_end = heard = 0.0
    reason = ""
    while True:
        codes = {name: one.poll() for name, one in started.items()}
        failed = {name: code for name, code in codes.items() if code and code != LOST}
        if failed:
            return _failure(*next(iter(failed.items())))
        now = time.monotonic()
        if not reason and not lost.empty():
            reason, heard = lost.get(), now
        if reason and now - heard > 1:  # the exit code that says more had time to come
            return Failure(reason, again=True)
        if all(code == 0 for code in codes.values()):
            return None
        if not first_end and 0 in codes.values():
            first_end = now
        if first_end and now - first_end > ENDED_EARLY:
            early = ", ".join(name for name, code in codes.items() if code == 0)
            return Failure(f"{early} ended before the others", again=False)
        time.sleep(0.1)


def _failure(name: str, code: int) -> Failure:
    killed = -code if code < 0 else code - 128  # a shell between tells it so
    names = {int(one): one.name for one in signal.Signals}
    if code < 0 or (killed in names and code not in _ORDERS):
        return Failure(f"{name} was killed by {names.get(killed, f'signal {killed}')}", again=True)
    return Failure(f"{name} ended with exit code {code}", again=False)


def attempt(wanted: Wanted) -> Failure | None:
    """Run the job once, and leave no process behind; what ended it, or None when it is done."""
    lost: Losses = queue.SimpleQueue()
    hub = Hub((LOOPBACK, 0), wanted.members, lost.put)
    started: dict[str, subprocess.Popen[bytes]] = {}
    try:
        for name, own in environments(wanted, hub, (LOOPBACK, free_port(LOOPBACK))).items():
            env = os.environ | own | {"DMLC_NODE_HOST": LOOPBACK}
            started[name] = _start(wanted.command, env)
        return watch(started, lost)
    finally:
        for process in started.values():
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        hub.close()


def _start(command: list[str], env: Mapping[str, str]) -> subprocess.Popen[bytes]:
    try:
        return subprocess.Popen(command, env=env, start_new_session=True)
    except OSError as error:
        sys.exit(f"{command[0]} cannot be started ({error.strerror}): name a training script.")


def persist(attempt: Callable[[Wanted], Failure | None], wanted: Wanted) -> None:
    """Try until the job is done; the end with a line where that does not help."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    for left in range(wanted.restarts, -1, -1):
        try:
            failure = attempt(wanted)
        except KeyboardInterrupt:
            sys.exit(128 + signal.SIGINT)
        if failure is None:
            return
        if not failure.again or not left:
            sys.exit(f"The job has ended: {failure.reason}.")
        print(
            f"The job was cut: {failure.reason}. It starts again from its last checkpoint, "
            f"{left - 1} more times at most after this.",
            file=sys.stderr,
            flush=True,
        )


if __name__ == "__main__":
    persist(attempt, read(__doc__))
