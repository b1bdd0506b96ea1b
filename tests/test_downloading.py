from __future__ import annotations

import contextlib
import gzip
import http.server
import socket
import ssl
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from file_server import FileServer
from mirrors import CONTENT, SAMPLE, refusal

from zoo import downloading
from zoo.cache import cached_path
from zoo.errors import DownloadError
from zoo.fetching import fetch_artifact, read_artifact
from zoo.partial import Partial


@pytest.mark.parametrize("fault", ["healthy", "flaky", "there", "gz", "longer"])
def test_http(fault: str, server: FileServer) -> None:
    assert read_artifact(SAMPLE, mirrors=[server.mirror(fault)]) == CONTENT
    assert all(one["accept-encoding"] == "identity" for one in server.headers)
    assert not any("authorization" in one for one in server.headers)


@pytest.mark.parametrize(
    ("fault", "reason", "asked"),
    [
        ("missing", "404 Not Found", 1),
        ("forbidden", "403 Forbidden", 1),
        ("broken", "500 Internal Server Error", 3),
        ("later", "429 Too Many Requests, asks to wait 86400 s", 1),
        ("cut", "connection failed", 3),
        ("short", f"ended after {SAMPLE.size - 1} of {SAMPLE.size} bytes", 3),
        ("endless", "gives other bytes", 1),
        ("flipped", "gives other bytes", 1),
        ("login", "gives other bytes", 1),
        ("encoded", "ended after", 3),
        ("away", "redirected to something other than https", 1),
    ],
)
def test_http_faults(
    fault: str, reason: str, asked: int, server: FileServer, zoo_home: Path
) -> None:
    mirror = server.mirror(fault)
    message = refusal(SAMPLE, zoo_home, mirror)
    assert f"{mirror}/{SAMPLE.file}: {reason}" in message
    assert str(cached_path(SAMPLE)) in message
    assert server.seen[f"/{fault}/{SAMPLE.file}"] == asked


def test_nothing_beyond_the_size_is_written(
    monkeypatch: pytest.MonkeyPatch, server: FileServer
) -> None:
    read: list[int] = []

    def counted(partial: Partial, chunk: bytes) -> None:
        read.append(len(chunk))
        write(partial, chunk)

    write = Partial.write
    monkeypatch.setattr(Partial, "write", counted)
    with pytest.raises(DownloadError):
        fetch_artifact(SAMPLE, mirrors=[server.mirror("endless")])
    assert SAMPLE.size - 65536 < sum(read) <= SAMPLE.size
    assert server.sent < SAMPLE.size + (8 << 20)


def test_nobody_listens(zoo_home: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    message = refusal(SAMPLE, zoo_home, f"http://127.0.0.1:{port}")
    assert (
        f"http://127.0.0.1:{port}/{SAMPLE.file}: connection failed: Connection refused" in message
    )


@pytest.mark.parametrize(
    ("mirror", "reason"),
    [
        ("http://example.org/files", "plain http is only for loopback and private hosts"),
        ("http://192.0.2.1.example.org/", "plain http is only for loopback and private hosts"),
        ("https://me:secret@127.0.0.1/", "an address with a user name or password is not used"),
        ("https://10.0.0.1\\.example.org/files", "not an address"),
        ("ftp://127.0.0.1/", "scheme 'ftp' is not https, http, file or hf"),
        ("file://elsewhere/folder", "a file: address with a host"),
        ("hf://no-revision/repository", "not of the form hf://owner/repo@revision/file"),
    ],
)
def test_addresses_that_are_not_asked(mirror: str, reason: str, zoo_home: Path) -> None:
    message = refusal(SAMPLE, zoo_home, mirror)
    assert reason in message
    assert "secret" not in message


def test_netrc_is_not_read(
    server: FileServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login me password secret\n")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("NETRC", str(tmp_path / ".netrc"))
    assert read_artifact(SAMPLE, mirrors=[server.mirror()]) == CONTENT
    assert "authorization" not in server.headers[0]


def test_a_proxy_of_the_environment_is_used(
    server: FileServer, monkeypatch: pytest.MonkeyPatch, zoo_home: Path
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{port}")
    monkeypatch.setenv("no_proxy", "")
    assert "the proxy failed" in refusal(SAMPLE, zoo_home, server.mirror())
    assert server.seen.total() == 0


def test_silence_has_an_end(
    server: FileServer, zoo_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(downloading, "SILENCE_SECONDS", 0.2)
    assert "silent for" in refusal(SAMPLE, zoo_home, server.mirror("stalled"))


def test_slowness_has_an_end(
    server: FileServer, zoo_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(downloading, "RATE_SECONDS", 0.3)
    assert "slower than" in refusal(SAMPLE, zoo_home, server.mirror("dripping"))


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """A self-signed certificate for 127.0.0.1 with its key, in one file."""
    path = tmp_path / "own.pem"
    command = "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=127.0.0.1"
    names = ["-addext", "subjectAltName=IP:127.0.0.1", "-keyout", f"{path}.key", "-out", str(path)]
    try:
        subprocess.run([*command.split(), *names], check=True, capture_output=True)
    except FileNotFoundError:
        pytest.skip("the openssl command is needed to make a certificate")
    path.write_bytes(path.read_bytes() + Path(f"{path}.key").read_bytes())
    return path


class _QuietServer(http.server.HTTPServer):
    def handle_error(self, request: object, client_address: object) -> None:
        """Silence: a refused handshake is what the test is about."""


class _ToPlainHttp(http.server.BaseHTTPRequestHandler):
    """Gives `/files/...`, and sends everything else to plain http."""

    def do_GET(self) -> None:
        found = self.path == f"/files/{SAMPLE.file}"
        self.send_response(200 if found else 302)
        self.send_header("Location", f"http://127.0.0.1{self.path}")
        self.end_headers()
        self.wfile.write(CONTENT if found else b"")

    def log_message(self, format: str, *args: object) -> None:
        """Silence: stderr belongs to the code under test."""


@contextlib.contextmanager
def _serving(server: http.server.HTTPServer) -> Iterator[None]:
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def secure(certificate: Path) -> Iterator[str]:
    """The address of a TLS server on loopback."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    server = _QuietServer(("127.0.0.1", 0), _ToPlainHttp)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    with _serving(server):
        yield f"https://127.0.0.1:{server.server_port}"


def test_a_certificate_that_nobody_signed(secure: str, zoo_home: Path) -> None:
    message = refusal(SAMPLE, zoo_home, f"{secure}/files")
    assert "TLS refused: self-signed certificate" in message


def test_a_certificate_of_ones_own(
    secure: str, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate))
    assert read_artifact(SAMPLE, mirrors=[f"{secure}/files"]) == CONTENT


class _ClosesOnce(_QuietServer):
    """Hangs up on the first that greets it, before TLS begins."""

    def __init__(self, context: ssl.SSLContext) -> None:
        super().__init__(("127.0.0.1", 0), _ToPlainHttp)
        self.greeted = 0
        self._context = context

    def get_request(self) -> tuple[socket.socket, object]:
        wire, address = self.socket.accept()
        self.greeted += 1
        if self.greeted == 1:
            with wire:
                wire.recv(1 << 16)
            raise ConnectionAbortedError
        return self._context.wrap_socket(wire, server_side=True), address


def test_tls_that_is_closed_once_is_asked_again(
    certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    server = _ClosesOnce(context)
    with _serving(server):
        mirror = f"https://127.0.0.1:{server.server_port}/files"
        assert read_artifact(SAMPLE, mirrors=[mirror]) == CONTENT
    assert server.greeted == 2


@pytest.mark.parametrize("end", [ssl.SSLEOFError, ssl.SSLZeroReturnError])
def test_tls_that_ends_says_nothing_of_the_file(end: type[ssl.SSLError]) -> None:
    import requests

    wrapped = requests.exceptions.SSLError(end(8, "EOF occurred"))
    reason = downloading._reason(wrapped, "")
    assert str(reason) == "connection failed: EOF occurred"
    assert (reason.retry, reason.down) == (True, True)


@pytest.mark.parametrize("token", ["hf_sécret", "hf_secret\n", "hf_\x00secret", "hf secret"])
def test_a_token_that_is_none(token: str, server: FileServer) -> None:
    expected = "the token holds a character that no token has"
    with pytest.raises(downloading.SourceError, match=expected) as caught:
        downloading.open_url(f"{server.mirror()}/{SAMPLE.file}", token=token)
    assert "cret" not in str(caught.value)
    assert server.seen.total() == 0


class _Bucket(http.server.BaseHTTPRequestHandler):
    """Has the file packed, and tells nobody what it does not have."""

    def do_GET(self) -> None:
        found = self.path == f"/{SAMPLE.file}.gz"
        self.send_response(200 if found else 403)
        self.end_headers()
        self.wfile.write(gzip.compress(CONTENT) if found else b"")

    def log_message(self, format: str, *args: object) -> None:
        """Silence: stderr belongs to the code under test."""


def test_what_a_bucket_forbids_may_be_there_packed() -> None:
    server = http.server.HTTPServer(("127.0.0.1", 0), _Bucket)
    with _serving(server):
        mirror = f"http://127.0.0.1:{server.server_port}"
        assert read_artifact(SAMPLE, mirrors=[mirror]) == CONTENT


def test_what_is_forbidden_is_not_missing(server: FileServer) -> None:
    for fault, missing in (("forbidden", False), ("missing", True)):
        with pytest.raises(downloading.SourceError) as caught:
            downloading.open_url(f"{server.mirror(fault)}/{SAMPLE.file}")
        assert (caught.value.missing, caught.value.absent) == (missing, True)


def test_never_from_https_to_http(
    secure: str, certificate: Path, monkeypatch: pytest.MonkeyPatch, zoo_home: Path
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate))
    assert "redirected from https to http: refused" in refusal(SAMPLE, zoo_home, secure)


@pytest.mark.parametrize(
    ("host", "public"),
    [
        ("example.org", True),
        ("example.org.", True),
        ("93.184.216.34", True),
        ("2606:2800:220:1::1", True),
        ("localhost", False),
        ("intranet", False),
        ("intranet.", False),
        ("nas.local", False),
        ("nas.local.", False),
        ("127.0.0.1", False),
        ("127.1", False),
        ("0x7f.1", False),
        ("2130706433", False),
        ("10.1.2.3", False),
        ("169.254.169.254", False),
        ("100.64.0.1", False),
        ("224.0.0.1", False),
        ("0.0.0.0", False),
        ("::1", False),
        ("::ffff:10.0.0.1", False),
        ("fe80::1", False),
        ("\uff11\uff10.0.0.1", False),
        ("\u2460\u2461\u2466.0.0.\u2460", False),
        ("x.\u24dbocalhost", False),
        ("", False),
    ],
)
def test_hosts_of_the_public_internet(host: str, public: bool) -> None:
    assert downloading.is_public(host) is public


def test_a_redirect_to_a_private_host(server: FileServer, monkeypatch: pytest.MonkeyPatch) -> None:
    address = f"{server.mirror('there')}/{SAMPLE.file}"
    with downloading.open_url(address) as body:
        assert b"".join(body) == CONTENT
    with pytest.raises(downloading.SourceError, match="a private host"):
        downloading.open_url(address, public=True)
    answers = iter([True, False])
    monkeypatch.setattr(downloading, "is_public", lambda _: next(answers))
    server.seen.clear()
    with pytest.raises(downloading.SourceError, match="a private host"):
        downloading.open_url(address, public=True)
    assert list(server.seen) == [f"/there/{SAMPLE.file}"]
