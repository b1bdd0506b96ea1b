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
from collections.abc import Sequence
from contextlib import suppress
from typing import NamedTuple

from liveness import LOST, Hub
from roles import LOOPBACK

ENDED_EARLY = 30.0  # seconds in which all end, once the first has

Processes = dict[str, "subprocess.Popen[bytes]"]


class Failure(NamedTuple):
    """What ended the job, in words, and whether it may go better another time."""

    reason: str
    again: bool


def read() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("-n", "--num-workers", type=int, required=True, metavar="N")
    parser.add_argument("-s", "--num-servers", type=int, default=1, metavar="N")
    parser.add_argument("--threads", type=int, default=1, help="of each worker (1)")
    parser.add_argument("--restarts", type=int, default=3, help="at most so many (3)")
    parser.add_argument("command", nargs=argparse.REMAINDER, help="a training script, its options")
    given = parser.parse_args()
    if min(given.num_workers, given.num_servers, given.threads) < 1 or given.restarts < 0:
        parser.error("there is at least one worker, server and thread, and no negative number")
    if not given.command:
        parser.error("say what to run: scripts/train_classifier.py NAME --distributed")
    return given


def environments(workers: int, servers: int, root: tuple[str, int]) -> dict[str, dict[str, str]]:
    """What each role, by its name, finds in its environment beside the job's own."""
    common = {
        "DMLC_NUM_WORKER": str(workers),
        "DMLC_NUM_SERVER": str(servers),
        "DMLC_PS_ROOT_URI": root[0],
        "DMLC_PS_ROOT_PORT": str(root[1]),
    }
    found = {"scheduler": common | {"DMLC_ROLE": "scheduler"}}
    for role, count in (("server", servers), ("worker", workers)):
        for number in range(count):
            own = {"DMLC_ROLE": role, f"DMLC_{role.upper()}_ID": str(number)}
            found[f"{role} {number}"] = common | own
    return found


def free_port(host: str) -> int:
    """A port at which nobody listens just now."""
    with socket.socket() as one:
        one.bind((host, 0))
        return int(one.getsockname()[1])


def attempt(command: Sequence[str], given: argparse.Namespace) -> Failure | None:
    """Run the job once, and leave no process behind; what ended it, or None when it is done."""
    lost: queue.SimpleQueue[str] = queue.SimpleQueue()
    members = given.num_workers + given.num_servers + 1
    hub = Hub((LOOPBACK, 0), members, lost.put)
    places = environments(given.num_workers, given.num_servers, (LOOPBACK, free_port(LOOPBACK)))
    shared = os.environ | {
        "ZOO_HUB_ADDRESS": f"{hub.address[0]}:{hub.address[1]}",
        "ZOO_THREADS": str(given.threads),
        "DMLC_NODE_HOST": LOOPBACK,
    }
    processes: Processes = {}
    try:
        for name, own in places.items():
            processes[name] = subprocess.Popen(command, env=shared | own, start_new_session=True)
        return watch(processes, lost)
    finally:
        end(processes)
        hub.close()


def watch(processes: Processes, lost: queue.SimpleQueue[str]) -> Failure | None:
    """Wait until all have ended well, or something has gone wrong."""
    first_end = heard = 0.0
    reason = ""
    while True:
        codes = {name: process.poll() for name, process in processes.items()}
        failed = {name: code for name, code in codes.items() if code not in (None, 0, LOST)}
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


def _failure(name: str, code: int | None) -> Failure:
    if code is not None and code < 0:
        return Failure(f"{name} was killed by {signal.Signals(-code).name}", again=True)
    return Failure(f"{name} ended with exit code {code}", again=False)


def end(processes: Processes) -> None:
    """Kill what still runs of the processes and of those that they have started."""
    for process in processes.values():
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def main() -> None:
    given = read()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    script = given.command[0].endswith(".py")
    command = [sys.executable, *given.command] if script else given.command
    for left in range(given.restarts, -1, -1):
        try:
            failure = attempt(command, given)
        except KeyboardInterrupt:
            sys.exit(128 + signal.SIGINT)
        if failure is None:
            return
        if not failure.again or not left:
            sys.exit(f"The job has ended: {failure.reason}.")
        print(
            f"The job was cut: {failure.reason}. It goes on from its last checkpoint "
            f"({left} restarts left).",
            file=sys.stderr,
            flush=True,
        )


if __name__ == "__main__":
    main()
