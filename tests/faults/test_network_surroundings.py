"""Names, addresses, proxies and interruptions around a download."""

from __future__ import annotations

import _thread
import signal
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from bounds import Seen
from hostile_answers import ANSWERS
from hostile_server import HostileServer
from mirrors import CONTENT, SAMPLE, files_in, refusal
from processes import FETCH, start
from records import artifact

from zoo import receiving
from zoo.errors import DownloadError
from zoo.fetching import fetch_all, read_artifact


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])


def test_ipv6_only(zoo_home: Path) -> None:
    """a host with an IPv6 address alone is reached"""
    try:
        server = HostileServer(CONTENT, socket.AF_INET6)
    except OSError:
        pytest.skip("this machine has no IPv6 on loopback")
    server.answers |= ANSWERS
    with server.running():
        assert read_artifact(SAMPLE, mirrors=[f"{server.address}/healthy"]) == CONTENT


def test_dns_failure(zoo_home: Path, seen: Seen) -> None:
    """a name that nobody knows is refused by name, the next source is used"""
    message = refusal(SAMPLE, zoo_home, "https://no-such-host.invalid")
    seen(message.splitlines()[1].partition(f"{SAMPLE.file}: ")[2])
    assert "connection failed: " in message or "not connected" in message


def test_nobody_listens(zoo_home: Path, seen: Seen) -> None:
    """refused after three attempts"""
    message = refusal(SAMPLE, zoo_home, f"http://127.0.0.1:{_free_port()}")
    seen(message.splitlines()[1].partition(f"{SAMPLE.file}: ")[2])
    assert "Connection refused" in message


def test_connection_is_never_accepted(zoo_home: Path, seen: Seen) -> None:
    """a full queue of a listener that never accepts: refused in time"""
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        address = full.getsockname()
        waiting = [socket.socket() for _ in range(4)]
        for one in waiting:
            one.setblocking(False)
            one.connect_ex(address)
        message = refusal(SAMPLE, zoo_home, f"http://127.0.0.1:{address[1]}")
        for one in waiting:
            one.close()
    seen(message.splitlines()[1].partition(f"{SAMPLE.file}: ")[2])
    assert "no connection within" in message or "silent for" in message


def test_proxy_from_the_environment(
    hostile: HostileServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """http_proxy is used, and sees the whole address"""
    hostile.answers[""] = ANSWERS["healthy"]
    monkeypatch.setenv("http_proxy", hostile.address)
    monkeypatch.setenv("no_proxy", "")
    assert read_artifact(SAMPLE, mirrors=["http://files.test/x"]) == CONTENT
    assert hostile.talks[0].path == f"http://files.test/x/{SAMPLE.file}"


@pytest.mark.parametrize(
    ("proxy", "reason"),
    [
        ("socks5h://127.0.0.1:9", "the proxy in the environment needs SOCKS: pip install pysocks"),
        ("http://[::1", "not an address, or the proxy in the environment is none"),
        ("nonsense://me:secret@127.0.0.1", "not an address, or the proxy in the environment is"),
    ],
    ids=["of_socks", "of_no_host", "of_no_scheme"],
)
def test_proxy_that_is_none(
    proxy: str, reason: str, hostile: HostileServer, zoo_home: Path,
    monkeypatch: pytest.MonkeyPatch, seen: Seen,
) -> None:  # fmt: skip
    """refused with a reason that names the proxy, nothing goes past it, no password is shown"""
    monkeypatch.setenv("http_proxy", proxy)
    monkeypatch.setenv("no_proxy", "")
    message = refusal(SAMPLE, zoo_home, f"{hostile.address}/healthy")
    seen(message.splitlines()[1].partition(f"{SAMPLE.file}: ")[2])
    assert reason in message
    assert "secret" not in message
    assert hostile.talks == []


def test_proxy_down(
    hostile: HostileServer, zoo_home: Path, monkeypatch: pytest.MonkeyPatch, seen: Seen
) -> None:
    """refused, and nothing goes past the proxy"""
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{_free_port()}")
    monkeypatch.setenv("no_proxy", "")
    message = refusal(SAMPLE, zoo_home, f"{hostile.address}/healthy")
    seen(message.splitlines()[1].partition(f"{SAMPLE.file}: ")[2])
    assert "the proxy failed" in message
    assert hostile.talks == []


def test_first_mirror_bad_second_good(hostile: HostileServer) -> None:
    """the second mirror gives the file"""
    mirrors = [f"{hostile.address}/{name}" for name in ("one_bit_flipped", "healthy")]
    assert read_artifact(SAMPLE, mirrors=mirrors) == CONTENT


def test_all_bad(hostile: HostileServer, zoo_home: Path) -> None:
    """every source is listed with its reason, and where to put the file by hand"""
    cases = {"not_there": "404", "one_bit_flipped": "other bytes", "forbidden": "403"}
    message = refusal(SAMPLE, zoo_home, *(f"{hostile.address}/{case}" for case in cases))
    for case, reason in cases.items():
        assert any(f"/{case}/" in line and reason in line for line in message.splitlines())
    assert f"{SAMPLE.sha256[:16]}-sample.bin" in message
    assert SAMPLE.sha256 in message


def test_total_time_is_bounded(
    hostile: HostileServer, zoo_home: Path, monkeypatch: pytest.MonkeyPatch, seen: Seen
) -> None:
    """many slow sources together end at the bound from the size"""
    monkeypatch.setattr(receiving, "TOTAL_SECONDS", 1.0 - SAMPLE.size / 1024)
    start_time = time.monotonic()
    message = refusal(SAMPLE, zoo_home, *[f"{hostile.address}/never_answers"] * 20)
    seen(f"all 20 ended after {time.monotonic() - start_time:.0f} s")
    assert "not done within the time for a file of this size" in message
    assert time.monotonic() - start_time < 5


@pytest.fixture
def interruptible() -> Iterator[None]:
    """Ctrl-C works here and in child processes, also where a shell in the background ignores it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("interruptible")
def test_ctrl_c(hostile: HostileServer, zoo_home: Path) -> None:
    """ends at once, nothing under the final name; the next run resumes"""
    with start(FETCH, f"{hostile.address}/stalled_body") as process:
        assert hostile.reached.wait(30)
        while not any(path.stat().st_size for path in zoo_home.rglob(".*.part")):
            assert process.poll() is None
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=10)
    assert "KeyboardInterrupt" in said
    assert [name for name in files_in(zoo_home) if not name.startswith(".")] == []
    assert read_artifact(SAMPLE, mirrors=[f"{hostile.address}/healthy"]) == CONTENT
    assert hostile.asked("healthy")[0].start == 5000


@pytest.mark.usefixtures("interruptible")
def test_ctrl_c_while_several_are_fetched(
    hostile: HostileServer, zoo_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """all downloads end, none is visible"""
    wanted = [artifact(CONTENT + bytes([one]), f"{one}.bin") for one in range(8)]
    threading.Timer(0.5, _thread.interrupt_main).start()
    with pytest.raises(KeyboardInterrupt):
        fetch_all(wanted, mirrors=[f"{hostile.address}/one_byte_at_a_time"])
    assert [name for name in files_in(zoo_home) if not name.startswith(".")] == []


def test_several_at_once_bounded(hostile: HostileServer) -> None:
    """twelve files, never more than three connections; every file once"""
    most = 0
    now = 0
    guard = threading.Lock()

    def counted(talk: object) -> None:
        nonlocal most, now
        with guard:
            now += 1
            most = max(most, now)
        time.sleep(0.05)
        ANSWERS["healthy"](talk)  # type: ignore[arg-type]
        with guard:
            now -= 1

    hostile.answers["counted"] = counted
    wanted = [artifact(CONTENT, f"{one}.bin") for one in range(12)]
    paths = fetch_all(wanted, at_once=3, mirrors=[f"{hostile.address}/counted"])
    assert [path.name[17:] for path in paths] == [f"{one}.bin" for one in range(12)]
    assert 1 < most <= 3


def test_several_of_which_one_fails(hostile: HostileServer, zoo_home: Path) -> None:
    """the others are fetched, the error names the one"""
    good, bad = artifact(CONTENT, "good.bin"), artifact(CONTENT[::-1], "bad.bin")
    with pytest.raises(DownloadError, match=r"bad\.bin"):
        fetch_all([bad, good], mirrors=[f"{hostile.address}/healthy"])
    assert [name[17:] for name in files_in(zoo_home) if not name.startswith(".")] == ["good.bin"]


def test_certificate_bundle_that_is_not_there(
    zoo_home: Path, monkeypatch: pytest.MonkeyPatch, seen: Seen
) -> None:
    """REQUESTS_CA_BUNDLE leads nowhere: refused once, and the variable is named"""
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/nowhere/bundle.pem")
    message = refusal(SAMPLE, zoo_home, "https://127.0.0.1:9")
    seen(message.splitlines()[1].partition(f"{SAMPLE.file}: ")[2])
    assert "REQUESTS_CA_BUNDLE or CURL_CA_BUNDLE names nothing that is there" in message
