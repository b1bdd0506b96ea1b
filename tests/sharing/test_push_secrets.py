"""The token: it goes to the Hub alone, and nothing that is said or kept holds it."""

from __future__ import annotations

import logging
import subprocess
import sys
import traceback
from pathlib import Path

import pytest
from command_line import START
from huggingface_endpoint import CUT, TOKEN, Fault, HuggingFaceEndpoint
from shared_records import HOUSING

from zoo.errors import PublishError
from zoo.sharing.client import plain
from zoo.sharing.push import push
from zoo.sharing.release import Wanted

pytest_plugins = ["huggingface"]

ADDRESS = "hf://me/models"
ONE = Wanted([HOUSING])
FAULTS: dict[str, dict[str, list[Fault]]] = {
    "healthy": {},
    "refused with the token in the answer": {"commit": [403]},
    "not known": {"preupload": [401]},
    "storage refuses": {"upload": [403]},
    "cut for ever": {"commit": [CUT] * 9},
}


@pytest.mark.parametrize("case", FAULTS)
def test_it_is_never_said_nor_logged(
    hugging_face: HuggingFaceEndpoint,
    case: str,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    hugging_face.faults.update(FAULTS[case])
    hugging_face.warnings = [f"your token is {TOKEN}"]
    monkeypatch.setattr("huggingface_hub.constants.HF_DEBUG", True)
    caplog.set_level(logging.DEBUG)
    told: list[str] = []
    failed = False
    try:
        push(ADDRESS, ONE, say=told.append)
    except PublishError as error:
        failed = True
        told += [str(error), *traceback.format_exception(error)]
    assert failed == (case != "healthy")
    out, err = capfd.readouterr()
    said = "\n".join([*told, caplog.text, out, err])
    assert TOKEN not in said
    assert "sesame" not in "\n".join([*told, out, err])  # of a signed address
    assert told[0] == f"Looking at {ADDRESS}."


@pytest.mark.parametrize("debug", ["0", "1"])
@pytest.mark.parametrize("fault", [None, 403, 500])
def test_nor_is_it_by_the_command(
    endpoint: HuggingFaceEndpoint, hub_environment: dict[str, str], debug: str, fault: int | None
) -> None:
    endpoint.faults["upload"] = [] if fault is None else [fault]
    endpoint.warnings = [f"your token is {TOKEN}"]
    environment = {**hub_environment, "HF_DEBUG": debug}
    command = [sys.executable, "-c", START, "push", HOUSING, ADDRESS, "--json"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120)
    assert done.returncode == (1 if fault == 403 else 0), done.stderr
    assert TOKEN not in done.stdout + done.stderr
    assert "sesame" not in done.stdout + done.stderr
    kept = [path for path in Path(hub_environment["HF_HOME"]).rglob("*") if path.is_file()]
    assert all(TOKEN.encode() not in path.read_bytes() for path in kept)


def test_it_goes_to_the_hub_and_not_to_the_storage(hugging_face: HuggingFaceEndpoint) -> None:
    push(ADDRESS, ONE)
    sent = {one.origin: set() for one in hugging_face.requests}
    for one in hugging_face.requests:
        sent[one.origin].add(one.token)
    assert TOKEN in sent["hub"]
    assert sent["storage"] == {""}
    assert all(TOKEN not in one.path for one in hugging_face.requests)
    stored = hugging_face.repositories["me/models"]
    assert all(TOKEN.encode() not in content for content in stored.head().values())
    assert TOKEN not in "".join(stored.messages)


@pytest.mark.parametrize(
    "endpoint_url", ["http://example.org", "http://10.0.0.1", "ftp://127.0.0.1", "https:", ""]
)
def test_it_does_not_leave_over_plain_http(
    hugging_face: HuggingFaceEndpoint, endpoint_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", endpoint_url)
    with pytest.raises(PublishError, match="no token is sent there"):
        push(ADDRESS, ONE)
    assert hugging_face.requests == []


@pytest.mark.parametrize("token", ["hf_two words", "hf_ü", "hf_'", "hf_\x07"])
def test_one_that_no_header_takes_is_refused(
    hugging_face: HuggingFaceEndpoint, token: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_TOKEN", token)
    with pytest.raises(PublishError) as caught:
        push(ADDRESS, ONE)
    assert "HF_TOKEN holds a character that no token has" in str(caught.value)
    assert token not in str(caught.value)
    assert hugging_face.requests == []


def test_what_a_stranger_says_is_made_plain() -> None:
    said = f"\n\n\x1b[31mNo, {TOKEN}: see https://x/y?signature=sesame now\nmore\n"
    assert plain(said, TOKEN) == "[31mNo, ***: see https://x/y now"
    assert len(plain("x" * 1000, None)) == 200
    assert plain("", TOKEN) == ""
