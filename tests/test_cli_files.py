"""`zoo fetch`, `zoo verify` and `zoo cache`."""

from __future__ import annotations

import errno
import hashlib
import os
from pathlib import Path

import pytest
from command_line import Run, document, refusal
from typer.testing import Result

from zoo.manifest import read_manifest

pytest_plugins = ["hubs", "cli_hub"]


@pytest.fixture
def elsewhere(embedded: Path, hub_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The hub's files are not embedded; a mirror has them."""
    for path in embedded.glob("*.*"):
        if path.suffix != ".json":
            path.unlink()
    monkeypatch.setenv("ZOO_MIRROR", str(hub_folder))
    return hub_folder


def _flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.chmod(0o644)
    path.write_bytes(content)


def test_fetch_prints_the_path_of_each_file(embedded: Path, run: Run) -> None:
    result = run("fetch", "lstm_lm")
    kinds = ("safetensors", "graph.onnx", "vocabulary.txt")
    assert result.stdout.splitlines() == [
        str(embedded / f"lstm_lm.tiny-words.{one}") for one in kinds
    ]
    assert result.stderr == ""


def test_fetch_one_kind(embedded: Path, run: Run) -> None:
    result = run("fetch", "lenet", "mlp", "lenet.tiny", "--kind", "safetensors")
    assert result.stdout.splitlines() == [
        str(embedded / "lenet.tiny.safetensors"),
        str(embedded / "mlp.tiny.safetensors"),
    ]


@pytest.mark.usefixtures("embedded")
def test_fetched_files_as_json(run: Run) -> None:
    fetched = document(run("fetch", "lstm_lm", "mlp", "--json"))
    names = ["lstm_lm.tiny-words"] * 3 + ["mlp.tiny"] * 2
    assert [one.pop("name") for one in fetched] == names
    kinds = ["safetensors", "onnx-graph", "vocabulary", "safetensors", "onnx-graph"]
    assert [one.pop("kind") for one in fetched] == kinds
    for one in fetched:
        content = Path(one["path"]).read_bytes()
        digest = hashlib.sha256(content).hexdigest()
        assert one == {"path": one["path"], "size": len(content), "sha256": digest}


@pytest.mark.usefixtures("elsewhere")
def test_fetch_all_brings_everything_into_the_cache(run: Run, zoo_home: Path) -> None:
    paths = [Path(line) for line in run("fetch", "--all").stdout.splitlines()]
    assert len(paths) == 14
    for path in paths:
        assert path.is_relative_to(zoo_home)
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        assert path.name.startswith(digest[:16])


@pytest.mark.usefixtures("embedded")
def test_fetch_all_of_one_kind_takes_the_records_that_have_it(run: Run) -> None:
    lines = run("fetch", "--all", "--kind", "vocabulary").stdout.splitlines()
    assert [Path(line).name for line in lines] == [
        "lstm_lm.tiny-words.vocabulary.txt",
        "lstm_lm.tiny-characters.vocabulary.txt",
    ]


@pytest.mark.parametrize("which", ["lenet", "--all"])
@pytest.mark.usefixtures("embedded")
def test_fetch_refuses_an_unknown_kind(which: str, run: Run) -> None:
    message = refusal(run("fetch", which, "--kind", "weights"))
    assert message == "lenet.tiny has no artifact 'weights'. It has: safetensors, onnx-graph."


def test_what_no_source_has_names_them_all(
    elsewhere: Path, run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("ZOO_MIRROR", f"{tmp_path / 'one'} {tmp_path / 'two'}")
    result = run("fetch", "lenet")
    assert result.exit_code == 1
    assert result.stdout == ""
    assert result.stderr.startswith("zoo: lenet.tiny.safetensors ")
    assert str(tmp_path / "one") in result.stderr
    assert str(tmp_path / "two") in result.stderr
    assert "Traceback" not in result.stderr


def test_verify_hashes_what_is_embedded(embedded: Path, run: Run) -> None:
    result = run("verify")
    assert result.exit_code == 0
    assert result.stdout.count(" ok\n") == 14
    assert result.stderr == "14 files checked, none differ.\n"
    _flip(embedded / "mlp.tiny.safetensors")
    result = run("verify")
    assert result.exit_code == 1
    [bad] = [line for line in result.stdout.splitlines() if "DIFFERS" in line]
    assert bad.split() == ["mlp.tiny.safetensors", "embedded", "DIFFERS"]
    assert str(embedded / "mlp.tiny.safetensors") in result.stderr
    assert "Reinstall gluon-zoo." in result.stderr


def _refuse_to_open(unreadable: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened = os.open

    def refuse(path: Path, *rest: int) -> int:
        if Path(path) == unreadable:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return opened(path, *rest)

    monkeypatch.setattr(os, "open", refuse)


def test_what_is_embedded_and_cannot_be_read(
    embedded: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    _refuse_to_open(embedded / "lenet.tiny.safetensors", monkeypatch)
    _is_not_read(run("verify", "lenet"), "embedded")


@pytest.mark.usefixtures("elsewhere")
def test_what_is_cached_and_cannot_be_read(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    path = Path(run("fetch", "lenet").stdout.splitlines()[0])
    _refuse_to_open(path, monkeypatch)
    _is_not_read(run("verify", "lenet"), "cached")
    _is_not_read(run("cache", "verify"), "cached")


def _is_not_read(result: Result, place: str) -> None:
    assert result.exit_code == 1
    [unread] = [line for line in result.stdout.splitlines() if "NOT READ" in line]
    assert unread.split()[1] == place
    first, last = result.stderr.splitlines()
    assert "cannot be read: Input/output error. Try again, and replace it" in first
    assert last == "1 files checked, none differ, 1 not read."


def test_verify_of_names_looks_at_no_others(embedded: Path, run: Run) -> None:
    _flip(embedded / "mlp.tiny.safetensors")
    assert run("verify", "lenet").exit_code == 0
    assert run("verify", "lenet", "mlp").exit_code == 1


@pytest.mark.usefixtures("elsewhere")
def test_verify_hashes_what_is_cached(run: Run) -> None:
    path = Path(run("fetch", "lenet", "--kind", "safetensors").stdout.strip())
    run("fetch", "mlp")
    weights, graph = document(run("verify", "lenet", "--json"))
    assert weights == {
        "place": "cached",
        "path": str(path),
        "problem": None,
        "verdict": "ok",
    }
    assert (graph["place"], graph["problem"]) == ("absent", None)
    _flip(path)
    for command in (["verify"], ["verify", "lenet"], ["cache", "verify"]):
        result = run(*command)
        assert result.exit_code == 1
        assert str(path) in result.stderr
    assert run("verify", "mlp").exit_code == 0
    assert run("fetch", "lenet").exit_code == 0
    assert run("verify").exit_code == 0


@pytest.mark.usefixtures("elsewhere")
def test_verify_says_what_is_nowhere(run: Run) -> None:
    everything = run("verify")
    assert everything.exit_code == 0
    assert everything.stdout.count(" absent ") == 14
    assert everything.stderr == "0 files checked, none differ, 14 not on this machine.\n"
    named = run("verify", "lenet")
    assert named.exit_code == 1
    lines = [line.split() for line in named.stdout.splitlines()[1:]]
    assert [line[1:] for line in lines] == [["absent", "MISSING"], ["absent", "-"]]
    assert named.stderr.splitlines() == [
        "zoo: lenet.tiny.safetensors is not on this machine: zoo fetch lenet.tiny brings it.",
        "0 files checked, none differ, 2 not on this machine.",
    ]
    run("fetch", "lenet")
    named = run("verify", "lenet")
    assert (named.exit_code, named.stderr) == (0, "2 files checked, none differ.\n")


@pytest.mark.usefixtures("embedded")
def test_cache_path_is_zoo_home(run: Run, zoo_home: Path) -> None:
    assert run("cache", "path").stdout == f"{zoo_home}\n"


@pytest.mark.usefixtures("elsewhere")
def test_cache_list(run: Run) -> None:
    assert document(run("cache", "list", "--json")) == []
    assert run("cache", "list").stdout == ""
    path = Path(run("fetch", "lenet", "--kind", "onnx-graph").stdout.strip())
    size = path.stat().st_size
    assert document(run("cache", "list", "--json")) == [{"path": str(path), "size": size}]
    result = run("cache", "list")
    assert path.name in result.stdout
    assert result.stderr.startswith("1 files, ")


def test_prune_removes_what_no_record_needs(elsewhere: Path, run: Run, zoo_home: Path) -> None:
    kept = Path(run("fetch", "lenet", "--kind", "safetensors").stdout.strip())
    old = zoo_home / "weights" / "0123456789abcdef-old.safetensors"
    old.write_bytes(b"12345")
    partial = zoo_home / "weights" / f".{'0' * 64}.part"
    partial.write_bytes(b"1")
    os.utime(partial, (0, 0))
    result = run("cache", "prune")
    assert sorted(result.stdout.splitlines()) == sorted([str(old), str(partial)])
    assert result.stderr == "Removed 2 files, 5 bytes.\n"
    assert kept.is_file()
    assert run("cache", "prune", "--all").stdout == f"{kept}\n"
    assert document(run("cache", "list", "--json")) == []


def test_the_published_files_are_whole(published: dict[str, object], run: Run) -> None:
    checks = document(run("verify", "--json"))
    assert checks
    assert all(one["problem"] is None for one in checks)
    assert set(published) == set(read_manifest())
