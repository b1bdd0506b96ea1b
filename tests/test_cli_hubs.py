"""The command line with the address of another hub, and `zoo sign`."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import Any

import pytest
from command_line import Run, document, refusal
from file_server import FileServer
from other_hubs import ENCODED, digest_of, published, real_hub, serve, write_hub
from signing_keys import Keys, make_keys

from zoo import hubs, signatures
from zoo.manifest import FILE_NAME
from zoo.signatures import SIGNATURE_NAME

pytest_plugins = ["hubs", "cli_hub"]

HOUSE = "linear_regression.california_housing"
ROW = "-122.2, 37.9, 41, 880, 129, 322, 126, 8.3"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A hub with one real record."""
    return real_hub(tmp_path / "hub")


@pytest.fixture
def address(folder: Path, file_server: FileServer) -> str:
    """The same behind a web server."""
    return serve(file_server, folder)


def test_list_says_where_from(folder: Path, address: str, run: Run) -> None:
    for pattern in (address, f"{address}::*", f"{address}::linear_regression"):
        result = run("list", pattern)
        assert (result.exit_code, result.stderr) == (0, f"From {address}:\n")
        assert [line.split()[0] for line in result.stdout.splitlines()[1:]] == [HOUSE]
    [one] = document(run("list", str(folder), "--json"))
    assert (one["name"], one["hub"]) == (HOUSE, str(folder))
    assert run("list", f"{address}::lenet").stderr.startswith("No published weights match")


def test_a_hub_without_such_records(folder: Path, address: str, run: Run) -> None:
    for place in (str(folder), address, f"{folder}#sha256={digest_of(folder)}"):
        result = run("list", place, "--task", "language-modeling")
        assert (result.exit_code, result.stdout) == (0, "")
        assert result.stderr.startswith("No published weights match")


def test_a_record_without_notes(folder: Path, run: Run) -> None:
    manifest = json.loads((folder / FILE_NAME).read_text())
    del manifest["weights"][HOUSE]["provenance"]["notes"]
    (folder / FILE_NAME).write_text(json.dumps(manifest))
    assert run("info", folder).exit_code == 0


def test_info_says_where_from(address: str, run: Run) -> None:
    assert f"hub            {address}\n" in run("info", address).stdout
    shown = document(run("info", f"{address}::{HOUSE}", "--json"))
    assert (shown["name"], shown["hub"]) == (HOUSE, address)
    assert "hub" not in document(run("info", HOUSE, "--json"))


def test_the_default_hub(address: str, run: Run, zoo_home: Path) -> None:
    env = {"ZOO_HUB": address}
    assert run("list", env=env).stderr == f"From {address}:\n"
    assert "Did you mean" in refusal(run("info", "linear_regresion", env=env))
    paths = run("fetch", "--all", env=env).stdout.splitlines()
    assert len(paths) == 2
    assert run("predict", "linear_regression", ROW, env=env).exit_code == 0
    hubs._remote_hub.cache_clear()
    offline = {**env, "ZOO_OFFLINE": "1"}
    assert document(run("list", "--json", env=offline))[0]["hub"] == address
    before = {path.name for path in zoo_home.rglob("*") if path.is_file()}
    assert any(name.endswith(FILE_NAME) for name in before)
    assert run("cache", "verify", env=env).exit_code == 0
    run("cache", "prune", env=env)
    assert {path.name for path in zoo_home.rglob("*") if path.is_file()} == before
    run("cache", "prune", "--all", env=env)
    assert [path for path in zoo_home.rglob("*") if path.is_file()] == []


def test_predict_and_export_from_a_hub(address: str, run: Run, tmp_path: Path) -> None:
    here = document(run("predict", HOUSE, ROW, "--json"))
    assert document(run("predict", address, ROW, "--json")) == here
    exported = [tmp_path / "one.onnx", tmp_path / "other.onnx"]
    for name, path in zip((HOUSE, f"{address}::{HOUSE}"), exported, strict=True):
        assert run("export", name, path).exit_code == 0
    assert exported[0].read_bytes() == exported[1].read_bytes()


def test_generate_from_a_hub(hub_folder: Path, run: Run, file_server: FileServer) -> None:
    name = "lstm_lm.tiny-characters"
    results = [
        run("generate", f"{place}::{name}", "ROMEO", "--length", "5")
        for place in (hub_folder, serve(file_server, hub_folder))
    ]
    assert results[0].exit_code == 0, results[0].stderr
    assert results[0].stdout == results[1].stdout


@pytest.mark.usefixtures("data_mirror")
def test_evaluate_a_hub(address: str, run: Run) -> None:
    shown = document(run("evaluate", address, "--runtime", "onnx", "--json"))
    assert shown["agrees"]


@pytest.mark.parametrize("kind", ["folder", "web"])
def test_verify_reads_the_hub_itself(
    kind: str, folder: Path, address: str, run: Run, file_server: FileServer, zoo_home: Path
) -> None:
    place = str(folder) if kind == "folder" else address
    checks = document(run("verify", place, "--json"))
    assert [(one["place"], one["problem"]) for one in checks] == [(place, None)] * 2
    assert not (zoo_home / "weights").exists()
    file = f"{HOUSE}.safetensors"
    content = bytearray((folder / file).read_bytes())
    content[-1] ^= 1
    (folder / file).chmod(0o644)
    (folder / file).write_bytes(content)
    serve(file_server, folder)
    result = run("verify", f"{place}::{HOUSE}")
    assert result.exit_code == 1
    assert f"{file} has sha256 {hashlib.sha256(content).hexdigest()} instead of" in result.stderr
    assert "2 files checked, 1 differs." in result.stderr


def test_verify_of_a_hub_reads_superseded_versions_too(tmp_path: Path, run: Run) -> None:
    folder = tmp_path / "hub"
    assert run("mirror", folder, "mlp.mnist", "mlp.mnist@1").exit_code == 0
    assert len(document(run("verify", folder, "--json"))) == 4
    first = folder / "mlp.mnist.safetensors"
    first.chmod(0o644)
    first.write_bytes(first.read_bytes()[:-1] + b"?")
    assert f"{first.name} has sha256" in run("verify", folder).stderr
    assert run("verify", f"{folder}::mlp.mnist").exit_code == 0


def test_what_verify_cannot_read_at_a_hub_does_not_differ(
    address: str, run: Run, file_server: FileServer
) -> None:
    del file_server.files[f"{HOUSE}.safetensors"]
    result = run("verify", address)
    assert result.exit_code == 1
    [unread] = [line for line in result.stdout.splitlines() if f"{HOUSE}.safetensors" in line]
    assert unread.endswith("NOT READ")
    assert "DIFFERS" not in result.stdout
    first, last = result.stderr.splitlines()
    assert first == f"zoo: {address}/{HOUSE}.safetensors: 404 Not Found."
    assert last == "1 files checked, none differ, 1 not read."


def test_verify_looks_at_both_of_two_hubs(
    folder: Path, run: Run, tmp_path: Path, keys: Keys
) -> None:
    other = real_hub(tmp_path / "other")
    assert len(document(run("verify", folder, other, "--json"))) == 4
    (folder / f"{HOUSE}.safetensors").chmod(0o644)
    (folder / f"{HOUSE}.safetensors").write_bytes(b"something else")
    for places in ((folder, other), (other, folder)):
        result = run("verify", *places)
        assert (result.exit_code, "4 files checked, 1 differs." in result.stderr) == (1, True)


def test_verify_on_this_machine_with_a_default_hub(
    folder: Path, address: str, run: Run, file_server: FileServer
) -> None:
    env = {"ZOO_HUB": str(folder)}
    assert "2 files checked, none differ." in run("verify", env=env).stderr
    assert "2 not on this machine" in run("verify", env={"ZOO_HUB": address}).stderr
    asked = file_server.seen.total()
    assert asked == 1


def test_fetch_all_of_a_hub_by_its_address(tmp_path: Path, run: Run) -> None:
    folder = write_hub(tmp_path, published("lenet.a"), published("lenet.b", b"more"))
    lines = run("fetch", folder).stdout.splitlines()
    assert [Path(line).read_bytes() for line in lines] == [ENCODED, b"more"]
    assert [Path(line) for line in lines] != [folder / "lenet.a.safetensors"] * 2
    same = run("fetch", f"{folder}::lenet.a", f"{folder}::lenet", "--json")
    assert len(document(same)) == 1


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("https://example.org/hub#sha256=12::lenet", "64 lower-case hex digits"),
        ("hf://weights", "hf://owner/repo"),
        ("./nowhere::lenet", "is no hub"),
    ],
)
def test_refusals_are_one_line(name: str, reason: str, run: Run) -> None:
    assert reason in refusal(run("info", name))


def test_a_key_needs_a_hub(run: Run, tmp_path: Path) -> None:
    assert run("verify", "--key", tmp_path / "public.pem").exit_code == 2


def test_sign_and_verify(folder: Path, keys: Keys, run: Run, file_server: FileServer) -> None:
    result = run("sign", folder, "--key", keys.private)
    assert result.stdout == f"{folder / SIGNATURE_NAME}\n"
    assert "1 records with 2 files signed" in result.stderr
    for place in (folder, serve(file_server, folder)):
        checked = run("verify", place, "--key", keys.public)
        assert (checked.exit_code, "none differ." in checked.stderr) == (0, True)
        env = {"ZOO_HUB": str(place), "ZOO_HUB_KEY": str(keys.public)}
        assert run("predict", "linear_regression", ROW, env=env).exit_code == 0
    manifest = json.loads((folder / FILE_NAME).read_text())
    manifest["weights"][HOUSE]["description"] = "Another sentence."
    (folder / FILE_NAME).write_text(json.dumps(manifest))
    assert "does not fit the manifest" in refusal(run("verify", folder, "--key", keys.public))
    assert run("verify", folder).exit_code == 0


@pytest.mark.parametrize("name", ["more.py", ".git/hooks/pre-commit", ".gitattributes", "a/link"])
def test_a_file_that_nobody_signed(name: str, folder: Path, keys: Keys, run: Run) -> None:
    run("sign", folder, "--key", keys.private)
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.symlink_to("/etc/hostname") if name == "a/link" else path.write_text("anything")
    checked = run("verify", folder, "--key", keys.public)
    assert checked.exit_code == 1
    assert f"{path} is not named by the signed manifest" in checked.stderr
    assert "2 files checked, none differ, and there are unsigned ones." in checked.stderr
    assert run("verify", folder).exit_code == 0
    assert run("verify", folder, env={"ZOO_HUB_KEY": str(keys.public)}).exit_code == 1
    assert run("verify", f"{folder}::{HOUSE}", "--key", keys.public).exit_code == 0


def test_nobody_waits_for_a_pipe_that_nobody_signed(folder: Path, keys: Keys, run: Run) -> None:
    run("sign", folder, "--key", keys.private)
    os.mkfifo(folder / "index.html")
    checked = run("verify", folder, "--key", keys.public)
    assert (checked.exit_code, "index.html is not named" in checked.stderr) == (1, True)


def test_a_hub_that_changes_while_it_is_signed(
    folder: Path, keys: Keys, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    sign = signatures.sign

    def slowly(*arguments: Any) -> bytes:
        with (folder / FILE_NAME).open("a") as file:
            file.write(" ")
        return sign(*arguments)

    monkeypatch.setattr(signatures, "sign", slowly)
    message = refusal(run("sign", folder, "--key", keys.private))
    assert message == f"{folder} changed while it was signed: sign it again."
    assert not (folder / SIGNATURE_NAME).exists()


def test_only_signed_records_are_shared_where_a_key_is_asked_for(
    folder: Path, keys: Keys, run: Run, tmp_path: Path
) -> None:
    env = {"ZOO_HUB_KEY": str(keys.public)}
    assert "has no weights_manifest.sig" in refusal(
        run("mirror", tmp_path / "mirror", "--hub", folder, env=env)
    )
    run("sign", folder, "--key", keys.private)
    assert run("mirror", tmp_path / "mirror", "--hub", folder, env=env).exit_code == 0


def test_many_files_that_nobody_signed(folder: Path, keys: Keys, run: Run) -> None:
    run("sign", folder, "--key", keys.private)
    for number in range(25):
        (folder / f"extra-{number}").touch()
    result = run("verify", folder, "--key", keys.public, "--json")
    found = json.loads(result.stdout)
    assert result.exit_code == 1
    assert [one["place"] for one in found] == [str(folder)] * 2 + ["unsigned"] * 21
    assert found[-1]["problem"] == "5 more files there are not named either."


def test_what_a_mirror_holds_is_made_from_what_is_signed(
    folder: Path, keys: Keys, run: Run, tmp_path: Path
) -> None:
    mirror = tmp_path / "mirror"
    assert run("mirror", mirror, "--hub", folder).exit_code == 0
    assert run("sign", mirror, "--key", keys.private).exit_code == 0
    assert run("verify", mirror, "--key", keys.public).exit_code == 0
    for name in ("index.html", "SHA256SUMS", ".lock"):
        before = (mirror / name).read_bytes() if (mirror / name).exists() else None
        (mirror / name).write_bytes(b"something else")
        checked = run("verify", mirror, "--key", keys.public)
        assert (checked.exit_code, f"{mirror / name} is not named" in checked.stderr) == (1, True)
        (mirror / name).unlink() if before is None else (mirror / name).write_bytes(before)


def test_only_a_whole_hub_is_signed(folder: Path, keys: Keys, run: Run) -> None:
    (folder / f"{HOUSE}.safetensors").unlink()
    assert "no such file" in refusal(run("sign", folder, "--key", keys.private))
    assert not (folder / SIGNATURE_NAME).exists()
    assert "is no hub" in refusal(run("sign", folder.parent, "--key", keys.private))


def test_a_key_with_a_password(folder: Path, keys: Keys, run: Run, tmp_path: Path) -> None:
    locked = make_keys(tmp_path, "locked", password="open")
    assert run("sign", folder, "--key", locked.private, input="open\n").exit_code == 0
    assert run("verify", folder, "--key", locked.public).exit_code == 0
    wrong = run("sign", folder, "--key", locked.private, input="shut\n")
    assert (wrong.exit_code, "cannot sign" in wrong.stderr) == (1, True)
