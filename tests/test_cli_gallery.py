"""`zoo gallery`."""

from __future__ import annotations

import re
import signal
import socket
import subprocess
import urllib.request
from pathlib import Path

import pytest
from command_line import command, environment
from gallery_browser import RUNTIME, need
from typer.testing import CliRunner

import zoo
from zoo.cli import app

pytest.importorskip("jinja2", reason="needs the extra gallery")


@pytest.fixture
def runtime() -> None:
    need(RUNTIME.is_dir(), "needs make docs/gallery/node_modules")


def test_it_wants_to_know_what_to_do() -> None:
    result = CliRunner().invoke(app, ["gallery"])
    assert result.exit_code == 2
    assert "--serve" in result.output


def test_what_is_missing_is_said_in_one_line(tmp_path: Path) -> None:
    arguments = ["gallery", "--out", str(tmp_path / "site"), "--onnxruntime-web", str(tmp_path)]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 1
    assert result.stderr.startswith(f"zoo: {tmp_path} has no ")


@pytest.mark.usefixtures("runtime")
def test_a_port_that_is_taken_is_named(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        arguments = ["gallery", "--serve", "--onnxruntime-web", RUNTIME, "--port", port]
        result = CliRunner().invoke(app, list(map(str, arguments)))
    assert result.exit_code == 1
    assert f"zoo: Port {port} cannot be had" in result.stderr


@pytest.mark.usefixtures("runtime")
def test_it_is_served_with_strict_headers_until_ctrl_c(tmp_path: Path) -> None:
    out = tmp_path / "site"
    installation = Path(zoo.__file__).parent.parent
    process = subprocess.Popen(
        command("gallery", "--out", out, "--serve", "--port", 0, "--onnxruntime-web", RUNTIME),
        env=environment(installation, PYTHONUNBUFFERED="1"),
        cwd=installation,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    try:
        assert process.stdout is not None
        address = process.stdout.readline().strip()
        assert re.fullmatch(r"http://127\.0\.0\.1:\d+/", address)
        with urllib.request.urlopen(f"{address}onnxruntime/ort.wasm.min.mjs") as answer:
            assert answer.headers["Content-Type"].startswith("text/javascript")
            assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    finally:
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=60)
    assert process.returncode == 130, errors
    assert re.search(r"site: \d+ files, [\d.]+ MB\n", errors)
    assert (out / "index.html").is_file()
