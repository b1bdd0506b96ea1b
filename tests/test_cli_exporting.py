"""`zoo export` and `zoo publish`."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import typer
from command_line import Run, document, finished, refusal

from zoo.cli.tensors import read_inputs
from zoo.manifest import TensorSpec, Weights, get_weights, read_manifest
from zoo.onnx.sessions import open_session
from zoo.runtimes import open_runner

pytest_plugins = ["hubs", "cli_hub"]

NAMES = ("lenet", "mlp", "linear_regression", "lstm_lm.tiny-words", "lstm_lm.tiny-characters")


def _inputs(weights: Weights) -> list[np.ndarray[Any, Any]]:
    rng = np.random.default_rng(0)
    shapes = [
        [3 if isinstance(size, str) else size for size in one.shape] for one in weights.inputs
    ]
    return [
        rng.integers(0, 10, shape) if spec.dtype == "int64" else rng.random(shape, np.float32)
        for spec, shape in zip(weights.inputs, shapes, strict=True)
    ]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.usefixtures("embedded")
def test_the_file_is_all_that_is_needed(name: str, run: Run, tmp_path: Path) -> None:
    path = tmp_path / "out" / "model.onnx"
    path.parent.mkdir()
    result = run("export", name, path)
    assert result.exit_code == 0, result.output
    content = path.read_bytes()
    assert result.stdout.startswith(f"{path}  ")
    assert result.stdout.endswith(f"  sha256 {hashlib.sha256(content).hexdigest()}\n")
    assert list(path.parent.iterdir()) == [path]
    onnx.checker.check_model(content, full_check=True)
    weights = get_weights(name)
    session = open_session(content)
    assert [one.name for one in session.get_inputs()] == [one.name for one in weights.inputs]
    inputs = _inputs(weights)
    feeds = dict(zip([one.name for one in weights.inputs], inputs, strict=True))
    expected = open_runner(weights, "mxnet").run(*inputs)
    for ours, theirs in zip(session.run(None, feeds), expected, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-4)


@pytest.mark.usefixtures("embedded")
def test_the_file_as_json(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    written = document(run("export", "lenet", path, "--json"))
    content = path.read_bytes()
    digest = hashlib.sha256(content).hexdigest()
    facts = {"path": str(path), "size": len(content), "sha256": digest}
    assert written == {"name": "lenet.tiny", **facts}


@pytest.mark.usefixtures("embedded")
def test_the_same_weights_give_the_same_bytes(run: Run, tmp_path: Path) -> None:
    for name in ("a.onnx", "b.onnx"):
        run("export", "lenet", tmp_path / name)
    assert (tmp_path / "a.onnx").read_bytes() == (tmp_path / "b.onnx").read_bytes()


def _metadata(path: Path) -> Mapping[str, str]:
    return {one.key: one.value for one in onnx.load(path).metadata_props}


@pytest.mark.usefixtures("embedded")
def test_metadata(run: Run, tmp_path: Path) -> None:
    run("export", "lenet", tmp_path / "a.onnx")
    found = _metadata(tmp_path / "a.onnx")
    weights = get_weights("lenet")
    assert found["name"] == "lenet.tiny"
    assert found["weights_sha256"] == weights.artifacts["safetensors"].sha256
    assert json.loads(found["labels"]) == list("0123456789")
    assert json.loads(found["preprocessing"]) == weights.preprocessing
    assert found["licence"] == "Apache-2.0"
    run("export", "lstm_lm", tmp_path / "b.onnx")
    found = _metadata(tmp_path / "b.onnx")
    vocabulary = get_weights("lstm_lm").artifacts["vocabulary"]
    assert found["vocabulary_sha256"] == vocabulary.sha256
    assert "labels" not in found


@pytest.mark.usefixtures("embedded")
def test_an_existing_file_is_only_replaced_by_force(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "mine.onnx"
    path.write_text("mine")
    assert refusal(run("export", "mlp", path)) == (
        f"{path} exists: choose another name, or replace it with --force."
    )
    assert path.read_text() == "mine"
    assert run("export", "mlp", path, "--force").exit_code == 0
    onnx.checker.check_model(path.read_bytes())


@pytest.mark.usefixtures("embedded")
def test_a_place_that_cannot_be_written(run: Run, tmp_path: Path) -> None:
    message = refusal(run("export", "mlp", tmp_path / "nowhere" / "a.onnx"))
    assert (
        message
        == f"{tmp_path / 'nowhere' / 'a.onnx'} cannot be written: No such file or directory."
    )
    assert "cannot be written" in refusal(run("export", "mlp", tmp_path, "--force"))


@pytest.mark.parametrize("name", ["lenet", "lstm_lm.tiny-words"])
@pytest.mark.usefixtures("embedded")
def test_another_opset(name: str, run: Run, tmp_path: Path) -> None:
    assert run("export", name, tmp_path / "a.onnx").exit_code == 0
    assert run("export", name, tmp_path / "b.onnx", "--opset", 17).exit_code == 0
    model = onnx.load(tmp_path / "b.onnx")
    assert model.opset_import[0].version == 17
    assert "difference_from_mxnet" in _metadata(tmp_path / "b.onnx")  # so it was compared
    weights = get_weights(name)
    feeds = dict(zip([one.name for one in weights.inputs], _inputs(weights), strict=True))
    found = [open_session(tmp_path / file).run(None, feeds) for file in ("a.onnx", "b.onnx")]
    for one, other in zip(*found, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-5)
    first, second = (_metadata(tmp_path / file) for file in ("a.onnx", "b.onnx"))
    assert first.items() <= second.items()


def test_options_of_files_are_not_for_published_weights(run: Run, tmp_path: Path) -> None:
    result = run("export", "lenet", tmp_path / "a.onnx", "--input", "data:1,1,28,28")
    assert result.exit_code == 2
    assert list(tmp_path.iterdir()) == []


def test_damaged_weights_are_not_exported(embedded: Path, run: Run, tmp_path: Path) -> None:
    (embedded / "mlp.tiny.safetensors").write_bytes(b"damaged")
    result = run("export", "mlp", tmp_path / "a.onnx")
    assert result.exit_code == 1
    assert result.stderr.startswith("zoo: ")
    assert "Reinstall gluon-zoo." in result.stderr
    assert not (tmp_path / "a.onnx").exists()


def test_no_mxnet_is_needed(installation: Path, tmp_path: Path) -> None:
    """An interpreter that cannot import MXNet exports, predicts and evaluates."""
    blocked = tmp_path / "mxnet.py"
    blocked.write_text("raise ImportError('blocked')\n")
    path = f"{tmp_path}:{installation}"
    ended = finished(installation, "export", "lenet", tmp_path / "a.onnx", PYTHONPATH=path)
    assert (ended.returncode, ended.stderr) == (0, "")
    ended = finished(installation, "predict", "lenet", "x", "--runtime", "mxnet", PYTHONPATH=path)
    assert ended.returncode == 1
    assert ended.stderr.startswith("zoo: MXNet is installed but does not load (blocked).")
    assert len(ended.stderr.splitlines()) == 1


def test_publish_refuses_a_folder_without_a_finished_run(run: Run, tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "hub").mkdir()
    message = refusal(run("publish", tmp_path / "run", "--hub", tmp_path / "hub"))
    assert str(tmp_path / "run") in message
    assert list((tmp_path / "hub").iterdir()) == []


def test_publish_says_what_was_published(
    hub_folder: Path, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The steps of publishing are tested in test_publish; here only what the command adds."""
    record = read_manifest(hub_folder / "weights_manifest.json")["lenet.tiny"]
    calls: list[tuple[Path, Path | None, Path | None]] = []

    def publish(folder: Path, *, hub: Path | None, seeds: Path | None) -> Weights:
        calls.append((folder, hub, seeds))
        return record

    monkeypatch.setattr("zoo.publish.publish", publish)
    result = run("publish", tmp_path, "--hub", tmp_path / "hub")
    assert result.exit_code == 0
    assert calls == [(tmp_path, tmp_path / "hub", None)]
    assert result.stdout == (
        f"lenet.tiny is published, sha256 {record.artifacts['safetensors'].sha256}\n"
        "accuracy 99.51 % on mnist test, n = 10,000\n"
    )
    published = document(run("publish", tmp_path, "--hub", hub_folder, "--json"))
    assert published["name"] == "lenet.tiny"
    assert [one["kind"] for one in published["files"]] == ["safetensors", "onnx-graph"]
    for one in published["files"]:
        content = Path(one["path"]).read_bytes()
        assert (one["size"], one["sha256"]) == (len(content), hashlib.sha256(content).hexdigest())
    assert published["metrics"] == record.to_json()["metrics"]
    assert (published["version"], published["seeds"]) == (1, None)
    run("publish", tmp_path, "--seeds", tmp_path / "seeds")
    assert calls[-1] == (tmp_path, None, tmp_path / "seeds")


def test_inputs_may_be_written_with_spaces() -> None:
    found = read_inputs(["data: 1, 3,height, 224 : float16", "ids:time,batch:int64"])
    assert found["data"] == TensorSpec("data", (1, 3, "height", 224), "float16")
    assert found["ids"] == TensorSpec("ids", ("time", "batch"), "int64")


@pytest.mark.parametrize("text", ["data", "data:", ":1,2", "data:-1,3", "data:1,,3", "data:1.5"])
def test_inputs_that_are_none(text: str) -> None:
    with pytest.raises(typer.BadParameter, match="is not an input of its own"):
        read_inputs([text])
