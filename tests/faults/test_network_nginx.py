"""The same against an honest server: nginx on loopback, plain and with TLS."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from bounds import Seen
from honest_nginx import Nginx, running
from mirrors import CONTENT, SAMPLE, files_in, refusal
from processes import FETCH, start

from zoo.cache import cached_path
from zoo.fetching import read_artifact

HALF = 100_000


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nginx]:
    with running(tmp_path_factory.mktemp("nginx")) as nginx:
        yield nginx


@pytest.fixture(autouse=True)
def nginx(server: Nginx) -> Nginx:
    """nginx with the sample and an empty log."""
    server.put(SAMPLE.file, CONTENT)
    (server.folder / "access.log").write_text("")
    return server


def _leave_half(content: bytes = CONTENT) -> None:
    folder = cached_path(SAMPLE).parent
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f".{SAMPLE.sha256}.part").write_bytes(content[:HALF])


def test_nginx_healthy(nginx: Nginx) -> None:
    """fetched, uncompressed though the server would compress"""
    assert read_artifact(SAMPLE, mirrors=[nginx.plain]) == CONTENT
    assert nginx.asked(1) == [[f"/{SAMPLE.file}", "200", "-", "-", str(SAMPLE.size)]]


def test_nginx_not_there(nginx: Nginx, zoo_home: Path) -> None:
    """404 for the plain and the packed name, asked once each"""
    assert "404 Not Found" in refusal(SAMPLE, zoo_home, f"{nginx.plain}/nowhere")
    assert [one[1] for one in nginx.asked(2)] == ["404", "404"]


def test_nginx_resume(nginx: Nginx) -> None:
    """the rest alone is sent, with 206"""
    _leave_half()
    assert read_artifact(SAMPLE, mirrors=[nginx.plain]) == CONTENT
    rest = str(SAMPLE.size - HALF)
    assert nginx.asked(1) == [[f"/{SAMPLE.file}", "206", f"bytes={HALF}-", "-", rest]]


def test_nginx_resume_of_a_killed_process(nginx: Nginx, zoo_home: Path) -> None:
    """killed in the middle; the next process asks for the rest, If-Range names the version"""
    mirror = f"{nginx.plain}/slow"
    with start(FETCH, mirror) as process:
        _wait_for_bytes(zoo_home, HALF)
        process.kill()
    assert read_artifact(SAMPLE, mirrors=[mirror]) == CONTENT
    [rest] = [one for one in nginx.asked(2) if one[2] != "-"]  # the killed one asked for all
    _, status, asked, version, sent = rest
    assert status == "206"
    assert version.strip('"') != "-"
    assert int(asked.strip("bytes=-")) + int(sent) == SAMPLE.size
    assert [name[17:] for name in files_in(zoo_home)] == ["sample.bin"]


def _wait_for_bytes(home: Path, count: int) -> None:
    for _ in range(3000):
        if any(path.stat().st_size >= count for path in home.rglob(".*.part")):
            return
        time.sleep(0.01)
    pytest.fail("the download does not start")


def test_nginx_file_changed_between_tries(nginx: Nginx, zoo_home: Path) -> None:
    """If-Range does not match any more: the whole new file comes with 200"""
    path = nginx.folder / "files" / SAMPLE.file
    path.write_bytes(bytes(SAMPLE.size))
    os.utime(path, (1_000_000_000, 1_000_000_000))
    with start(FETCH, f"{nginx.plain}/slow") as process:
        _wait_for_bytes(zoo_home, HALF)
        process.kill()
    nginx.put(SAMPLE.file, CONTENT)
    assert read_artifact(SAMPLE, mirrors=[f"{nginx.plain}/slow"]) == CONTENT
    assert [one[1] for one in nginx.asked(2) if one[2] != "-"] == ["200"]


def test_nginx_without_ranges(nginx: Nginx) -> None:
    """200 to a Range: the whole file is taken"""
    _leave_half()
    assert read_artifact(SAMPLE, mirrors=[f"{nginx.plain}/norange"]) == CONTENT
    assert [one[1] for one in nginx.asked(1)] == ["200"]


def test_nginx_shorter_than_what_is_left(nginx: Nginx, zoo_home: Path) -> None:
    """416: asked for anew, then refused as cut, and the next mirror is used"""
    nginx.put(f"short/{SAMPLE.file}", CONTENT[:5000])
    _leave_half()
    mirrors = [f"{nginx.plain}/short", nginx.plain]
    assert read_artifact(SAMPLE, mirrors=mirrors) == CONTENT
    assert [one[1] for one in nginx.asked(2)][:2] == ["416", "200"]


def test_nginx_whole_but_killed_before_the_end(nginx: Nginx) -> None:
    """all bytes were there, only the rename was missing: nothing is asked"""
    folder = cached_path(SAMPLE).parent
    folder.mkdir(parents=True)
    (folder / f".{SAMPLE.sha256}.part").write_bytes(CONTENT)
    assert read_artifact(SAMPLE, mirrors=[nginx.plain]) == CONTENT
    assert nginx.asked() == []


@pytest.mark.parametrize(
    "left",
    [bytes(HALF), CONTENT + b"more", bytes(SAMPLE.size)],
    ids=["other_bytes", "too_long", "other_bytes_of_the_size"],
)
def test_nginx_after_a_spoiled_partial_file(nginx: Nginx, left: bytes, zoo_home: Path) -> None:
    """what was left is of other bytes: fetched anew"""
    folder = cached_path(SAMPLE).parent
    folder.mkdir(parents=True)
    (folder / f".{SAMPLE.sha256}.part").write_bytes(left)
    assert read_artifact(SAMPLE, mirrors=[nginx.plain]) == CONTENT
    assert [name[17:] for name in files_in(zoo_home)] == ["sample.bin"]


@pytest.mark.parametrize("place", ["moved", "elsewhere"])
def test_nginx_redirect(nginx: Nginx, place: str) -> None:
    """followed"""
    assert read_artifact(SAMPLE, mirrors=[f"{nginx.plain}/{place}"]) == CONTENT


@pytest.mark.parametrize(
    ("certificate", "reason"),
    [
        ("expired", "certificate has expired"),
        ("wrong_host", "IP address mismatch"),
        ("self_signed", "self-signed certificate"),
        ("good", "unable to get local issuer certificate"),
    ],
    ids=["expired", "wrong_host", "self_signed", "unknown_authority"],
)
def test_tls_refused(
    certificate: str,
    reason: str,
    nginx: Nginx,
    monkeypatch: pytest.MonkeyPatch,
    zoo_home: Path,
    seen: Seen,
) -> None:
    """expired, of another host, self-signed, of an unknown authority: refused once, by reason"""
    if certificate != "good":
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(nginx.authority))
    message = refusal(SAMPLE, zoo_home, nginx.secure[certificate])
    seen(message.splitlines()[1].partition(f"{SAMPLE.file}: ")[2])
    assert f"TLS refused: {reason}" in message
    assert nginx.asked() == []


def test_tls_of_an_own_authority(nginx: Nginx, monkeypatch: pytest.MonkeyPatch) -> None:
    """REQUESTS_CA_BUNDLE is honoured"""
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(nginx.authority))
    assert read_artifact(SAMPLE, mirrors=[nginx.secure["good"]]) == CONTENT


def test_https_to_http(nginx: Nginx, monkeypatch: pytest.MonkeyPatch, zoo_home: Path) -> None:
    """a redirect from https to http is refused"""
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(nginx.authority))
    message = refusal(SAMPLE, zoo_home, f"{nginx.secure['good']}/down")
    assert "redirected from https to http: refused" in message


def test_tls_server_that_speaks_plain(nginx: Nginx, zoo_home: Path) -> None:
    """https to a port of plain http: refused"""
    address = nginx.plain.replace("http:", "https:")
    assert "TLS refused" in refusal(SAMPLE, zoo_home, address)
