"""Publications that are killed, meet each other, or meet a hub that is not as it should be."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from run_folders import ADULT, content_of, mnist_run, refusal

from zoo import hub_folder
from zoo import publish as room
from zoo.errors import PublishError
from zoo.manifest import FILE_NAME, read_manifest
from zoo.publish import publish

pytest_plugins = ["publications"]
pytest.importorskip("zoo._mxnet", reason="publishing needs MXNet", exc_type=ImportError)


class Killed(BaseException):
    """As abrupt as an exception can be."""


def _kill_at(number: int, monkeypatch: pytest.MonkeyPatch) -> Callable[[], int]:
    """Stop before the rename of the given number, counted from 1; tells how many there were."""
    rename, count = os.replace, [0]

    def replace(source: Any, target: Any) -> None:
        if "hub" in Path(target).parts:
            count[0] += 1
            if count[0] == number:
                raise Killed
        rename(source, target)

    monkeypatch.setattr(os, "replace", replace)
    return lambda: count[0]


def _once(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function's first answer for ever: measuring the same run again takes time only."""
    answers: list[Any] = []

    def answer(*arguments: Any) -> Any:
        if not answers:
            answers.append(function(*arguments))
        return answers[0]

    return answer


def test_a_kill_at_any_write_leaves_the_old_hub_or_a_whole_record(
    finished_run: Path, empty_hub: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(mnist_run(tmp_path / "mnist"), hub=empty_hub)
    old = content_of(empty_hub)
    monkeypatch.setattr(room, "make_candidate", _once(room.make_candidate))
    monkeypatch.setattr(room, "measured", _once(room.measured))
    whole = tmp_path / "whole" / "hub"
    shutil.copytree(empty_hub, whole)
    with monkeypatch.context() as patch:
        total = _kill_at(0, patch)
        publish(finished_run, hub=whole)
    writes = total()
    assert writes == 6
    for number in range(1, writes + 1):
        killed = tmp_path / str(number) / "hub"
        shutil.copytree(empty_hub, killed)
        with monkeypatch.context() as patch:
            _kill_at(number, patch)
            with pytest.raises(Killed):
                publish(finished_run, hub=killed)
        names = list(read_manifest(killed / FILE_NAME))
        assert names == (["mlp.mnist"] if number < writes else ["mlp.mnist", ADULT])
        left = content_of(killed)
        assert all(left[name] == old[name] for name in old if name != FILE_NAME)
        assert not any(name.endswith(".part") for name in left)
        publish(finished_run, hub=killed)
        assert content_of(killed) == content_of(whole)


def test_partial_files_of_a_killed_publication_are_swept(
    finished_run: Path, empty_hub: Path
) -> None:
    logs = empty_hub / "docs" / "training_logs"
    logs.mkdir(parents=True)
    left = [
        empty_hub / ".lenet.mnist.safetensors.123.0a0b0c0d.part",
        empty_hub / ".README.md.123.0a0b0c0d.part",
        logs / ".lenet.mnist.jsonl.123.0a0b0c0d.part",
    ]
    for path in left:
        path.write_bytes(b"cut")
    publish(finished_run, hub=empty_hub)
    assert not any(path.exists() for path in left)


def test_a_file_that_belongs_to_another_record_is_not_overwritten(
    finished_run: Path, empty_hub: Path
) -> None:
    publish(finished_run, hub=empty_hub)
    path = empty_hub / FILE_NAME
    path.write_text(
        path.read_text()
        .replace('"tag": "adult"', '"tag": "first"')
        .replace(f'"{ADULT}": {{', '"logistic_regression.first": {')
    )
    assert "belongs to logistic_regression.first" in refusal(finished_run, empty_hub)


def test_a_damaged_manifest_is_refused(finished_run: Path, empty_hub: Path) -> None:
    (empty_hub / FILE_NAME).write_text("{")
    assert "not a manifest in strict JSON" in refusal(finished_run, empty_hub)


def test_two_publications_do_not_write_at_once(
    finished_run: Path, empty_hub: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hub_folder, "PATIENCE", 0.05)
    with hub_folder.alone(empty_hub):
        assert "Another publication is writing" in refusal(finished_run, empty_hub)


def test_the_lock_lies_in_the_hub_whatever_the_cache_folder(
    finished_run: Path, empty_hub: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hub_folder, "PATIENCE", 0.05)
    monkeypatch.setenv("ZOO_HOME", str(tmp_path / "mine"))
    with hub_folder.alone(empty_hub):
        monkeypatch.setenv("ZOO_HOME", str(tmp_path / "yours"))
        assert "Another publication is writing" in refusal(finished_run, empty_hub)


@pytest.mark.skipif(os.geteuid() == 0, reason="root writes into any folder")
def test_a_hub_that_cannot_be_written(finished_run: Path, empty_hub: Path) -> None:
    empty_hub.chmod(0o555)
    try:
        assert "cannot be written: Permission denied" in refusal(finished_run, empty_hub)
    finally:
        empty_hub.chmod(0o755)


def test_a_hub_that_is_a_file(finished_run: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(PublishError, match="cannot be written"):
        publish(finished_run, hub=tmp_path / "file")
