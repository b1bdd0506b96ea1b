"""`zoo mirror` and `zoo push` as they are typed."""

from __future__ import annotations

from pathlib import Path

import pytest
from command_line import Run, document, refusal
from huggingface_endpoint import HuggingFaceEndpoint
from shared_records import ADULT, HOUSING, altered_hub, stem

from zoo.manifest import FILE_NAME, read_manifest

pytest_plugins = ["cli_hub", "huggingface"]


def test_mirror(run: Run, tmp_path: Path) -> None:
    first = run("mirror", tmp_path / "mirror", HOUSING)
    assert first.exit_code == 0
    assert f"{stem(HOUSING)}.safetensors  212 bytes  new" in first.stdout
    assert "written now." in first.stderr
    again = run("mirror", tmp_path / "mirror", "linear_*")
    assert again.exit_code == 0
    assert "none of them written now." in again.stderr
    found = document(run("mirror", tmp_path / "mirror", ADULT, "--json"))
    assert found["folder"] == str(tmp_path / "mirror")
    assert {one["state"] for one in found["files"]} == {"kept", "new", "replaced"}
    assert set(found["files"][0]) == {"file", "size", "sha256", "state"}
    assert list(read_manifest(tmp_path / "mirror" / FILE_NAME)) == [HOUSING, ADULT]


def test_mirror_refuses_other_bytes(run: Run, tmp_path: Path) -> None:
    others = altered_hub(tmp_path / "others", ADULT, content=b"other")
    assert run("mirror", tmp_path / "mirror", ADULT).exit_code == 0
    assert "a published record never changes" in refusal(
        run("mirror", tmp_path / "mirror", "--hub", others)
    )


def test_mirror_of_an_unknown_name(run: Run, tmp_path: Path) -> None:
    assert "No published weights 'lenett'" in refusal(run("mirror", tmp_path / "m", "lenett"))


def test_push_to_a_folder_is_a_mirror(run: Run, tmp_path: Path) -> None:
    assert run("push", HOUSING, ADULT, tmp_path / "mirror").exit_code == 0
    assert list(read_manifest(tmp_path / "mirror" / FILE_NAME)) == [HOUSING, ADULT]


def test_push(run: Run, hugging_face: HuggingFaceEndpoint) -> None:
    planned = run("push", HOUSING, "hf://me/models", "--dry-run")
    assert (planned.exit_code, hugging_face.repositories) == (0, {})
    assert "6 files" in planned.stderr
    assert "would be sent to hf://me/models; nothing was." in planned.stderr
    sent = run("push", HOUSING, "hf://me/models", "--private")
    assert (sent.exit_code, sent.stdout) == (0, planned.stdout)
    assert "sent to hf://me/models, read back and verified." in sent.stderr
    assert hugging_face.repositories["me/models"].private
    again = run("push", HOUSING, "hf://me/models")
    assert again.exit_code == 0
    assert "Nothing to send: hf://me/models has it all, read back and verified." in again.stderr
    found = document(run("push", HOUSING, "hf://me/models", "--json"))
    assert found["commit"] == hugging_face.repositories["me/models"].branches["main"]
    assert {one["state"] for one in found["files"]} == {"kept"}


def test_push_that_cannot_be_verified(run: Run, hugging_face: HuggingFaceEndpoint) -> None:
    hugging_face.damage = lambda _, content: content[:-1] + b"!"
    result = run("push", HOUSING, "hf://me/models")
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.splitlines()[-1].startswith("zoo: NOT VERIFIED: commit ")


@pytest.mark.parametrize(
    "words",
    [
        ["push", HOUSING],
        ["push"],
        ["push", HOUSING, "https://example.org"],
        ["push", HOUSING, "folder", "--dry-run"],
        ["push", HOUSING, "folder", "--private"],
        ["push", HOUSING, "hf://me/models", "--token", "hf_x"],
        ["mirror"],
    ],
)
def test_wrong_command_lines(run: Run, words: list[str]) -> None:
    assert run(*words).exit_code == 2


@pytest.mark.parametrize(
    "words",
    [
        ["mirror", ""],
        ["mirror", "mirror", "--hub", ""],
        ["push", HOUSING, ""],
        ["publish", "run", "--hub", ""],
        ["gallery", "--out", ""],
    ],
)
def test_an_empty_folder_is_not_the_one_that_somebody_is_in(
    run: Run, words: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    result = run(*words)
    assert (result.exit_code, result.stdout) == (2, "")
    assert "is empty: name a folder" in result.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("thing", ["hf://a/b::lenet.mnist", "https://example.org/hub", "x::mlp"])
def test_push_takes_nothing_of_another_hub(run: Run, thing: str, tmp_path: Path) -> None:
    result = run("push", HOUSING, thing, tmp_path / "mirror")
    assert (result.exit_code, result.stdout) == (2, "")
    assert f"{thing!r} is at another hub" in result.stderr
    assert not (tmp_path / "mirror").exists()


def test_a_run_that_is_none(run: Run, tmp_path: Path) -> None:
    result = run("push", "runs/nothing", tmp_path / "mirror")
    assert "runs/nothing" in refusal(result)
