"""HTTP connections that are hung up from outside when too little happens on them.

A socket's own timeout only bounds one read: a server that drips a byte now and then, within
headers, a handshake or the frame of a chunk, would never meet it.
"""

from __future__ import annotations

import contextlib
import socket
import threading
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool


class Watch:
    """A clock beside the connections of one request; `complaint` tells that it hung them up."""

    def __init__(self) -> None:
        self.complaint = ""
        self._guard = threading.Lock()
        self._timer: threading.Timer | None = None
        self._wires: list[socket.socket] = []

    def allow(self, seconds: float, complaint: str) -> None:
        """From now on, hang up after so many seconds, unless this is called again before."""
        with self._guard:
            if self._timer is not None:
                self._timer.cancel()
            self._timer = threading.Timer(max(seconds, 0.0), self._hang_up, [complaint])
            self._timer.daemon = True
            self._timer.start()

    def attach(self, wire: socket.socket) -> None:
        """Watch this socket, a duplicate that is closed with the watch."""
        with self._guard:
            self._wires.append(wire)
            if self.complaint:
                _shut(wire)

    def close(self) -> None:
        """Stop watching."""
        with self._guard:
            if self._timer is not None:
                self._timer.cancel()
            for wire in self._wires:
                wire.close()
            self._wires.clear()

    def _hang_up(self, complaint: str) -> None:
        with self._guard:
            self.complaint = complaint
            for wire in self._wires:
                _shut(wire)


def watched_session(watch: Watch) -> requests.Session:
    """A session of requests whose connections `watch` can hang up; it adds no credentials."""
    session = requests.Session()
    session.auth = _no_credentials
    session.headers["Accept-Encoding"] = "identity"
    adapter = _adapter(watch)
    session.mount("https://", adapter)
    session.mount("http://", adapter)
    return session


def _no_credentials(request: requests.PreparedRequest) -> requests.PreparedRequest:
    # with an `auth` of its own, requests does not look into .netrc
    return request


def _adapter(watch: Watch) -> HTTPAdapter:
    class Plain(HTTPConnection):
        def _new_conn(self) -> socket.socket:
            return _attached(super()._new_conn(), watch)

    class Secure(HTTPSConnection):
        def _new_conn(self) -> socket.socket:
            return _attached(super()._new_conn(), watch)

    class PlainPool(HTTPConnectionPool):
        ConnectionCls = Plain

    class SecurePool(HTTPSConnectionPool):
        ConnectionCls = Secure

    pools = {"http": PlainPool, "https": SecurePool}

    class Adapter(HTTPAdapter):
        def init_poolmanager(self, *arguments: Any, **named: Any) -> None:
            super().init_poolmanager(*arguments, **named)
            self.poolmanager.pool_classes_by_scheme = pools

        def proxy_manager_for(self, proxy: str, **named: Any) -> Any:
            manager = super().proxy_manager_for(proxy, **named)
            manager.pool_classes_by_scheme = pools
            return manager

    return Adapter()


def _attached(sock: socket.socket, watch: Watch) -> socket.socket:
    watch.attach(sock.dup())
    return sock


def _shut(wire: socket.socket) -> None:
    with contextlib.suppress(OSError):
        wire.shutdown(socket.SHUT_RDWR)
