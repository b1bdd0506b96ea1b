"""The manifests of other hubs over time: pins, changes, and what serves without the network."""

from __future__ import annotations

import logging
import os
import socket
from dataclasses import replace
from pathlib import Path

import pytest
from file_server import FileServer
from other_hubs import ENCODED, digest_of, published, serve, write_hub

import zoo
from zoo import hubs
from zoo.addresses import parse_address
from zoo.errors import ChecksumError, ConfigError, DownloadError, ManifestError, OfflineError
from zoo.fetching import read_artifact
from zoo.hubs import read_hub
from zoo.lookup import get_weights
from zoo.manifest import FILE_NAME, write_manifest
from zoo.versions import arranged


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A hub with one record, `lenet.own`."""
    return write_hub(tmp_path / "hub")


@pytest.fixture
def address(folder: Path, file_server: FileServer) -> str:
    """The same behind a web server."""
    return serve(file_server, folder)


def forget() -> None:
    """As a new process would."""
    hubs._remote_hub.cache_clear()
    hubs._say.cache_clear()


def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> object:
        raise AssertionError("a socket was asked for")

    monkeypatch.setenv("ZOO_OFFLINE", "1")
    monkeypatch.setattr(socket, "socket", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)


def test_a_pin(folder: Path, address: str) -> None:
    pinned = f"{address}#sha256={digest_of(folder)}"
    assert get_weights(pinned).name == "lenet.own"
    for place in (address, str(folder)):
        with pytest.raises(ChecksumError, match=f"instead of {'0' * 64}, to which"):
            get_weights(f"{place}#sha256={'0' * 64}")
        with pytest.raises(ConfigError, match="64 lower-case hex digits"):
            get_weights(f"{place}#sha256=123::lenet")


def test_a_wrong_pin_is_not_looked_into(tmp_path: Path, zoo_home: Path) -> None:
    (tmp_path / FILE_NAME).write_text("{" * 1000)
    with pytest.raises(ChecksumError):
        get_weights(f"{tmp_path}#sha256={'0' * 64}")


def test_a_published_record_does_not_change(
    folder: Path, address: str, file_server: FileServer
) -> None:
    get_weights(address)
    serve(file_server, write_hub(folder, published("lenet.own", b"others")))
    forget()
    with pytest.raises(ManifestError, match="a published record never changes") as caught:
        get_weights(address)
    assert f"#sha256={digest_of(folder)}" in str(caught.value)
    assert get_weights(f"{address}#sha256={digest_of(folder)}").name == "lenet.own"
    forget()
    assert read_artifact(get_weights(address).artifact("safetensors")) == b"others"


def test_an_older_manifest_is_said(
    folder: Path, address: str, file_server: FileServer, caplog: pytest.LogCaptureFixture
) -> None:
    old = (folder / FILE_NAME).read_bytes()
    serve(file_server, write_hub(folder, published("lenet.own"), published("lenet.new", b"more")))
    assert len(read_hub(parse_address(address)).records) == 2
    file_server.files[FILE_NAME] = old
    forget()
    with caplog.at_level(logging.WARNING, "zoo"):
        assert list(read_hub(parse_address(address)).records) == ["lenet.own"]
    assert "lenet.new is not there any more: an older manifest" in caplog.text


def test_what_was_read_last_serves_offline(
    address: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    zoo.fetch(address)
    forget()
    no_network(monkeypatch)
    with caplog.at_level(logging.WARNING, "zoo"):
        for _ in range(2):
            assert read_artifact(get_weights(address).artifact("safetensors")) == ENCODED
    assert caplog.text.count("the network is switched off") == 1
    assert "What was read last is used" in caplog.text


def test_a_pinned_manifest_serves_offline_with_certainty(
    folder: Path, address: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    get_weights(address)
    forget()
    no_network(monkeypatch)
    with caplog.at_level(logging.WARNING, "zoo"):
        assert get_weights(f"{address}#sha256={digest_of(folder)}").name == "lenet.own"
    assert caplog.text == ""
    with pytest.raises(OfflineError, match="0000"):
        get_weights(f"{address}#sha256={'0' * 64}")


def test_nothing_was_read_before(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    no_network(monkeypatch)
    with pytest.raises(OfflineError, match="the network is switched off"):
        get_weights(address)


@pytest.mark.parametrize(
    ("fault", "reason"),
    [("broken", "500 Internal Server Error"), ("later", "asks to wait 86400 s")],
)
def test_a_hub_that_is_down(
    fault: str,
    reason: str,
    address: str,
    file_server: FileServer,
    caplog: pytest.LogCaptureFixture,
) -> None:
    get_weights(address)
    forget()
    broken = address.replace("healthy", fault)
    with pytest.raises(DownloadError, match=reason):
        get_weights(broken)
    note = hubs.last_seen._note(address)
    os.replace(note, hubs.last_seen._note(broken))
    with caplog.at_level(logging.WARNING, "zoo"):
        assert get_weights(broken).name == "lenet.own"
    assert f"{reason}. What was read last is used" in caplog.text


def test_a_hub_that_says_no_is_not_remembered(address: str, file_server: FileServer) -> None:
    get_weights(address)
    forget()
    del file_server.files[FILE_NAME]
    with pytest.raises(DownloadError, match="There is no hub at this address"):
        get_weights(address)


@pytest.mark.parametrize("damage", ["manifest", "note", "foreign note", "linked note"])
def test_a_spoiled_memory_is_none(
    damage: str, address: str, zoo_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    digest = read_hub(parse_address(address)).digest
    note, kept = hubs.last_seen._note(address), hubs.last_seen.manifest_path(digest)
    if damage == "manifest":
        kept.chmod(0o644)
        kept.write_bytes(kept.read_bytes()[:-1] + b" ")
    elif damage == "note":
        note.chmod(0o644)
        note.write_text("../../etc/passwd")
    elif damage == "foreign note":
        note.chmod(0o666)
    else:
        os.replace(note, tmp_path / "note")
        note.symlink_to(tmp_path / "note")
    forget()
    no_network(monkeypatch)
    with pytest.raises(OfflineError):
        get_weights(address)


def test_what_is_remembered_of_manifests_that_are_gone_goes(address: str, zoo_home: Path) -> None:
    digest = read_hub(parse_address(address)).digest
    kept, folder = hubs.last_seen.manifest_path(digest), zoo_home / "hubs"
    (folder / ".0123456789abcdef.seen").write_bytes(b"\xff" * 65)
    (folder / f"{'0' * 16}-{'1' * 16}.sig").write_bytes(b"x")
    assert len(hubs.last_seen.sweep()) == 2
    kept.unlink()
    assert hubs.last_seen.sweep() == [hubs.last_seen._note(address)]
    assert list(folder.iterdir()) == []


def test_a_cache_that_cannot_be_written(
    address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("ZOO_HOME", str(tmp_path / "file"))
    assert get_weights(address).name == "lenet.own"


def test_a_new_version_is_no_change(
    folder: Path, address: str, file_server: FileServer, caplog: pytest.LogCaptureFixture
) -> None:
    first = get_weights(address)
    one, other = published("lenet.own"), published("lenet.own", b"better")
    file = replace(other[0].artifact("safetensors"), file="lenet.own.v2.safetensors")
    better = replace(other[0], version=2, artifacts={"safetensors": file})
    write_manifest(folder / FILE_NAME, arranged([one[0], better]))
    (folder / file.file).write_bytes(b"better")
    serve(file_server, folder)
    forget()
    with caplog.at_level(logging.WARNING, "zoo"):
        assert read_artifact(get_weights(address).artifact("safetensors")) == b"better"
    assert caplog.text == ""
    pinned = get_weights(f"{address}::lenet.own@1")
    assert pinned.artifact("safetensors") == first.artifact("safetensors")
