"""Other hubs read: folders and web hosts, honest and hostile."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from file_server import FileServer
from other_hubs import ENCODED, digest_of, published, serve, write_hub

import zoo
from zoo import downloading, fetching, hubs, last_seen, receiving
from zoo.addresses import HubAddress, parse_address
from zoo.cache import cached_path
from zoo.errors import (
    ChecksumError,
    ConfigError,
    DownloadError,
    ManifestError,
    UnknownModelError,
)
from zoo.fetching import fetch_artifact, read_artifact
from zoo.hubs import check_at_hub, read_hub
from zoo.lookup import get_weights, list_weights
from zoo.manifest import FILE_NAME, LARGEST_MANIFEST


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A hub with one record, `lenet.own`."""
    return write_hub(tmp_path / "hub")


@pytest.fixture
def address(folder: Path, file_server: FileServer) -> str:
    """The same behind a web server."""
    return serve(file_server, folder)


def test_a_lie_about_a_size_costs_nobody_a_cached_file(folder: Path) -> None:
    artifact = get_weights(str(folder)).artifact("safetensors")
    path = fetch_artifact(artifact)
    for size in (1, len(ENCODED) + 1):
        with pytest.raises(ManifestError, match=f"says {size} bytes, but .* is 21 bytes long"):
            fetch_artifact(replace(artifact, size=size))
    (folder / artifact.file).unlink()
    assert fetch_artifact(artifact) == path


def test_who_changes_a_record_of_a_hub_changes_it_for_nobody_else(address: str) -> None:
    found: dict[str, object] = get_weights(address).preprocessing  # type: ignore[assignment]
    found["scale"] = 1.0
    assert get_weights(address).preprocessing["scale"] == 1 / 255


@pytest.mark.parametrize("kind", ["folder", "file", "web"])
def test_a_record_and_its_bytes(kind: str, folder: Path, address: str) -> None:
    place = {"folder": str(folder), "file": folder.as_uri(), "web": address}[kind]
    for name in (place, f"{place}::lenet", f"{place}::lenet.own"):
        weights = get_weights(name)
        assert (weights.name, weights.hub) == (
            "lenet.own",
            address if kind == "web" else str(folder),
        )
        assert read_artifact(weights.artifact("safetensors")) == ENCODED
    assert zoo.fetch(f"{place}::lenet").read_bytes() == ENCODED


def test_a_web_hub_is_read_once_a_process(address: str, file_server: FileServer) -> None:
    for _ in range(3):
        read_hub(parse_address(address))
    assert file_server.seen == {f"/healthy/{FILE_NAME}": 1}


def test_the_record_itself_stays_as_it_was_published(folder: Path) -> None:
    document = json.loads((folder / FILE_NAME).read_text())["weights"]["lenet.own"]
    assert get_weights(str(folder)).to_json() == document


def test_a_default_hub(
    folder: Path, address: str, monkeypatch: pytest.MonkeyPatch, file_server: FileServer
) -> None:
    monkeypatch.setenv("ZOO_HUB", address)
    assert list_weights() == ["lenet.own"]
    assert get_weights("lenet").hub == address
    assert zoo.list_models(pretrained=True) == ["lenet"]
    assert zoo.fetch("lenet").read_bytes() == ENCODED
    with pytest.raises(UnknownModelError, match=r"Did you mean 'lenet\.own'"):
        get_weights("lenet.owm")
    monkeypatch.setenv("ZOO_HUB", f"{address}#sha256={'0' * 64}")
    with pytest.raises(ChecksumError, match=digest_of(folder)):
        list_weights()
    monkeypatch.setenv("ZOO_HUB", f"{address}#sha256=0")
    with pytest.raises(ConfigError, match="64 lower-case hex digits"):
        list_weights()


def test_names_of_a_hub_with_several_records(tmp_path: Path) -> None:
    place = str(write_hub(tmp_path, published("lenet.a"), published("mlp.b", b"other")))
    assert list_weights(place) == [f"{place}::lenet.a", f"{place}::mlp.b"]
    assert list_weights(f"{place}::mlp*") == [f"{place}::mlp.b"]
    assert [get_weights(name).name for name in list_weights(place)] == ["lenet.a", "mlp.b"]
    with pytest.raises(UnknownModelError, match=r"holds 2 records: name one, such as .*::lenet\.a"):
        get_weights(place)
    with pytest.raises(UnknownModelError, match=r"hub|Did you mean 'lenet\.a'") as caught:
        get_weights(f"{place}::lenet.aa")
    assert place in str(caught.value)


def test_an_empty_hub_has_nothing_to_name(tmp_path: Path) -> None:
    (tmp_path / FILE_NAME).write_text('{"schema": 1, "weights": {}}')
    with pytest.raises(UnknownModelError, match="holds 0 records"):
        get_weights(str(tmp_path))


def test_a_folder_that_is_meant_is_hinted_at(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder.parent)
    with pytest.raises(UnknownModelError, match=r"in the folder of that name is \./hub\."):
        get_weights("hub")


def test_no_hub_there(tmp_path: Path, file_server: FileServer) -> None:
    with pytest.raises(ManifestError, match=r"is no hub: it holds no weights_manifest\.json"):
        get_weights(str(tmp_path / "nothing"))
    with pytest.raises(DownloadError, match=r"404 Not Found\. There is no hub at this address"):
        get_weights(file_server.mirror())


def test_same_names_in_two_hubs_are_two_files(
    tmp_path: Path, file_server: FileServer, zoo_home: Path
) -> None:
    contents = [b"one hub's", b"another's", b"a folder's"]
    folders = [
        write_hub(tmp_path / str(place), published("lenet.mnist", content))
        for place, content in enumerate(contents)
    ]
    names = [
        serve(file_server, folders[0], "first/"),
        serve(file_server, folders[1], "second/"),
        str(folders[2]),
    ]
    for _ in range(2):
        for name, content in zip(names, contents, strict=True):
            artifact = get_weights(f"{name}::lenet.mnist").artifact("safetensors")
            assert artifact.file == "lenet.mnist.safetensors"
            assert read_artifact(artifact) == content
            assert fetch_artifact(artifact) == cached_path(artifact)
    assert len(list((zoo_home / "weights").glob("*-lenet.mnist.safetensors"))) == 3
    own = zoo.get_weights("lenet.mnist").artifact("safetensors")
    assert hashlib.sha256(read_artifact(own)).hexdigest() == own.sha256


def test_the_embedded_file_of_that_name_is_not_the_hubs(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    embedded = tmp_path / "embedded"
    embedded.mkdir()
    (embedded / "lenet.own.safetensors").write_bytes(ENCODED[::-1])
    monkeypatch.setattr(fetching, "embedded_folder", lambda: embedded)
    artifact = get_weights(str(folder)).artifact("safetensors")
    assert read_artifact(artifact) == ENCODED
    assert fetch_artifact(artifact).parent != embedded


def test_mirrors_serve_the_files_of_other_hubs_too(
    folder: Path, address: str, file_server: FileServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    artifact = get_weights(address).artifact("safetensors")
    del file_server.files[artifact.file]
    monkeypatch.setenv("ZOO_MIRROR", str(folder))
    assert read_artifact(artifact) == ENCODED


def test_an_endless_manifest(address: str, file_server: FileServer, zoo_home: Path) -> None:
    with pytest.raises(DownloadError, match=f"more than the {LARGEST_MANIFEST} bytes"):
        read_hub(parse_address(file_server.mirror("endless")))
    assert file_server.sent < LARGEST_MANIFEST + (16 << 20)
    assert not (zoo_home / "hubs").exists()


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        ("away", "redirected to something other than https: refused"),
        ("cut", "connection failed: IncompleteRead"),
        ("broken", "500 Internal Server Error"),
        ("later", "429 Too Many Requests, asks to wait 86400 s"),
        ("forbidden", "403 Forbidden"),
    ],
)
def test_a_manifest_that_does_not_come(
    fault: str, reason: str, address: str, file_server: FileServer
) -> None:
    with pytest.raises(DownloadError, match=reason):
        read_hub(parse_address(file_server.mirror(fault)))


@pytest.mark.parametrize("fault", ["login", "flipped", "encoded"])
def test_a_manifest_that_is_none(fault: str, address: str, file_server: FileServer) -> None:
    with pytest.raises(ManifestError, match="not a manifest in strict JSON"):
        read_hub(parse_address(file_server.mirror(fault)))


@pytest.mark.parametrize("fault", ["flaky", "there"])
def test_a_manifest_that_comes_in_the_end(
    fault: str, address: str, file_server: FileServer
) -> None:
    assert list(read_hub(parse_address(file_server.mirror(fault))).records) == ["lenet.own"]


def test_a_stalled_manifest_ends(
    address: str, file_server: FileServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(downloading, "SILENCE_SECONDS", 0.2)
    monkeypatch.setattr(receiving, "TOTAL_SECONDS", 2.0)
    with pytest.raises(DownloadError, match="silent for"):
        read_hub(parse_address(file_server.mirror("stalled")))


def test_plain_http_to_a_public_host() -> None:
    with pytest.raises(DownloadError, match="plain http is only for loopback and private hosts"):
        read_hub(parse_address("http://example.org/hub"))


def test_files_swapped_after_the_manifest_was_read(
    address: str, file_server: FileServer, zoo_home: Path
) -> None:
    weights = get_weights(address)
    file_server.files["lenet.own.safetensors"] = ENCODED[::-1]
    with pytest.raises(DownloadError, match="gives other bytes"):
        read_artifact(weights.artifact("safetensors"))
    assert [path for path in (zoo_home / "weights").glob("*") if path.name[0] != "."] == []


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("file:///etc/hostname", "not used: the manifest of a hub on the network names it"),
        ("http://127.0.0.2:1/x", "not used: a private host, and another one than the hub's"),
        ("https://localhost/x", "not used: a private host"),
        ("https://127.1/x", "not used: a private host"),
        ("https://169.254.169.254/latest", "not used: a private host"),
        ("https://[::ffff:10.0.0.1]/x", "not used: a private host"),
        ("https://intranet/x", "not used: a private host"),
    ],
)
def test_a_stranger_cannot_send_us_to_our_own_network(
    source: str,
    reason: str,
    tmp_path: Path,
    file_server: FileServer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    address = serve(file_server, write_hub(tmp_path, published("lenet.own", sources=(source,))))
    artifact = get_weights(address).artifact("safetensors")
    del file_server.files["lenet.own.safetensors"]
    with pytest.raises(DownloadError, match=reason):
        read_artifact(artifact)
    paths = {path.partition("?")[0] for path in file_server.seen}
    assert paths == {f"/healthy/{FILE_NAME}", "/healthy/lenet.own.safetensors"}


def test_the_hubs_own_host_may_be_private(tmp_path: Path, file_server: FileServer) -> None:
    source = f"{file_server.mirror()}/elsewhere.bin"
    address = serve(file_server, write_hub(tmp_path, published("lenet.own", sources=(source,))))
    file_server.files["elsewhere.bin"] = file_server.files.pop("lenet.own.safetensors")
    assert read_artifact(get_weights(address).artifact("safetensors")) == ENCODED


def test_a_folder_may_name_files_of_this_machine(tmp_path: Path) -> None:
    (tmp_path / "kept.bin").write_bytes(ENCODED)
    source = (tmp_path / "kept.bin").as_uri()
    folder = write_hub(tmp_path / "hub", published("lenet.own", sources=(source,)))
    (folder / "lenet.own.safetensors").unlink()
    assert read_artifact(get_weights(str(folder)).artifact("safetensors")) == ENCODED


def test_an_unknown_architecture_is_listed_and_not_loaded(tmp_path: Path) -> None:
    place = str(write_hub(tmp_path, published("resnet.imagenet")))
    assert list_weights(place) == [f"{place}::resnet.imagenet"]
    assert zoo.fetch(place).read_bytes() == ENCODED
    for load in (zoo.pipeline, zoo.evaluate):
        with pytest.raises(UnknownModelError, match="'resnet', which this version does not know"):
            load(place)


@pytest.mark.parametrize("text", ["\x1b[2J", "\x07", "\x9b31m", "\u202egnp", "\ud800"])
def test_nothing_of_a_manifest_commands_a_terminal(text: str, folder: Path) -> None:
    document = json.loads((folder / FILE_NAME).read_text())
    document["weights"]["lenet.own"]["labels"][3] = f"a{text}b"
    (folder / FILE_NAME).write_text(json.dumps(document))
    with pytest.raises(ManifestError, match=r"lenet\.own: labels\.3: .*control character"):
        get_weights(str(folder))


def test_each_file_at_the_hub_itself(address: str, file_server: FileServer, folder: Path) -> None:
    remote = get_weights(address).artifact("safetensors")
    local = get_weights(str(folder)).artifact("safetensors")
    for one in (remote, local):
        check_at_hub(one)
    file_server.files["lenet.own.safetensors"] = ENCODED[::-1]
    (folder / "lenet.own.safetensors").write_bytes(ENCODED[::-1])
    for one in (remote, local):
        with pytest.raises(ChecksumError, match="has sha256"):
            check_at_hub(one)
    file_server.files["lenet.own.safetensors"] = ENCODED + b"!"
    with pytest.raises(ChecksumError, match="more than the 21 bytes"):
        check_at_hub(remote)
    (folder / "lenet.own.safetensors").unlink()
    with pytest.raises(DownloadError, match="no such file"):
        check_at_hub(local)


def test_a_large_file_at_the_hub_may_take_its_time(
    address: str, file_server: FileServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    artifact = get_weights(address).artifact("safetensors")
    monkeypatch.setattr(receiving, "TOTAL_SECONDS", 0.1)
    monkeypatch.setattr(receiving, "SLOWEST", 1)
    check_at_hub(replace(artifact, hub=file_server.mirror("dripping")))


def test_what_was_read_last_and_is_refused_now(
    folder: Path,
    address: str,
    file_server: FileServer,
    caplog: pytest.LogCaptureFixture,
) -> None:
    old = json.loads((folder / FILE_NAME).read_text())
    old["weights"]["lenet.own"]["of_another_time"] = 1
    last_seen.remember(address, json.dumps(old).encode(), None)
    for _ in range(2):
        assert list(read_hub(parse_address(address)).records) == ["lenet.own"]
        hubs._remote_hub.cache_clear()
    assert last_seen.last_digest(address) == digest_of(folder)
    [said] = caplog.messages
    assert said.startswith(f"{address}: what was read last cannot be compared any more: ")
    assert "of_another_time" in said


HUGGING_FACE = """
import sys
import zoo
from zoo.lookup import get_weights
print(get_weights(sys.argv[1]).hub)
print(zoo.fetch(sys.argv[1]).read_bytes().decode())
"""


@pytest.mark.parametrize(("revision", "asked"), [("", "main"), ("@v1", "v1")])
def test_a_hugging_face_repository(
    revision: str, asked: str, folder: Path, tmp_path: Path, file_server: FileServer
) -> None:
    pytest.importorskip("huggingface_hub")
    serve(file_server, folder, f"me/weights/resolve/{asked}/")
    paths = [str(Path(zoo.__file__).parents[1]), str(Path(__file__).parent)]
    environment = {
        **os.environ,
        "HF_ENDPOINT": file_server.mirror(),
        "HF_HOME": str(tmp_path),
        "HF_TOKEN": "hf_secret",
        "PYTHONPATH": os.pathsep.join(paths),
    }
    name = f"hf://me/weights{revision}::lenet"
    command = [sys.executable, "-c", HUGGING_FACE, name]
    for offline in ("0", "1"):
        done = subprocess.run(
            command, env={**environment, "ZOO_OFFLINE": offline}, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
        assert done.stdout.splitlines() == [f"hf://me/weights@{asked}", ENCODED.decode()]
        assert "hf_secret" not in done.stderr
    assert file_server.seen == {
        f"/healthy/me/weights/resolve/{asked}/{FILE_NAME}": 1,
        f"/healthy/me/weights/resolve/{asked}/lenet.own.safetensors": 1,
    }
    assert all(one["authorization"] == "Bearer hf_secret" for one in file_server.headers)


def test_the_folder_of_an_address_with_a_colon_pair(tmp_path: Path) -> None:
    folder = write_hub(tmp_path / "a::b")
    place = folder.as_uri().replace("::", "%3A%3A").replace("%253A", "%3A")
    assert parse_address(place) == HubAddress(str(folder))
    assert get_weights(f"{place}::lenet").name == "lenet.own"
