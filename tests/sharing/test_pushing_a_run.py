"""A finished run is measured on its way, once, and shared like any other record."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from huggingface_endpoint import HuggingFaceEndpoint
from run_folders import ADULT, adult_run, content_of

from zoo.errors import PublishError
from zoo.manifest import FILE_NAME, read_manifest
from zoo.sharing.mirror import mirror
from zoo.sharing.push import push
from zoo.sharing.release import Wanted

pytest_plugins = ["publications", "huggingface"]
pytest.importorskip("zoo._mxnet", reason="publishing needs MXNet", exc_type=ImportError)

ADDRESS = "hf://me/models"


@pytest.fixture
def count(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """A line for each run that was measured."""
    from zoo import publish

    measured, found = publish.measured, []

    def counted(run: object, candidate: object) -> object:
        found.append("measured")
        return measured(run, candidate)  # type: ignore[arg-type]

    monkeypatch.setattr("zoo.publish.measured", counted)
    return found


def test_a_run_is_pushed(
    hugging_face: HuggingFaceEndpoint, finished_run: Path, count: list[str]
) -> None:
    push(ADDRESS, Wanted(runs=[finished_run]))
    files = hugging_face.repositories["me/models"].head()
    assert {f"{ADULT}.safetensors", f"{ADULT}.graph.onnx", f"{ADULT}.onnx"} <= set(files)
    assert push(ADDRESS, Wanted(runs=[finished_run])).sent == []
    assert count == ["measured"]


def test_another_run_of_that_name_is_refused(
    hugging_face: HuggingFaceEndpoint, finished_run: Path, tmp_path: Path
) -> None:
    push(ADDRESS, Wanted(runs=[finished_run]))
    before = hugging_face.repositories["me/models"].branches["main"]
    other = adult_run(tmp_path / "other", steps=150)
    with pytest.raises(PublishError, match="already published from another run"):
        push(ADDRESS, Wanted(runs=[other]))
    assert hugging_face.repositories["me/models"].branches["main"] == before


def test_a_run_is_mirrored(finished_run: Path, tmp_path: Path, count: list[str]) -> None:
    mirror(tmp_path / "mirror", Wanted(runs=[finished_run]))
    [weights] = read_manifest(tmp_path / "mirror" / FILE_NAME).values()
    assert (weights.name, weights.provenance["seed"]) == (ADULT, 3)
    before = content_of(tmp_path / "mirror")
    mirror(tmp_path / "mirror", Wanted(runs=[finished_run]))
    assert content_of(tmp_path / "mirror") == before
    assert count == ["measured"]


def test_an_unfinished_run_is_refused(finished_run: Path, tmp_path: Path) -> None:
    shutil.rmtree(finished_run)
    finished_run.mkdir()
    with pytest.raises(PublishError, match=r"run\.json"):
        mirror(tmp_path / "mirror", Wanted(runs=[finished_run]))
    assert content_of(tmp_path / "mirror") == {}


def test_two_runs_of_one_name_are_not_shared_as_one(finished_run: Path, tmp_path: Path) -> None:
    other = adult_run(tmp_path / "other", steps=150)
    with pytest.raises(PublishError, match=f"other would be {ADULT}@1, as another record"):
        mirror(tmp_path / "mirror", Wanted(runs=[finished_run, other]))
    assert content_of(tmp_path / "mirror") == {}
