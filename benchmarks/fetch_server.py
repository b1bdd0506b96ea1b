"""nginx on loopback, with the files of the benchmark and the routes that huggingface_hub asks."""

from __future__ import annotations

import contextlib
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_CONFIGURATION = """
daemon off; master_process off; pid {folder}/nginx.pid; error_log {folder}/error.log;
events {{ worker_connections 512; }}
http {{
  log_format asked '$request_method $uri';
  access_log {folder}/access.log asked;
  client_body_temp_path {folder}/t1; proxy_temp_path {folder}/t2; fastcgi_temp_path {folder}/t3;
  uwsgi_temp_path {folder}/t4; scgi_temp_path {folder}/t5;
  sendfile on; tcp_nopush on; keepalive_requests 10000;
  server {{
    listen 127.0.0.1:{port}; root {folder}/files;
    location /some/files/resolve/main/ {{
      alias {folder}/files/;
      add_header X-Repo-Commit 0123456789012345678901234567890123456789;
    }}
  }}
}}
"""


@dataclass(frozen=True)
class Server:
    """A running nginx: its address, the folder that it serves, and what it was asked."""

    address: str
    files: Path
    log: Path

    def gets(self, file: str) -> int:
        """How often the file was asked for so far."""
        lines = self.log.read_text().splitlines()
        return sum(line.startswith("GET ") and line.endswith(f"/{file}") for line in lines)


@contextlib.contextmanager
def running(folder: Path) -> Iterator[Server]:
    """Start nginx in that folder; exits with a message where it is not installed."""
    program = shutil.which("nginx", path="/usr/sbin:/usr/local/sbin:/usr/bin:/usr/local/bin")
    if program is None:
        sys.exit("nginx is needed: apt-get install nginx-light")
    (folder / "files").mkdir()
    with socket.create_server(("127.0.0.1", 0)) as chosen:
        port = chosen.getsockname()[1]
    configuration = folder / "nginx.conf"
    configuration.write_text(_CONFIGURATION.format(folder=folder, port=port))
    command = [program, "-p", folder, "-c", configuration, "-e", folder / "error.log"]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as process:
        try:
            _wait_for(port)
            yield Server(f"http://127.0.0.1:{port}", folder / "files", folder / "access.log")
        finally:
            process.kill()


def _wait_for(port: int) -> None:
    for _ in range(200):
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.05)
    sys.exit("nginx does not answer")
