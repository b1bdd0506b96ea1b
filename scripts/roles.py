"""The roles of a distributed job, as the environment names them: scheduler, server, worker.

Whatever starts the processes sets what MXNet asks for: DMLC_ROLE, DMLC_NUM_WORKER, DMLC_NUM_SERVER,
DMLC_PS_ROOT_URI and DMLC_PS_ROOT_PORT (where the scheduler listens); also DMLC_WORKER_ID, the
worker's number from 0. Traffic stays on loopback unless DMLC_NODE_HOST (this host's address) or
DMLC_INTERFACE says otherwise. All roles run the same command.
"""

from __future__ import annotations

import atexit
import os
import sys
import traceback
from typing import NamedTuple, NoReturn

from liveness import ARRIVAL, ROLES, Address, Hub, Member

from zoo.errors import ZooError

LOOPBACK = "127.0.0.1"


class Job(NamedTuple):
    """What the environment says: this process's role and number, how many there are, and where."""

    role: str
    number: int | None
    workers: int
    servers: int
    root: Address

    @property
    def members(self) -> int:
        return self.workers + self.servers + 1

    @property
    def name(self) -> str:
        return self.role if self.number is None else f"{self.role} {self.number}"


def job() -> Job:
    """The job that this process belongs to; the end with a line where the environment lacks it."""
    role = os.environ.get("DMLC_ROLE")
    if role not in ROLES:
        sys.exit(
            "--distributed is for a process that a launcher has given a role (DMLC_ROLE): "
            "python scripts/launch.py -n 2 scripts/train_classifier.py NAME --distributed"
        )
    workers, servers = _number("DMLC_NUM_WORKER", 1), _number("DMLC_NUM_SERVER", 1)
    own = f"DMLC_{role.upper()}_ID"
    number = _number(own, 0) if own in os.environ else None
    if role == "worker" and number is not None and number >= workers:
        sys.exit(f"{own} is {number}, but the {workers} workers count from 0.")
    root = (os.environ.get("DMLC_PS_ROOT_URI", LOOPBACK), _number("DMLC_PS_ROOT_PORT", 1, 65534))
    if not root[0]:
        sys.exit("DMLC_PS_ROOT_URI is empty: it is the address where the scheduler listens.")
    return Job(role, number, workers, servers, root)


def enter(mine: Job) -> Member:
    """Let the others know that this process lives, and end it when one of them does not."""
    _stay_on_the_interface(mine.root[0])
    given = os.environ.get("ZOO_HUB_ADDRESS")
    if given:
        host, _, port = given.rpartition(":")
        if not port.isdecimal():
            sys.exit(f"ZOO_HUB_ADDRESS has to be HOST:PORT, not {given!r}.")
        return Member(mine.name, (host, int(port)))
    address = (mine.root[0], mine.root[1] + 1)
    if mine.role == "scheduler":
        hub = _hub(address, mine.members)
        atexit.register(hub.wait, 5)
    return Member(mine.name, address, patience=ARRIVAL)


def _hub(address: Address, members: int) -> Hub:
    try:
        hub = Hub(address, members, lambda reason: hub.end(reason))
    except OSError as error:
        sys.exit(
            f"The scheduler cannot listen on port {address[1]}, one above its own ({error}): "
            "choose another DMLC_PS_ROOT_PORT, whose next one is free too."
        )
    return hub


def give_up(member: Member, error: BaseException) -> NoReturn:
    """End at once, as an exit in the usual way would wait for the other workers."""
    code, reason = 1, str(error)
    if isinstance(error, SystemExit) and isinstance(error.code, int):
        code, reason = error.code, f"exit code {error.code}"
    elif isinstance(error, KeyboardInterrupt):
        code, reason = 130, "interrupted"
    elif not isinstance(error, (SystemExit, ZooError, OSError)):
        reason = "".join(traceback.format_exception(error))
    print(reason, file=sys.stderr, flush=True)
    member.fail(reason.strip().splitlines()[-1] if reason.strip() else repr(error))
    os._exit(code)


def _number(name: str, least: int, most: int | None = None) -> int:
    text = os.environ.get(name, "")
    if (
        not (text.isascii() and text.isdecimal())
        or int(text) < least
        or (most and int(text) > most)
    ):
        end = "on" if most is None else f"to {most}"
        sys.exit(f"{name} has to be a number from {least} {end}, not {text!r}.")
    return int(text)


def _stay_on_the_interface(root: str) -> None:
    if "DMLC_NODE_HOST" in os.environ or "DMLC_INTERFACE" in os.environ:
        return
    if root not in (LOOPBACK, "localhost"):
        sys.exit(
            f"The scheduler is at {root}: say in DMLC_NODE_HOST which address of this host the "
            "others reach, or in DMLC_INTERFACE on which interface; only loopback needs neither."
        )
    os.environ["DMLC_NODE_HOST"] = LOOPBACK


# MXNet turns every process with another role than a worker's into a server when it is imported, so
# this module is imported before that, and lets nobody serve unwatched.
if os.environ.get("DMLC_ROLE", "worker") != "worker":
    atexit.register(enter(job()).leave)
    from zoo import _mxnet  # noqa: F401  (serves, and ends this process)
