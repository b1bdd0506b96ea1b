"""Tokens, passwords and addresses: what goes where, and what is never said."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hostile_answers import ANSWERS
from hostile_server import HostileServer
from mirrors import CONTENT, SAMPLE, refusal
from processes import environment, run

from zoo.downloading import SourceError, open_url
from zoo.fetching import read_artifact

TOKEN = "hf_secretsecretsecret"


@pytest.fixture
def other(hostile: HostileServer) -> Iterator[HostileServer]:
    """A second server, another origin than the first, to which the first redirects."""
    server = HostileServer(CONTENT)
    server.answers |= ANSWERS | {"redirect_elsewhere": ANSWERS["healthy"]}
    hostile.other = server.address
    with server.running():
        yield server


def test_token_goes_to_its_host(hostile: HostileServer) -> None:
    """the token is sent to the origin that it is for"""
    with open_url(f"{hostile.address}/healthy/x", token=TOKEN) as body:
        assert b"".join(body) == CONTENT
    assert hostile.talks[0].headers["authorization"] == f"Bearer {TOKEN}"


def test_redirect_to_another_host_with_a_token(
    hostile: HostileServer, other: HostileServer
) -> None:
    """the redirect is followed without the token and without cookies"""
    with open_url(f"{hostile.address}/redirect_elsewhere/x", token=TOKEN) as body:
        assert b"".join(body) == CONTENT
    assert hostile.talks[0].headers["authorization"] == f"Bearer {TOKEN}"
    assert "authorization" not in other.talks[0].headers
    assert TOKEN not in str(other.talks[0].headers)


def test_token_is_not_sent_over_plain_http(hostile: HostileServer, zoo_home: Path) -> None:
    """only https and loopback get a token"""
    with pytest.raises(SourceError):
        open_url(f"http://0.0.0.0:{hostile.address.rpartition(':')[2]}/not_there/x", token=TOKEN)
    assert hostile.talks
    assert all("authorization" not in talk.headers for talk in hostile.talks)


def test_token_is_never_said(hostile: HostileServer) -> None:
    """no refusal names the token"""
    cases = ["not_there", "unauthorized", "redirect_to_file", "no_http_at_all", "reset_once"]
    for case in cases:
        with pytest.raises(SourceError) as caught:
            open_url(f"{hostile.address}/{case}/x", token=TOKEN)
        assert TOKEN not in repr(caught.value) + str(caught.value.__cause__)


def test_hugging_face_token(hostile: HostileServer, other: HostileServer, tmp_path: Path) -> None:
    """an hf:// source gets HF_TOKEN, the redirect's target and http mirrors do not"""
    pytest.importorskip("huggingface_hub")
    hostile.answers["me"] = ANSWERS["redirect_elsewhere"]
    other.answers["me"] = ANSWERS["healthy"]
    program = (
        "import sys; from records import artifact; from zoo.fetching import fetch_artifact\n"
        "from mirrors import CONTENT\n"
        "fetch_artifact(artifact(CONTENT), mirrors=sys.argv[1:])"
    )
    mirrors = [f"{other.address}/not_there", "hf://me/weights@v1"]
    home = environment(HF_ENDPOINT=hostile.address, HF_HOME=str(tmp_path), HF_TOKEN=TOKEN)
    assert run(program, *mirrors, env=home) == (0, "")
    assert hostile.talks[0].headers["authorization"] == f"Bearer {TOKEN}"
    assert TOKEN not in "".join(str(talk.headers) for talk in other.talks)
    assert TOKEN not in "".join(path.name for path in Path(home["ZOO_HOME"]).rglob("*"))


def test_netrc_is_not_read(
    hostile: HostileServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """no credentials from .netrc"""
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login me password secret\n")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("NETRC", str(tmp_path / ".netrc"))
    assert read_artifact(SAMPLE, mirrors=[f"{hostile.address}/healthy"]) == CONTENT
    assert "authorization" not in hostile.talks[0].headers


def test_secret_in_a_query_stays_out(hostile: HostileServer, zoo_home: Path) -> None:
    """a signed address keeps its signature out of errors and file names"""
    wanted = f"{hostile.address}/stalled_body/x?signature=secret"
    from mirrors import with_sources

    assert "secret" not in refusal(with_sources(wanted), zoo_home)
    kept = [path for path in zoo_home.rglob("*") if path.is_file()]
    assert any(path.name.endswith(".validator") for path in kept)
    assert all("secret" not in path.name for path in kept)
    assert all(b"secret" not in path.read_bytes() for path in kept)


def test_password_in_an_address_is_refused(zoo_home: Path) -> None:
    """an address with a password is refused and not shown"""
    message = refusal(SAMPLE, zoo_home, "https://me:secret@127.0.0.1:1/x")
    assert "user name or password" in message
    assert "secret" not in message


def test_environment_switches_no_check_off(
    hostile: HostileServer, zoo_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """a variable chooses mirrors; no value of any makes wrong bytes pass"""
    names = [name for name in os.environ if name.startswith("ZOO_")]
    of_tests = {"ZOO_BROWSER_TESTS", "ZOO_CHROMIUM", "ZOO_ALL_NETWORKS"}  # no other code knows them
    assert set(names) <= {"ZOO_HOME", *of_tests}
    for name in ("ZOO_VERIFY", "ZOO_CHECK", "ZOO_INSECURE", "ZOO_NO_VERIFY", "ZOO_SKIP_CHECKSUM"):
        monkeypatch.setenv(name, "0")
    monkeypatch.setenv("ZOO_MIRROR", f"{hostile.address}/one_bit_flipped")
    with pytest.raises(Exception, match="gives other bytes"):
        read_artifact(SAMPLE)
