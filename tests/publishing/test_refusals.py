"""Runs that may not be published: each is refused in one line, and the hub stays as it was."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from run_folders import change_run, refusal, shakespeare_run

from zoo import params
from zoo.publishing import candidate, measurement

pytest_plugins = ["publications"]
pytest.importorskip("zoo._mxnet", reason="publishing needs MXNet", exc_type=ImportError)


def _weights(run: Path, arrays: Mapping[str, np.ndarray[Any, Any]]) -> None:
    change_run(run, sha256=params.write(run / "final.safetensors", arrays))


def _missed_target(run: Path) -> None:
    recipe = json.loads((run / "run.json").read_text())["recipe"] | {"target": 0.86}
    change_run(run, recipe=recipe)


def _wrong_shape(run: Path) -> None:
    _weights(run, {"output.weight": np.zeros((1, 7), "f4"), "output.bias": np.zeros(1, "f4")})


def _unknown_name(run: Path) -> None:
    _weights(run, {**params.read(run / "final.safetensors"), "more": np.zeros(1, "f4")})


def _unknown_config(run: Path) -> None:
    change_run(run, config={"clases": 1})


def _too_large_for_float16(run: Path) -> None:
    recipe = json.loads((run / "run.json").read_text())["recipe"] | {"stored_dtype": "float16"}
    arrays = params.read(run / "final.safetensors")
    _weights(run, {**arrays, "output.bias": np.array([1e6], "f4")})
    change_run(run, recipe=recipe)


def _other_data(run: Path) -> None:
    change_run(run, data={"adult-libsvm/a9a": "0" * 64})


def _unknown_dataset(run: Path) -> None:
    recipe = json.loads((run / "run.json").read_text())["recipe"] | {"dataset": "adlut"}
    change_run(run, recipe=recipe)


def _unknown_task(run: Path) -> None:
    recipe = json.loads((run / "run.json").read_text())["recipe"] | {"task": "sorting"}
    change_run(run, recipe=recipe)


def _no_preprocessing(run: Path) -> None:
    change_run(run, preprocessing=None)


def _half_a_preprocessing(run: Path) -> None:
    change_run(run, preprocessing={"kind": "image", "size": [28]})


def _not_json(run: Path) -> None:
    change_run(run, environment={"load": float("nan")})


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (_missed_target, "misses its target: test accuracy 0.8"),
        (_wrong_shape, "wrong shape: output.weight is (1, 7), expected (1, 123)"),
        (_unknown_name, "unknown: more"),
        (_unknown_config, "Did you mean 'classes'?"),
        (_too_large_for_float16, "output.bias holds numbers too large for float16"),
        (_other_data, "was trained on other files than those of adult"),
        (_unknown_dataset, "Did you mean 'adult'?"),
        (_unknown_task, "'sorting' is not one of"),
        (_no_preprocessing, "has no preprocessing"),
        (_half_a_preprocessing, "has no preprocessing that a record can have"),
        (_not_json, "not plain JSON"),
    ],
)
def test_refusals(
    finished_run: Path, empty_hub: Path, change: Callable[[Path], None], message: str
) -> None:
    change(finished_run)
    assert message in refusal(finished_run, empty_hub)


def test_a_foreign_vocabulary_is_refused(tmp_path: Path, empty_hub: Path, data_mirror: str) -> None:
    run = shakespeare_run(tmp_path / "run")
    (run / "vocabulary.txt").write_bytes(b"a\nb\n")
    assert "vocabulary.txt is missing or not that of shakespeare" in refusal(run, empty_hub)
    (run / "vocabulary.txt").unlink()
    assert "vocabulary.txt is missing or not that of shakespeare" in refusal(run, empty_hub)


def test_a_language_models_metric_is_better_when_lower(
    tmp_path: Path, empty_hub: Path, data_mirror: str
) -> None:
    message = refusal(shakespeare_run(tmp_path / "run", target=3.0), empty_hub)
    assert "misses its target: test nats_per_character 4.1" in message


@pytest.fixture
def negated_graph(monkeypatch: pytest.MonkeyPatch) -> None:
    """Exports whose graph computes the opposite."""
    export = candidate._graph

    def negated(*arguments: Any) -> bytes:
        model = onnx.load_model_from_string(export(*arguments))
        model.graph.node[-1].output[0] = "opposite"
        model.graph.node.append(onnx.helper.make_node("Neg", ["opposite"], ["output"]))
        return bytes(model.SerializeToString())

    monkeypatch.setattr(candidate, "_graph", negated)


@pytest.mark.usefixtures("negated_graph")
def test_runtimes_that_disagree_are_refused(
    finished_run: Path, empty_hub: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "the outputs of mxnet and onnx differ by" in refusal(finished_run, empty_hub)
    monkeypatch.setattr(measurement, "golden_tolerance", lambda output: 1e9)
    assert "accuracy is 0.8" in refusal(finished_run, empty_hub)
