"""A real HTTP server on loopback whose faults are chosen by the first part of the path."""

from __future__ import annotations

import contextlib
import gzip
import threading
from collections import Counter
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class FileServer:
    """Serves `files`, and counts the requests to each path in `seen`.

    `/healthy/name` gives the file; `/cut/name` half of it under its full Content-Length,
    `/stalled/` half of it and then silence, `/dripping/` half of it and then a byte now and
    then, `/flipped/` one wrong bit, `/short/` all but a byte, `/longer/` a byte too many,
    `/endless/` a body without end, `/login/` a page of the file's size, `/encoded/` a gzip
    Content-Encoding that nobody asked for, `/missing/` 404, `/forbidden/` 403, `/broken/` 500,
    `/later/` 429 with a Retry-After of a day, `/flaky/` 503 twice and then the file, `/there/` a
    redirect to `/healthy/`, `/away/` a redirect to a file: address, `/gz/` the file only as
    `name.gz`.
    """

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.seen: Counter[str] = Counter()
        self.headers: list[dict[str, str]] = []
        self.sent = 0
        self.stalled = threading.Event()
        self.over = threading.Event()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True

    def mirror(self, fault: str = "healthy") -> str:
        """The address of a mirror with this fault."""
        return f"http://127.0.0.1:{self._server.server_port}/{fault}"

    @contextlib.contextmanager
    def running(self) -> Iterator[FileServer]:
        thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield self
        finally:
            self.over.set()
            self._server.shutdown()
            thread.join()
            self._server.server_close()


def _handler(owner: FileServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            owner.seen[self.path] += 1
            owner.headers.append({name.lower(): value for name, value in self.headers.items()})
            self.close_connection = True
            _, fault, name = self.path.split("/", 2)
            with contextlib.suppress(ConnectionError):
                _answer(self, owner, fault, name)

        def log_message(self, format: str, *args: object) -> None:
            """Silence: stderr belongs to the code under test."""

    return Handler


def _answer(handler: BaseHTTPRequestHandler, owner: FileServer, fault: str, name: str) -> None:
    content = owner.files.get(name)
    if fault == "gz":
        packed = owner.files.get(name.removesuffix(".gz")) if name.endswith(".gz") else None
        content = None if packed is None else gzip.compress(packed, mtime=0)
    statuses = {"missing": 404, "forbidden": 403, "broken": 500, "later": 429}
    if fault in statuses or content is None:
        wait = {"Retry-After": "86400"} if fault == "later" else {}
        return _reply(handler, statuses.get(fault, 404), b"no", wait)
    if fault == "flaky" and owner.seen[handler.path] < 3:
        return _reply(handler, 503, b"busy", {})
    if fault in ("there", "away"):
        target = f"/healthy/{name}" if fault == "there" else "file:///etc/hostname"
        return _reply(handler, 302, b"", {"Location": target})
    if fault == "endless":
        return _endless(handler, owner)
    if fault in ("cut", "stalled", "dripping"):
        return _half(handler, owner, fault, content)
    if fault == "encoded":
        return _reply(handler, 200, gzip.compress(content), {"Content-Encoding": "gzip"})
    damaged = {
        "flipped": bytes([content[0] ^ 1]) + content[1:],
        "short": content[:-1],
        "longer": content + b"!",
        "login": b"<html>log in</html>".ljust(len(content)),
    }
    return _reply(handler, 200, damaged.get(fault, content), {})


def _reply(
    handler: BaseHTTPRequestHandler, status: int, body: bytes, headers: dict[str, str]
) -> None:
    handler.send_response(status)
    for name, value in {"Content-Length": str(len(body)), **headers}.items():
        handler.send_header(name, value)
    handler.end_headers()
    handler.wfile.write(body)


def _half(handler: BaseHTTPRequestHandler, owner: FileServer, fault: str, content: bytes) -> None:
    middle = len(content) // 2
    _reply(handler, 200, content[:middle], {"Content-Length": str(len(content))})
    if fault == "stalled":
        owner.stalled.set()
        owner.over.wait(60)
    for place in range(middle, len(content) if fault == "dripping" else middle):
        if owner.over.wait(0.02):
            return
        handler.wfile.write(content[place : place + 1])


def _endless(handler: BaseHTTPRequestHandler, owner: FileServer) -> None:
    handler.send_response(200)
    handler.end_headers()
    while owner.sent < 1 << 28:
        handler.wfile.write(bytes(1 << 14))
        owner.sent += 1 << 14
