"""A server on raw sockets that breaks HTTP in as many ways as there are cases.

`/case/file` is answered by the function `case` of `hostile_answers.py`, which may write anything.
"""

from __future__ import annotations

import contextlib
import re
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass


@dataclass
class Talk:
    """One connection after its request: what was asked, how often, and ways to answer badly."""

    sock: socket.socket
    path: str
    headers: dict[str, str]
    count: int
    content: bytes
    over: threading.Event
    server: HostileServer

    @property
    def start(self) -> int:
        """Where the rest begins that was asked for; 0 for the whole file."""
        found = re.fullmatch(r"bytes=(\d+)-", self.headers.get("range", ""))
        return int(found[1]) if found else 0

    def send(self, content: bytes) -> None:
        self.sock.sendall(content)

    def reply(self, body: bytes = b"", status: str = "200 OK", **headers: object) -> None:
        """A whole answer; underscores in names of headers become hyphens, None leaves one out."""
        fields = {"Content_Length": len(body), "Connection": "close", **headers}
        lines = [f"{k.replace('_', '-')}: {v}" for k, v in fields.items() if v is not None]
        self.send("\r\n".join([f"HTTP/1.1 {status}", *lines, "", ""]).encode("latin-1") + body)

    def chunk(self, body: bytes) -> None:
        self.send(b"%x\r\n%s\r\n" % (len(body), body))

    def reset(self) -> None:
        """Close with RST instead of FIN."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()

    def hang(self) -> None:
        """Say nothing more until the test is over."""
        self.over.wait(60)

    def drip(self, content: bytes, seconds: float = 0.02) -> None:
        """One byte at a time for ever, beginning again at the end."""
        while not self.over.is_set():
            for byte in content:
                self.send(bytes([byte]))
                if self.over.wait(seconds):
                    return


Answer = Callable[[Talk], None]


class HostileServer:
    """Runs answers; `talks` are all requests in order, `sent` bytes counted where it matters."""

    def __init__(self, content: bytes, family: socket.AddressFamily = socket.AF_INET) -> None:
        self.content = content
        self.talks: list[Talk] = []
        self.answers: dict[str, Answer] = {}
        self.over = threading.Event()
        self.reached = threading.Event()
        self.other = ""
        self._guard = threading.Lock()
        host = "::1" if family == socket.AF_INET6 else "127.0.0.1"
        self._listener = socket.create_server((host, 0), family=family, backlog=128)
        shown = f"[{host}]" if family == socket.AF_INET6 else host
        self.address = f"http://{shown}:{self._listener.getsockname()[1]}"

    @contextlib.contextmanager
    def running(self) -> Iterator[HostileServer]:
        threads: list[threading.Thread] = []
        accepting = threading.Thread(target=self._accept, args=(threads,))
        accepting.start()
        try:
            yield self
        finally:
            self.over.set()
            self._listener.shutdown(socket.SHUT_RDWR)
            accepting.join(10)
            self._listener.close()
            for talk in self.talks:
                with contextlib.suppress(OSError):
                    talk.sock.shutdown(socket.SHUT_RDWR)
            for thread in threads:
                thread.join(10)

    def asked(self, case: str) -> list[Talk]:
        """The requests of one case."""
        return [talk for talk in self.talks if talk.path.startswith(f"/{case}/")]

    def _accept(self, threads: list[threading.Thread]) -> None:
        while not self.over.is_set():
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            thread = threading.Thread(target=self._serve, args=(sock,), daemon=True)
            thread.start()
            threads.append(thread)

    def _serve(self, sock: socket.socket) -> None:
        with contextlib.suppress(OSError), sock:
            sock.settimeout(20)
            head = b""
            while b"\r\n\r\n" not in head:
                piece = sock.recv(65536)
                if not piece:
                    return
                head += piece
            talk = self._talk(sock, head.decode("latin-1"))
            self.answers[talk.path.split("/")[1]](talk)

    def _talk(self, sock: socket.socket, head: str) -> Talk:
        first, *lines = head.split("\r\n\r\n")[0].split("\r\n")
        path = first.split(" ")[1]
        headers = {k.lower(): v.strip() for k, _, v in (line.partition(":") for line in lines)}
        with self._guard:
            count = 1 + sum(talk.path == path for talk in self.talks)
            talk = Talk(sock, path, headers, count, self.content, self.over, self)
            self.talks.append(talk)
        return talk
