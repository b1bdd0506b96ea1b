"""Pushes that are cut, refused, killed, or meet others: nothing half, lost or hidden."""

from __future__ import annotations

import itertools
import json
import os
import signal
import subprocess
import sys
import time
from types import SimpleNamespace
from typing import Any

import pytest
from command_line import START
from huggingface_endpoint import CUT, CUT_AFTER, HuggingFaceEndpoint, Stored
from shared_records import ADULT, HOUSING, altered_hub, stem

from zoo.errors import PublishError
from zoo.manifest import FILE_NAME
from zoo.sharing.push import push
from zoo.sharing.release import Wanted

pytest_plugins = ["huggingface"]

ADDRESS = "hf://me/models"
ONE = Wanted([HOUSING])
ROUTES = ["info", "create", "validate", "preupload", "batch", "upload", "verify", "commit"]


def commits(hugging_face: HuggingFaceEndpoint) -> list[str]:
    """The messages of the commits after the Hub's own first one."""
    return hugging_face.repositories["me/models"].messages[1:]


def records_in(hugging_face: HuggingFaceEndpoint) -> list[str]:
    return list(json.loads(hugging_face.repositories["me/models"].head()[FILE_NAME])["weights"])


def refusal() -> str:
    with pytest.raises(PublishError) as caught:
        push(ADDRESS, ONE)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("route", ROUTES)
@pytest.mark.parametrize("fault", [503, CUT])
def test_a_fault_twice_then_healthy(
    hugging_face: HuggingFaceEndpoint, route: str, fault: Any
) -> None:
    hugging_face.faults[route] = [fault, fault]
    push(ADDRESS, ONE)
    assert hugging_face.faults[route] == []
    assert len(commits(hugging_face)) == 1
    assert push(ADDRESS, ONE).sent == []


@pytest.mark.parametrize("route", ["create", "upload", "commit"])
def test_a_lost_answer(hugging_face: HuggingFaceEndpoint, route: str) -> None:
    hugging_face.faults[route] = [CUT_AFTER]
    pushed = push(ADDRESS, ONE)
    assert len(commits(hugging_face)) == 1
    assert {one.state for one in pushed.files} == {"new"}


@pytest.mark.parametrize("route", ["upload", "commit"])
@pytest.mark.parametrize("fault", [500, CUT])
def test_a_fault_for_ever_leaves_nothing_half(
    hugging_face: HuggingFaceEndpoint, route: str, fault: Any
) -> None:
    hugging_face.faults[route] = [fault] * 200
    message = refusal()
    assert "sending: the " in message
    assert "Push again later: it goes on from what is there." in message
    assert commits(hugging_face) == []
    hugging_face.faults.clear()
    push(ADDRESS, ONE)
    assert len(commits(hugging_face)) == 1


@pytest.mark.parametrize(
    ("route", "status"), list(zip(ROUTES, itertools.cycle([403, 401, 413, 404])))
)
def test_a_refusal_is_one_line(hugging_face: HuggingFaceEndpoint, route: str, status: int) -> None:
    hugging_face.faults[route] = [status] * 9
    message = refusal()
    assert message.startswith(f"{ADDRESS}: ")
    assert str(status) in message
    assert "me/models" not in hugging_face.repositories or commits(hugging_face) == []


def test_a_pause_that_the_server_chooses_is_bounded(
    hugging_face: HuggingFaceEndpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    pauses: list[float] = []
    monkeypatch.setattr("huggingface_hub.utils._http.time", SimpleNamespace(sleep=pauses.append))
    hugging_face.faults["upload"] = [429]
    push(ADDRESS, ONE)
    assert pauses == [21]  # it asks for a day


def test_silence_is_bounded(
    hugging_face: HuggingFaceEndpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("zoo.sharing.client.SILENCE_SECONDS", 2.0)
    hugging_face.faults["commit"] = [lambda _: time.sleep(4)]
    push(ADDRESS, ONE)
    assert len(commits(hugging_face)) == 1
    assert len(hugging_face.made("POST", "/commit/")) == 2


@pytest.fixture
def with_adult(hugging_face: HuggingFaceEndpoint) -> dict[str, bytes]:
    """The files of a repository to which somebody else pushed another record."""
    push(ADDRESS, Wanted([ADULT]))
    files = dict(hugging_face.repositories["me/models"].head())
    hugging_face.repositories.clear()
    return files


def test_somebody_else_s_commit_is_kept(
    hugging_face: HuggingFaceEndpoint, with_adult: dict[str, bytes]
) -> None:
    def meanwhile(endpoint: HuggingFaceEndpoint) -> None:
        stored = endpoint.repositories["me/models"]
        stored.add({**stored.head(), **with_adult, "notes.txt": b"mine"}, message="Theirs")

    hugging_face.faults["commit"] = [meanwhile]
    push(ADDRESS, ONE)
    assert commits(hugging_face)[0] == "Theirs"
    assert len(commits(hugging_face)) == 2
    assert records_in(hugging_face) == [ADULT, HOUSING]
    assert hugging_face.repositories["me/models"].head()["notes.txt"] == b"mine"


def test_somebody_else_s_record_of_that_name_is_kept(
    hugging_face: HuggingFaceEndpoint, tmp_path: Any
) -> None:
    others = altered_hub(tmp_path / "others", HOUSING, parameters=10)
    push("hf://me/theirs", Wanted(["*"], hub=others))
    theirs = hugging_face.repositories["me/theirs"].head()

    def meanwhile(endpoint: HuggingFaceEndpoint) -> None:
        endpoint.repositories["me/models"].add(theirs, message="Theirs")

    hugging_face.faults["commit"] = [meanwhile]
    assert "other facts about the same files" in refusal()
    assert commits(hugging_face) == ["Theirs"]


def test_a_repository_that_somebody_else_makes(hugging_face: HuggingFaceEndpoint) -> None:
    def meanwhile(endpoint: HuggingFaceEndpoint) -> None:
        endpoint.repositories["me/models"] = Stored(False)
        endpoint.repositories["me/models"].add({"README.md": b"# Theirs"}, message="Theirs")

    hugging_face.faults["create"] = [meanwhile]
    push(ADDRESS, ONE)
    assert records_in(hugging_face) == [HOUSING]


@pytest.mark.parametrize(
    "file",
    [f"{stem(HOUSING)}.safetensors", f"{stem(HOUSING)}.onnx", FILE_NAME, "SHA256SUMS", "README.md"],
)
def test_other_bytes_read_back_are_told_loudly(
    hugging_face: HuggingFaceEndpoint, file: str
) -> None:
    def flipped(name: str, content: bytes) -> bytes:
        return bytes([content[0] ^ 1]) + content[1:] if name == file else content

    hugging_face.damage = flipped
    message = refusal()
    assert message.startswith("NOT VERIFIED: commit ")
    assert f"{file} cannot be read back as it was sent" in message
    assert "gives other bytes" in message
    hugging_face.damage = lambda _, content: content
    assert push(ADDRESS, ONE).sent == []


@pytest.mark.parametrize("oid", ["", "../../main", "0" * 39, "main", None])
def test_a_commit_of_a_strange_name(hugging_face: HuggingFaceEndpoint, oid: Any) -> None:
    push(ADDRESS, ONE)
    hugging_face.repositories["me/models"].branches["main"] = oid
    hugging_face.repositories["me/models"].commits[oid] = {}
    assert "not the name of a commit" in refusal()


class KilledError(BaseException):
    """As abrupt as an exception can be."""


def test_a_cut_after_the_commit_and_before_it_is_read_back(
    hugging_face: HuggingFaceEndpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(*_: object) -> None:
        raise KilledError

    with monkeypatch.context() as patch:
        patch.setattr("zoo.sharing.push._read_back", killed)
        with pytest.raises(KilledError):
            push(ADDRESS, ONE)
    count = len(hugging_face.made("GET", "/resolve/"))
    assert push(ADDRESS, ONE).sent == []
    assert len(commits(hugging_face)) == 1
    assert len(hugging_face.made("GET", "/resolve/")) >= count + 6


@pytest.mark.skipif(os.name == "nt", reason="needs SIGKILL")
@pytest.mark.parametrize("route", ["create", "preupload", "upload", "commit", "resolve"])
def test_a_process_killed_at_any_stage(
    endpoint: HuggingFaceEndpoint, hub_environment: dict[str, str], route: str
) -> None:
    command = [sys.executable, "-c", START, "push", HOUSING, ADDRESS]
    started: list[subprocess.Popen[bytes]] = []
    endpoint.faults[route] = [lambda _: started[0].send_signal(signal.SIGKILL)]
    started.append(subprocess.Popen(command, env=hub_environment, stderr=subprocess.DEVNULL))
    assert started[0].wait(60) == -signal.SIGKILL
    done = subprocess.run(command, env=hub_environment, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert "read back and verified." in done.stderr
    assert len(commits(endpoint)) == 1
    assert records_in(endpoint) == [HOUSING]
