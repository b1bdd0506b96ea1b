"""From run folders to a hub: what is published, and what it says."""

from __future__ import annotations

import json
import logging
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from run_folders import (
    ADULT,
    change_run,
    content_of,
    housing_run,
    mnist_run,
    refusal,
    shakespeare_run,
)

from zoo import params, tables
from zoo import publish as room
from zoo.data import load_dataset
from zoo.errors import PublishError
from zoo.evaluation import evaluate, golden_difference
from zoo.manifest import FILE_NAME, read_manifest
from zoo.pipelines import pipeline
from zoo.publish import publish
from zoo.publishing.run import read_run
from zoo.runtimes import RUNTIMES

pytest_plugins = ["publications"]
pytest.importorskip("zoo._mxnet", reason="publishing needs MXNet", exc_type=ImportError)


def test_a_published_run_is_evaluated_from_its_hub(finished_run: Path, empty_hub: Path) -> None:
    weights = publish(finished_run, hub=empty_hub)
    assert read_manifest(empty_hub / FILE_NAME)[ADULT].to_json() == weights.to_json()
    for runtime in RUNTIMES:
        result = evaluate(weights, runtime)
        assert result.agrees
        assert result.measurements[0].value == weights.metrics[0].runtimes[runtime]
        assert golden_difference(weights, runtime) <= weights.golden.tolerance
    assert pipeline(weights)([3, 11, 20]).label == "<=50K"
    assert sorted(content_of(empty_hub)) == [
        "README.md",
        f"docs/training_logs/{ADULT}.jsonl",
        f"docs/training_logs/{ADULT}.png",
        f"{ADULT}.graph.onnx",
        f"{ADULT}.safetensors",
        FILE_NAME,
    ]


def test_what_the_record_says(finished_run: Path, empty_hub: Path) -> None:
    weights = publish(finished_run, hub=empty_hub)
    assert (weights.parameters, weights.multiply_adds) == (124, 123)
    assert (weights.inputs[0].shape, weights.outputs[0].shape) == (("batch", 123), ("batch", 1))
    assert weights.outputs[0].name == "output"
    assert weights.labels == ("<=50K", ">50K")
    assert weights.licence["data"] == load_dataset("adult").about.licence
    assert weights.description.startswith("Logistic regression (Cox, 1958): one Dense layer")
    (metric,) = weights.metrics
    assert (metric.name, metric.dataset, metric.split, metric.n) == (
        "accuracy",
        "adult",
        "test",
        16281,
    )
    assert metric.value == metric.runtimes["mxnet"] > 0.83
    assert metric.tolerance == 3 / 16281
    provenance = weights.provenance
    assert provenance["command"] == f"python scripts/train.py {ADULT} --seed 3"
    assert provenance["log"] == f"docs/training_logs/{ADULT}.jsonl"
    assert provenance["data"] == dict(load_dataset("adult").digests)
    assert (provenance["seed"], provenance["epochs"], provenance["notes"]) == (3, 2, None)


def test_float32_weights_keep_the_runs_bytes(finished_run: Path, empty_hub: Path) -> None:
    weights = publish(finished_run, hub=empty_hub)
    assert (
        weights.artifact("safetensors").sha256
        == json.loads((finished_run / "run.json").read_text())["sha256"]
    )


def test_the_graph_holds_no_weights_and_says_whose_it_is(
    finished_run: Path, empty_hub: Path
) -> None:
    weights = publish(finished_run, hub=empty_hub)
    model = onnx.load(empty_hub / weights.artifact("onnx-graph").file)
    assert [one.version for one in model.opset_import] == [21]
    assert [one.name for one in model.graph.input] == ["data", "output.weight", "output.bias"]
    assert {one.key: one.value for one in model.metadata_props} == {
        "name": ADULT,
        "weights_sha256": weights.artifact("safetensors").sha256,
        "labels": '["<=50K", ">50K"]',
    }


def test_pictures(tmp_path: Path, empty_hub: Path, data_mirror: str) -> None:
    weights = publish(mnist_run(tmp_path / "run"), hub=empty_hub)
    assert weights.inputs[0].shape == ("batch", 1, 28, 28)
    assert weights.labels == tuple("0123456789")
    assert weights.golden.input.dtype == np.uint8
    assert weights.multiply_adds == 784 * 16 + 16 * 8 + 8 * 10
    assert evaluate(weights, "onnx").agrees


def test_a_regression_is_compared_with_the_closed_form(
    tmp_path: Path, empty_hub: Path, data_mirror: str
) -> None:
    weights = publish(housing_run(tmp_path / "run"), hub=empty_hub)
    assert [one.name for one in weights.metrics] == ["r2", "mean_squared_error"]
    assert weights.labels == ("100,000 dollars",)
    assert "closed-form least-squares solution" in weights.provenance["notes"]
    shutil.rmtree(empty_hub)
    message = refusal(housing_run(tmp_path / "moved", shift=0.01), empty_hub)
    assert "differ from the closed-form solution by 0.01, the recipe allows 0.001" in message


@pytest.mark.parametrize("cell", ["lstm", "gru"])
def test_a_language_model(tmp_path: Path, empty_hub: Path, data_mirror: str, cell: str) -> None:
    weights = publish(shakespeare_run(tmp_path / "run", cell), hub=empty_hub)
    states = ["h", "c"] if cell == "lstm" else ["h"]
    assert [one.name for one in weights.inputs] == ["data", *states]
    assert weights.inputs[1].shape == (2, "batch", 8)
    assert [one.name for one in weights.outputs] == ["output", *(f"{one}_out" for one in states)]
    assert weights.outputs[0].shape == ("time", "batch", 65)
    gates = {"lstm": 4, "gru": 3}[cell]
    assert weights.multiply_adds == 2 * gates * 8 * (8 + 8) + 8 * 65
    assert weights.artifact("safetensors").dtype == "float16"
    assert weights.golden.input.shape == (24, 1)
    assert weights.golden.output.shape == (23, 1)
    assert weights.provenance["notes"].startswith("Stored as float16")
    vocabulary = load_dataset("shakespeare").vocabulary
    assert weights.artifact("vocabulary").sha256 == vocabulary.digest
    for runtime in RUNTIMES:
        assert golden_difference(weights, runtime) <= weights.golden.tolerance
    assert len(pipeline(weights)("To be", length=3).tokens) == 3


def test_the_tables_are_brought_up_to_date(finished_run: Path, empty_hub: Path) -> None:
    publish(finished_run, hub=empty_hub)
    text = (empty_hub / "README.md").read_text()
    assert text.startswith(f"# A hub\n\n{tables.BEGIN}\n\n| name |")
    assert f"| `{ADULT}` | tabular classification | adult | accuracy 8" in text
    assert text.endswith(f"\n\n{tables.END}\n\nThe end.\n")


def test_the_packages_own_hub_is_that_of_a_checkout(
    finished_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    checkout = tmp_path / "checkout"
    embedded = checkout / "zoo" / "weights"
    embedded.mkdir(parents=True)
    monkeypatch.setattr(room, "embedded_folder", lambda: embedded)
    with pytest.raises(PublishError, match="belongs to an installed package"):
        publish(finished_run)
    assert list(embedded.iterdir()) == []
    (checkout / "pyproject.toml").write_text("")
    (checkout / "README.md").write_text(f"{tables.BEGIN}\n{tables.END}\n")
    publish(finished_run)
    assert list(read_manifest(embedded / FILE_NAME)) == [ADULT]
    assert (checkout / "docs" / "training_logs" / f"{ADULT}.jsonl").is_file()
    assert tables.stale(checkout) == [
        f"docs/models.md has no lines {tables.BEGIN} and {tables.END}: add them."
    ]


def test_records_are_appended_in_order_of_publication(
    finished_run: Path, empty_hub: Path, tmp_path: Path
) -> None:
    publish(finished_run, hub=empty_hub)
    publish(mnist_run(tmp_path / "mnist"), hub=empty_hub)
    change_run(finished_run, name="logistic_regression.again")
    publish(finished_run, hub=empty_hub)
    names = list(read_manifest(empty_hub / FILE_NAME))
    assert names == [ADULT, "mlp.mnist", "logistic_regression.again"]


def test_publishing_again_changes_nothing_and_says_so(
    finished_run: Path, empty_hub: Path, caplog: pytest.LogCaptureFixture
) -> None:
    first = publish(finished_run, hub=empty_hub)
    before = content_of(empty_hub)
    with caplog.at_level(logging.WARNING, logger="zoo"):
        again = publish(finished_run, hub=empty_hub)
    assert again.to_json() == first.to_json()
    assert content_of(empty_hub) == before
    assert f"{ADULT} is already published: nothing changes." in caplog.text


def _other_bytes(run: Path) -> None:
    arrays = params.read(run / "final.safetensors")
    arrays["output.bias"] = arrays["output.bias"] + np.float32(1e-4)
    change_run(run, sha256=params.write(run / "final.safetensors", arrays))


def _other_seed(run: Path) -> None:
    change_run(run, seed=4)


@pytest.mark.parametrize("change", [_other_bytes, _other_seed])
def test_a_published_record_never_changes(
    finished_run: Path, empty_hub: Path, change: Callable[[Path], None]
) -> None:
    publish(finished_run, hub=empty_hub)
    change(finished_run)
    assert f"{ADULT} is already published from another run" in refusal(finished_run, empty_hub)


def test_fields_that_recipes_got_later_are_no_change(
    finished_run: Path, empty_hub: Path, caplog: pytest.LogCaptureFixture
) -> None:
    first = publish(finished_run, hub=empty_hub)
    recipe = first.provenance["recipe"]
    change_run(finished_run, recipe={**recipe, "teachers": [], "decay": 0})
    assert publish(finished_run, hub=empty_hub).to_json() == first.to_json()
    assert "nothing changes" in caplog.text


def test_fields_that_parts_of_recipes_and_settings_got_later_are_no_change(
    finished_run: Path, empty_hub: Path
) -> None:
    """A run of `zoo reproduce` has today's fields, empty, and today's settings, unset."""
    settings = {"OMP_NUM_THREADS": "2"}
    recipe = read_run(finished_run).recipe | {"distortion": {"rotation": 10}}
    facts = read_run(finished_run).facts["environment"]
    change_run(finished_run, recipe=recipe, environment={**facts, "settings": settings})
    first = publish(finished_run, hub=empty_hub)
    later = recipe | {"distortion": {"rotation": 10, "whole_pixels": False}}
    again = {**facts, "settings": {**settings, "NPY_DISABLE_CPU_FEATURES": ""}}
    change_run(finished_run, recipe=later, environment=again)
    assert publish(finished_run, hub=empty_hub).to_json() == first.to_json()
    _other_bytes(finished_run)
    assert f"{ADULT} is already published from another run" in refusal(finished_run, empty_hub)


@pytest.mark.parametrize("damage", [Path.unlink, lambda path: path.write_bytes(b"other")])
def test_a_damaged_file_of_a_published_record_is_named(
    finished_run: Path, empty_hub: Path, damage: Callable[[Path], Any]
) -> None:
    weights = publish(finished_run, hub=empty_hub)
    damage(empty_hub / weights.artifact("onnx-graph").file)
    assert f"{ADULT}.graph.onnx is missing or damaged: restore it" in refusal(
        finished_run, empty_hub
    )
