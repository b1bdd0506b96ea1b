"""Who of a distributed job is alive: when one is lost, all the others end.

MXNet's workers, servers and scheduler wait for ever for one that has died. So each of them holds a
connection to a hub, over which both sides say every second that they live. The hub is in whatever
started the job, named by ZOO_HUB_ADDRESS; without that in the scheduler, one port above its own.
"""

from __future__ import annotations

import os
import select
import selectors
import socket
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import NoReturn


def _seconds(name: str, default: str) -> float:
    text = os.environ.get(name, default)
    if not text.isdecimal():
        sys.exit(f"{name} has to be a number of seconds, not {text!r}.")
    return float(text)


BEAT = 1.0  # seconds between two signs of life
SILENCE = 15.0  # seconds without one after which a side counts as dead
ARRIVAL = _seconds("ZOO_ARRIVAL", "120")  # within which everybody must have joined
LINGER = 0.5  # seconds in which the others read why, before a closed socket hides it
LOST = 75  # the exit code of a process that others have left: sysexits' "try again"
ROLES = ("scheduler", "server", "worker")
LONGEST = 500  # bytes of a line

Address = tuple[str, int]


class Hub(threading.Thread):
    """Knows who has joined, and calls `on_loss` once, with the words for what happened first.

    `expected` members have to join. `address` is where, the port being chosen if it was 0.
    """

    def __init__(self, address: Address, expected: int, on_loss: Callable[[str], None]):
        super().__init__(name="hub", daemon=True)
        self._listener = socket.create_server(address)
        self.address: Address = self._listener.getsockname()[:2]
        self._expected = expected
        self._on_loss = on_loss
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._listener, selectors.EVENT_READ)
        self._members: dict[socket.socket, _Member] = {}
        self._joined: list[str] = []
        self._deadline = time.monotonic() + ARRIVAL
        self._lost = False
        self._closed = threading.Event()
        self.start()

    def end(self, reason: str) -> None:
        """Tell all members to end, and why; the scheduler last, whose end may take the hub away."""
        told = list(self._members.values())
        for member in told:
            if not member.name.startswith("scheduler"):
                _say(member.connection, f"end {reason}")
        time.sleep(LINGER)
        for member in told:
            if member.name.startswith("scheduler"):
                _say(member.connection, f"end {reason}")

    def wait(self, seconds: float) -> None:
        """Until all that have joined have left, but no longer than that."""
        last = time.monotonic() + seconds
        while self._members and time.monotonic() < last:
            time.sleep(0.02)

    def close(self) -> None:
        """Hang up on everybody."""
        self._closed.set()
        self.join()

    def run(self) -> None:
        beat = time.monotonic()
        while not self._closed.is_set():
            for key, _ in self._selector.select(timeout=BEAT / 5):
                if key.fileobj is self._listener:
                    self._accept()
                else:
                    self._read(self._members[key.fileobj])  # type: ignore[index]
            if time.monotonic() >= beat:
                beat = time.monotonic() + BEAT
                self._look_round()
        for connection in [*self._members, self._listener]:
            connection.close()
        self._selector.close()

    def _accept(self) -> None:
        try:
            connection, _ = self._listener.accept()
        except OSError:
            return
        connection.setblocking(False)
        self._members[connection] = _Member(connection)
        self._selector.register(connection, selectors.EVENT_READ)

    def _read(self, member: _Member) -> None:
        lines = member.lines()
        if lines is None or len(member.rest) > LONGEST:
            self._forget(member)
            if member.name:
                self._lose(f"{member.name} is gone")
            return
        for line in filter(None, lines):
            word, _, reason = line.partition(" ")
            if not member.name:
                full = len(self._joined) == self._expected
                if full or word not in ROLES:  # somebody who has come to the wrong door
                    self._forget(member)
                    return
                member.name = line
                self._joined.append(line)
            elif word == "bye":
                self._forget(member)
                return
            elif word == "failed":
                self._lose(f"{member.name}: {reason}")

    def _look_round(self) -> None:
        now = time.monotonic()
        for member in list(self._members.values()):
            _say(member.connection, "")
            if now - member.heard > SILENCE:
                self._forget(member)
                if member.name:
                    self._lose(f"{member.name} has said nothing for {SILENCE:.0f} s")
        if len(self._joined) < self._expected and now > self._deadline:
            here = ", ".join(sorted(self._joined)) or "nobody"
            self._lose(f"{self._expected} had to join within {ARRIVAL:.0f} s, but only {here} did")

    def _forget(self, member: _Member) -> None:
        self._selector.unregister(member.connection)
        del self._members[member.connection]
        member.connection.close()

    def _lose(self, reason: str) -> None:
        if not self._lost:
            self._lost = True
            self._on_loss(reason)


class _Member:
    """The hub's side of a connection; the first line names who it is."""

    def __init__(self, connection: socket.socket) -> None:
        self.connection = connection
        self.name = ""
        self.heard = time.monotonic()
        self.rest = b""

    def lines(self) -> list[str] | None:
        """What has come since, or None when the other side is gone."""
        try:
            content = self.connection.recv(4096)
        except BlockingIOError:
            return []
        except OSError:
            return None
        if not content:
            return None
        self.heard = time.monotonic()
        *lines, self.rest = (self.rest + content).split(b"\n")
        return [line[:LONGEST].decode("utf-8", "replace") for line in lines]


class Member(threading.Thread):
    """This process as the hub knows it. It ends with code 75 when others, or the hub, are lost.

    It tries for `patience` seconds to reach the hub.
    """

    def __init__(self, name: str, hub: Address, patience: float = 0.0) -> None:
        super().__init__(name="liveness", daemon=True)
        self._name = f"{name} ({socket.gethostname()}, process {os.getpid()})"
        self._connection = self._connect(hub, patience)
        _say(self._connection, self._name)
        self._left = threading.Event()
        self.start()

    def leave(self) -> None:
        """Say that this process has nothing more to do with the others."""
        self._left.set()
        self.join()
        _say(self._connection, "bye")
        self._connection.close()

    def fail(self, reason: str) -> None:
        """Say why this process is about to end."""
        _say(self._connection, f"failed {reason}")

    def run(self) -> None:
        heard = beat = time.monotonic()
        while not self._left.is_set():
            readable, _, _ = select.select([self._connection], [], [], BEAT / 5)
            now = time.monotonic()
            if readable:
                heard = now
                self._read()
            if now - heard > SILENCE:
                self._end(f"whatever watches the job has said nothing for {SILENCE:.0f} s")
            if now >= beat:
                beat = now + BEAT
                _say(self._connection, "")

    def _connect(self, hub: Address, patience: float) -> socket.socket:
        last = time.monotonic() + patience
        while True:
            try:
                return socket.create_connection(hub, timeout=SILENCE)
            except OSError as error:
                if time.monotonic() > last:
                    host, port = hub
                    self._end(f"nothing answers at {host}:{port} ({error})")
                time.sleep(0.2)

    def _read(self) -> None:
        try:
            content = self._connection.recv(4096)
        except OSError:
            content = b""
        if not content:
            self._end("whatever watches the job is gone")
        for line in content.decode("utf-8", "replace").splitlines():
            if line.startswith("end"):
                self._end(line[4:])

    def _end(self, reason: str) -> NoReturn:
        if reason:
            print(f"{self._name} ends: {reason}.", file=sys.stderr, flush=True)
        os._exit(LOST)


def _say(connection: socket.socket, line: str) -> None:
    """Send a line; that nobody takes it is noticed elsewhere."""
    with suppress(OSError):
        connection.sendall(line[:LONGEST].replace("\n", " ").encode() + b"\n")
