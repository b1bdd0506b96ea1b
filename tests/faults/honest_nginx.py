"""nginx as the honest server: ranges, If-Range, redirects, TLS."""

from __future__ import annotations

import contextlib
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

_CONFIGURATION = """
daemon off; master_process off; pid {folder}/nginx.pid; error_log {folder}/error.log;
events {{ worker_connections 256; }}
http {{
  log_format asked '$request_uri|$status|$http_range|$http_if_range|$body_bytes_sent';
  access_log {folder}/access.log asked;
  client_body_temp_path {folder}/t1; proxy_temp_path {folder}/t2; fastcgi_temp_path {folder}/t3;
  uwsgi_temp_path {folder}/t4; scgi_temp_path {folder}/t5;
  gzip on; gzip_min_length 1; gzip_proxied any; gzip_types *;
  server {{
    listen 127.0.0.1:{plain}; listen 127.0.0.2:{plain}; root {folder}/files;
    location /slow/ {{ alias {folder}/files/; limit_rate 100k; }}
    location /norange/ {{ alias {folder}/files/; max_ranges 0; }}
    location /noetag/ {{ alias {folder}/files/; etag off; }}
    location /moved/ {{ rewrite ^/moved/(.*)$ /$1 permanent; }}
    location /elsewhere/ {{ rewrite ^/elsewhere/(.*)$ http://127.0.0.2:{plain}/$1 redirect; }}
  }}
  {secure}
}}
"""
_SECURE = """
  server {{
    listen 127.0.0.1:{port} ssl; root {folder}/files;
    ssl_certificate {folder}/{name}.pem; ssl_certificate_key {folder}/{name}.key;
    location /down/ {{ return 302 http://127.0.0.1:{plain}/; }}
  }}
"""
CERTIFICATES = ("good", "expired", "wrong_host", "self_signed")


@dataclass
class Nginx:
    """A running nginx: addresses, files, log, and a certificate authority of its own."""

    folder: Path
    plain: str
    secure: dict[str, str] = field(default_factory=dict)

    @property
    def authority(self) -> Path:
        return self.folder / "authority.pem"

    def put(self, file: str, content: bytes) -> None:
        """Serve these bytes under that name."""
        path = self.folder / "files" / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)

    def asked(self, count: int = 0) -> list[list[str]]:
        """Address, status, Range, If-Range and bytes of the body, of every request so far.

        Waits until there are `count`: nginx writes a line after it has sent the last byte.
        """
        for _ in range(500):
            lines = (self.folder / "access.log").read_text().splitlines()
            if len(lines) >= count:
                break
            time.sleep(0.01)
        return [line.split("|") for line in lines]


@contextlib.contextmanager
def running(folder: Path) -> Iterator[Nginx]:
    """Start nginx in that folder; skips where it is not installed."""
    program = shutil.which("nginx", path="/usr/sbin:/usr/local/sbin:/usr/bin:/usr/local/bin")
    if program is None or shutil.which("openssl") is None:
        pytest.skip("nginx and openssl are needed: apt-get install nginx-light openssl")
    (folder / "files").mkdir()
    _make_certificates(folder)
    ports = dict(zip(("plain", *CERTIFICATES), _free_ports(1 + len(CERTIFICATES)), strict=True))
    shared = {"folder": folder, "plain": ports["plain"]}
    secure = "".join(_SECURE.format(name=one, port=ports[one], **shared) for one in CERTIFICATES)
    (folder / "nginx.conf").write_text(_CONFIGURATION.format(secure=secure, **shared))
    command = [program, "-p", str(folder), "-c", str(folder / "nginx.conf")]
    command += ["-e", str(folder / "error.log")]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as process:
        _wait_for(ports["plain"], process)
        addresses = {one: f"https://127.0.0.1:{ports[one]}" for one in CERTIFICATES}
        yield Nginx(folder, f"http://127.0.0.1:{ports['plain']}", addresses)
        process.kill()


def _make_certificates(folder: Path) -> None:
    def openssl(command: str) -> None:
        subprocess.run(["openssl", *command.split()], cwd=folder, check=True, capture_output=True)

    def request(name: str) -> str:
        key = f"req -new -newkey rsa:2048 -nodes -keyout {name}.key -out {name}.csr"
        openssl(f"{key} -subj /CN={name}")
        host = "IP:127.0.0.2" if name == "wrong_host" else "IP:127.0.0.1"
        (folder / f"{name}.ext").write_text(f"subjectAltName={host}\n")
        return f"x509 -req -in {name}.csr -extfile {name}.ext -out {name}.pem"

    authority = "req -x509 -newkey rsa:2048 -nodes -days 3 -subj /CN=authority"
    authority += " -addext keyUsage=critical,keyCertSign"  # Python 3.13 wants it
    openssl(f"{authority} -keyout authority.key -out authority.pem")
    signed = "-CA authority.pem -CAkey authority.key -CAcreateserial"
    openssl(f"{request('good')} {signed} -days 3")
    openssl(f"{request('wrong_host')} {signed} -days 3")
    openssl(f"{request('expired')} {signed} -days -1")
    openssl(f"{request('self_signed')} -signkey self_signed.key -days 3")


def _free_ports(count: int) -> list[int]:
    with contextlib.ExitStack() as stack:
        sockets = [
            stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(count)
        ]
        return [one.getsockname()[1] for one in sockets]


def _wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    for _ in range(200):
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        if process.poll() is not None:
            pytest.fail(f"nginx ended with {process.returncode}")
        time.sleep(0.05)
    process.kill()
    pytest.fail("nginx does not answer")
