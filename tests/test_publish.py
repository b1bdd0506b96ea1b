"""From run folders to a hub: what is published, what is refused, and what a kill leaves."""

from __future__ import annotations

import json
import logging
import os
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from run_folders import adult_run, change_run, housing_run, mnist_run, shakespeare_run

from zoo import params, tables
from zoo import publish as room
from zoo.data import load_dataset
from zoo.errors import PublishError
from zoo.evaluation import evaluate, golden_difference
from zoo.manifest import FILE_NAME, read_manifest
from zoo.pipelines import pipeline
from zoo.publish import publish
from zoo.publishing import candidate, measurement
from zoo.runtimes import RUNTIMES

pytest.importorskip("zoo._mxnet", reason="publishing needs MXNet", exc_type=ImportError)

ADULT = "logistic_regression.adult"


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("runs") / "adult"


@pytest.fixture
def run(trained: Path, tmp_path: Path, data_mirror: str) -> Path:
    """A finished run of this test's own; trained once."""
    if not trained.exists():
        adult_run(trained)
    return Path(shutil.copytree(trained, tmp_path / "run"))


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty hub with a README, from which files are fetched."""
    folder = tmp_path / "hub"
    folder.mkdir()
    (folder / "README.md").write_text(f"# A hub\n\n{tables.BEGIN}\n{tables.END}\n\nThe end.\n")
    monkeypatch.setenv("ZOO_MIRROR", str(folder))
    return folder


def _content(folder: Path) -> dict[str, bytes]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def _refusal(run: Path, hub: Path) -> str:
    """The one line with which the run is refused; the hub must stay as it is."""
    before = _content(hub)
    with pytest.raises(PublishError) as caught:
        publish(run, hub=hub)
    assert _content(hub) == before
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_a_published_run_is_evaluated_from_its_hub(run: Path, hub: Path) -> None:
    weights = publish(run, hub=hub)
    assert read_manifest(hub / FILE_NAME)[ADULT].to_json() == weights.to_json()
    for runtime in RUNTIMES:
        result = evaluate(weights, runtime)
        assert result.agrees
        assert result.measurements[0].value == weights.metrics[0].runtimes[runtime]
        assert golden_difference(weights, runtime) <= weights.golden.tolerance
    assert pipeline(weights)([3, 11, 20]).label == "<=50K"
    assert sorted(_content(hub)) == [
        "README.md",
        f"docs/training_logs/{ADULT}.jsonl",
        f"docs/training_logs/{ADULT}.png",
        f"{ADULT}.graph.onnx",
        f"{ADULT}.safetensors",
        FILE_NAME,
    ]


def test_what_the_record_says(run: Path, hub: Path) -> None:
    weights = publish(run, hub=hub)
    assert (weights.parameters, weights.multiply_adds) == (124, 123)
    assert (weights.inputs[0].shape, weights.outputs[0].shape) == (("batch", 123), ("batch", 1))
    assert weights.outputs[0].name == "output"
    assert weights.labels == ("<=50K", ">50K")
    assert weights.licence["data"] == load_dataset("adult").about.licence
    assert weights.description.startswith("Linear and logistic regression: one Dense layer")
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


def test_float32_weights_keep_the_runs_bytes(run: Path, hub: Path) -> None:
    weights = publish(run, hub=hub)
    assert (
        weights.artifact("safetensors").sha256
        == json.loads((run / "run.json").read_text())["sha256"]
    )


def test_the_graph_holds_no_weights_and_says_whose_it_is(run: Path, hub: Path) -> None:
    weights = publish(run, hub=hub)
    model = onnx.load(hub / weights.artifact("onnx-graph").file)
    assert [one.version for one in model.opset_import] == [21]
    assert [one.name for one in model.graph.input] == ["data", "output.weight", "output.bias"]
    assert {one.key: one.value for one in model.metadata_props} == {
        "name": ADULT,
        "weights_sha256": weights.artifact("safetensors").sha256,
        "labels": '["<=50K", ">50K"]',
    }


def test_pictures(tmp_path: Path, hub: Path, data_mirror: str) -> None:
    weights = publish(mnist_run(tmp_path / "run"), hub=hub)
    assert weights.inputs[0].shape == ("batch", 1, 28, 28)
    assert weights.labels == tuple("0123456789")
    assert weights.golden.input.dtype == np.uint8
    assert weights.multiply_adds == 784 * 16 + 16 * 8 + 8 * 10
    assert evaluate(weights, "onnx").agrees


def test_a_regression_is_compared_with_the_closed_form(
    tmp_path: Path, hub: Path, data_mirror: str
) -> None:
    weights = publish(housing_run(tmp_path / "run"), hub=hub)
    assert [one.name for one in weights.metrics] == ["r2", "mean_squared_error"]
    assert weights.labels == ("100,000 dollars",)
    assert "closed-form least-squares solution" in weights.provenance["notes"]
    shutil.rmtree(hub)
    message = _refusal(housing_run(tmp_path / "moved", shift=0.01), hub)
    assert "differ from the closed-form solution by 0.01, the recipe allows 0.001" in message


@pytest.mark.parametrize("cell", ["lstm", "gru"])
def test_a_language_model(tmp_path: Path, hub: Path, data_mirror: str, cell: str) -> None:
    weights = publish(shakespeare_run(tmp_path / "run", cell), hub=hub)
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


def test_the_tables_are_brought_up_to_date(run: Path, hub: Path) -> None:
    publish(run, hub=hub)
    text = (hub / "README.md").read_text()
    assert text.startswith(f"# A hub\n\n{tables.BEGIN}\n\n| name |")
    assert f"| `{ADULT}` | tabular classification | adult | accuracy 8" in text
    assert text.endswith(f"\n\n{tables.END}\n\nThe end.\n")


def test_the_packages_own_hub_is_that_of_a_checkout(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    checkout = tmp_path / "checkout"
    embedded = checkout / "zoo" / "weights"
    embedded.mkdir(parents=True)
    monkeypatch.setattr(room, "embedded_folder", lambda: embedded)
    with pytest.raises(PublishError, match="belongs to an installed package"):
        publish(run)
    assert list(embedded.iterdir()) == []
    (checkout / "pyproject.toml").write_text("")
    (checkout / "README.md").write_text(f"{tables.BEGIN}\n{tables.END}\n")
    publish(run)
    assert list(read_manifest(embedded / FILE_NAME)) == [ADULT]
    assert (checkout / "docs" / "training_logs" / f"{ADULT}.jsonl").is_file()
    assert tables.stale(checkout) == [
        f"docs/models.md has no lines {tables.BEGIN} and {tables.END}: add them."
    ]


def test_records_are_appended_in_order_of_publication(run: Path, hub: Path, tmp_path: Path) -> None:
    publish(run, hub=hub)
    publish(mnist_run(tmp_path / "mnist"), hub=hub)
    change_run(run, name="logistic_regression.again")
    publish(run, hub=hub)
    names = list(read_manifest(hub / FILE_NAME))
    assert names == [ADULT, "mlp.mnist", "logistic_regression.again"]


def test_publishing_again_changes_nothing_and_says_so(
    run: Path, hub: Path, caplog: pytest.LogCaptureFixture
) -> None:
    first = publish(run, hub=hub)
    before = _content(hub)
    with caplog.at_level(logging.WARNING, logger="zoo"):
        again = publish(run, hub=hub)
    assert again.to_json() == first.to_json()
    assert _content(hub) == before
    assert f"{ADULT} is already published: nothing changes." in caplog.text


def _other_bytes(run: Path) -> None:
    arrays = params.read(run / "final.safetensors")
    arrays["output.bias"] = arrays["output.bias"] + np.float32(1e-4)
    change_run(run, sha256=params.write(run / "final.safetensors", arrays))


def _other_seed(run: Path) -> None:
    change_run(run, seed=4)


@pytest.mark.parametrize("change", [_other_bytes, _other_seed])
def test_a_published_record_never_changes(
    run: Path, hub: Path, change: Callable[[Path], None]
) -> None:
    publish(run, hub=hub)
    change(run)
    assert f"{ADULT} is already published from another run" in _refusal(run, hub)


@pytest.mark.parametrize("damage", [Path.unlink, lambda path: path.write_bytes(b"other")])
def test_a_damaged_file_of_a_published_record_is_named(
    run: Path, hub: Path, damage: Callable[[Path], Any]
) -> None:
    weights = publish(run, hub=hub)
    damage(hub / weights.artifact("onnx-graph").file)
    assert f"{ADULT}.graph.onnx is missing or damaged: restore it" in _refusal(run, hub)


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
        (_not_json, "not plain JSON"),
    ],
)
def test_refusals(run: Path, hub: Path, change: Callable[[Path], None], message: str) -> None:
    change(run)
    assert message in _refusal(run, hub)


def test_a_foreign_vocabulary_is_refused(tmp_path: Path, hub: Path, data_mirror: str) -> None:
    run = shakespeare_run(tmp_path / "run")
    (run / "vocabulary.txt").write_bytes(b"a\nb\n")
    assert "vocabulary.txt is missing or not that of shakespeare" in _refusal(run, hub)
    (run / "vocabulary.txt").unlink()
    assert "vocabulary.txt is missing or not that of shakespeare" in _refusal(run, hub)


def test_a_language_models_metric_is_better_when_lower(
    tmp_path: Path, hub: Path, data_mirror: str
) -> None:
    message = _refusal(shakespeare_run(tmp_path / "run", target=3.0), hub)
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
    run: Path, hub: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "the outputs of mxnet and onnx differ by" in _refusal(run, hub)
    monkeypatch.setattr(measurement, "golden_tolerance", lambda output: 1e9)
    assert "accuracy is 0.8" in _refusal(run, hub)


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
    run: Path, hub: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(mnist_run(tmp_path / "mnist"), hub=hub)
    old = _content(hub)
    monkeypatch.setattr(room, "make_candidate", _once(room.make_candidate))
    monkeypatch.setattr(room, "measured", _once(room.measured))
    whole = tmp_path / "whole" / "hub"
    shutil.copytree(hub, whole)
    with monkeypatch.context() as patch:
        total = _kill_at(0, patch)
        publish(run, hub=whole)
    writes = total()
    assert writes == 6
    for number in range(1, writes + 1):
        killed = tmp_path / str(number) / "hub"
        shutil.copytree(hub, killed)
        with monkeypatch.context() as patch:
            _kill_at(number, patch)
            with pytest.raises(Killed):
                publish(run, hub=killed)
        names = list(read_manifest(killed / FILE_NAME))
        assert names == (["mlp.mnist"] if number < writes else ["mlp.mnist", ADULT])
        left = _content(killed)
        assert all(left[name] == old[name] for name in old if name != FILE_NAME)
        assert not any(name.endswith(".part") for name in left)
        publish(run, hub=killed)
        assert _content(killed) == _content(whole)


def test_partial_files_of_a_killed_publication_are_swept(run: Path, hub: Path) -> None:
    logs = hub / "docs" / "training_logs"
    logs.mkdir(parents=True)
    left = [
        hub / ".lenet.mnist.safetensors.123.0a0b0c0d.part",
        hub / ".README.md.123.0a0b0c0d.part",
        logs / ".lenet.mnist.jsonl.123.0a0b0c0d.part",
    ]
    for path in left:
        path.write_bytes(b"cut")
    publish(run, hub=hub)
    assert not any(path.exists() for path in left)


def test_a_file_that_belongs_to_another_record_is_not_overwritten(run: Path, hub: Path) -> None:
    publish(run, hub=hub)
    path = hub / FILE_NAME
    path.write_text(
        path.read_text()
        .replace('"tag": "adult"', '"tag": "first"')
        .replace(f'"{ADULT}": {{', '"logistic_regression.first": {')
    )
    assert "belongs to logistic_regression.first" in _refusal(run, hub)


def test_a_damaged_manifest_is_refused(run: Path, hub: Path) -> None:
    (hub / FILE_NAME).write_text("{")
    assert "not a manifest in strict JSON" in _refusal(run, hub)


def test_two_publications_do_not_write_at_once(
    run: Path, hub: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(room, "_PATIENCE", 0.05)
    with room._alone(hub):
        assert "Another publication is writing" in _refusal(run, hub)


@pytest.mark.skipif(os.geteuid() == 0, reason="root writes into any folder")
def test_a_hub_that_cannot_be_written(run: Path, hub: Path) -> None:
    hub.chmod(0o555)
    try:
        assert "cannot be written: Permission denied" in _refusal(run, hub)
    finally:
        hub.chmod(0o755)


def test_a_hub_that_is_a_file(run: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(PublishError, match="cannot be written"):
        publish(run, hub=tmp_path / "file")
