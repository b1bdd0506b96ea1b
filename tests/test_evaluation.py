"""Metrics against definitions written out, and evaluation end to end on real data."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

from zoo import evaluation
from zoo.data import load_dataset
from zoo.data.dataset import Split
from zoo.errors import DataError, ManifestError
from zoo.evaluation import Measurement, Score, evaluate, golden_difference, golden_output, measure
from zoo.manifest import FILE_NAME, Golden, Weights, embedded_folder, list_weights
from zoo.runtimes import RUNTIMES, open_runner

pytest_plugins = ["hubs"]

Hub = Mapping[str, Weights]
PUBLISHED = list_weights("*@*") if (embedded_folder() / FILE_NAME).is_file() else []


def test_accuracy_of_many_classes_and_of_one_logit() -> None:
    logits = np.array([[0, 2, 1], [3, 2, 1], [0, 0, 1], [5, 0, 0]])
    score = evaluation.accuracy(logits, np.array([1, 0, 2, 1]))
    assert score == Score(4, 0.75, pytest.approx(math.sqrt(0.75 * 0.25 / 4)))
    assert evaluation.accuracy(np.array([[1.5], [-2], [0]]), np.array([1, 0, 1])).value == 2 / 3


def test_regression_metrics() -> None:
    from sklearn.metrics import mean_squared_error, r2_score

    rng = np.random.default_rng(0)
    targets = rng.normal(size=5000).astype(np.float32)
    predictions = (targets + rng.normal(size=5000)).astype(np.float32)
    mse = evaluation.mean_squared_error(predictions, targets)
    assert mse.value == pytest.approx(mean_squared_error(targets, predictions), rel=1e-6)
    assert mse.standard_error == pytest.approx(math.sqrt(2 / 5000), rel=0.1)
    expected = r2_score(targets, predictions)
    assert evaluation.r2(predictions, targets).value == pytest.approx(expected, abs=1e-6)


def test_the_closed_form_is_ordinary_least_squares() -> None:
    from sklearn.linear_model import LinearRegression

    rng = np.random.default_rng(0)
    inputs = rng.normal(3, 2, (500, 4)).astype(np.float32)
    targets = (inputs @ rng.normal(size=4) + rng.normal(size=500)).astype(np.float32)
    exact = evaluation.closed_form(inputs, targets)
    peer = LinearRegression().fit(inputs.astype(np.float64), targets.astype(np.float64))
    np.testing.assert_allclose(exact["output.weight"], peer.coef_[None], rtol=1e-9)
    np.testing.assert_allclose(exact["output.bias"], [peer.intercept_], rtol=1e-9)


def test_a_difference_of_exactly_the_tolerance_agrees() -> None:
    def agrees(right: int, published: int) -> bool:
        shares = (right / 10000, None, published / 10000, 3 / 10000)
        return Measurement("accuracy", "mnist", "test", 10000, *shares).agrees

    assert all(agrees(right, right + 3) and agrees(right + 3, right) for right in range(9998))
    assert not any(agrees(right, right + 4) for right in range(9997))


def test_the_standard_error_of_a_stream_covers_what_repetition_shows() -> None:
    rng = np.random.default_rng(0)
    streams = [np.repeat(rng.exponential(size=5000), 4) for _ in range(200)]  # correlated
    scores = [evaluation.mean_loss(stream) for stream in streams]
    spread = float(np.std([score.value for score in scores]))
    assert np.mean([score.standard_error or 0 for score in scores]) == pytest.approx(
        spread, rel=0.2
    )
    perplexities = [evaluation.perplexity(stream) for stream in streams]
    spread = float(np.std([score.value for score in perplexities]))
    errors = [score.standard_error or 0 for score in perplexities]
    assert np.mean(errors) == pytest.approx(spread, rel=0.2)
    assert perplexities[0].value == pytest.approx(math.exp(scores[0].value))


def test_one_loss_has_no_standard_error() -> None:
    assert evaluation.mean_loss(np.array([2.0])) == Score(1, 2.0, None)
    assert evaluation.perplexity(np.array([0.0])) == Score(1, 1.0, None)


def test_a_loss_beyond_all_exponentials_is_an_infinite_perplexity() -> None:
    assert evaluation.perplexity(np.full(300, 1000.0)).value == np.inf


def test_a_uniform_model_has_the_vocabularys_perplexity() -> None:
    def step(ids: Any, state: Any) -> tuple[Any, Any]:
        return np.full((*ids.shape, 50), 7, np.float32), state

    losses = evaluation.token_losses(step, (), np.arange(1000) % 50)
    assert losses.shape == (999,)
    assert evaluation.perplexity(losses).value == pytest.approx(50, rel=1e-6)


@pytest.mark.parametrize("length", [2, 16, 17, 256, 257, 258, 700])
def test_the_state_is_carried_from_part_to_part(length: int, hub: Hub) -> None:
    runner = open_runner(hub["lstm_lm.tiny-words"])
    tokens = np.random.default_rng(length).integers(0, 14, length).astype(np.int32)
    losses = evaluation.token_losses(runner.step, runner.begin_state(), tokens)
    whole = runner.step(tokens[:-1, None].astype(np.int64), runner.begin_state())[0][:, 0]
    logits = whole.astype(np.float64)
    expected = np.log(np.exp(logits).sum(axis=1)) - logits[np.arange(length - 1), tokens[1:]]
    np.testing.assert_allclose(losses, expected, atol=1e-6)


@pytest.mark.parametrize("tokens", [[], [3]])
def test_a_stream_needs_something_to_predict(tokens: list[int], hub: Hub) -> None:
    runner = open_runner(hub["lstm_lm.tiny-words"])
    with pytest.raises(DataError, match="nothing to predict"):
        measure(runner, np.array(tokens, np.int32))


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_each_task_has_its_metrics(runtime: str, hub: Hub) -> None:
    rng = np.random.default_rng(0)
    tokens = rng.integers(0, 14, 300).astype(np.int32)
    pictures = Split(rng.integers(0, 256, (300, 28, 28)).astype(np.uint8), np.arange(300) % 10)
    people = Split(rng.integers(0, 2, (300, 123)).astype(np.float32), np.arange(300) % 2)
    houses = Split(
        rng.normal(5, 2, (300, 3)).astype(np.float32), rng.normal(size=300).astype(np.float32)
    )
    expected = {
        "lenet.tiny": (pictures, ["accuracy"]),
        "logistic_regression.tiny": (people, ["accuracy"]),
        "linear_regression.tiny": (houses, ["r2", "mean_squared_error"]),
        "lstm_lm.tiny-words": (tokens, ["perplexity"]),
        "lstm_lm.tiny-characters": (tokens, ["nats_per_character"]),
    }
    for name, (data, metrics) in expected.items():
        scores = measure(open_runner(hub[name], runtime), data)
        assert list(scores) == metrics
        assert all(math.isfinite(score.value) for score in scores.values())
        assert scores[metrics[0]].n == (299 if name.startswith("lstm") else 300)


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_golden_difference(runtime: str, hub: Hub) -> None:
    for weights in hub.values():
        assert golden_difference(weights, runtime) < weights.golden.tolerance
        moved = Golden(weights.golden.input, weights.golden.output + 0.5, 1e-4)
        other = dataclasses.replace(weights, golden=moved)
        assert golden_difference(other, runtime) == pytest.approx(0.5, abs=1e-3)


def test_a_golden_output_of_another_shape_is_refused(hub: Hub) -> None:
    weights = hub["mlp.tiny"]
    cut = Golden(weights.golden.input, weights.golden.output[:1], 1e-4)
    with pytest.raises(ManifestError, match=r"shape \(1, 10\)"):
        golden_difference(dataclasses.replace(weights, golden=cut))


def _claiming(weights: Weights, value: float, **changes: Any) -> Weights:
    metric = dataclasses.replace(
        weights.metrics[0], value=value, runtimes={"mxnet": value}, **changes
    )
    return dataclasses.replace(weights, metrics=(metric,))


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_evaluation_agrees_with_a_true_claim_and_with_no_other(
    runtime: str, hub: Hub, data_mirror: str
) -> None:
    test = load_dataset("mnist").test
    outputs = golden_output(open_runner(hub["mlp.tiny"], "mxnet"), test.inputs)
    share = float(np.mean(outputs.argmax(axis=1) == test.targets))
    result = evaluate(_claiming(hub["mlp.tiny"], share), runtime)
    (measured,) = result.measurements
    assert (result.name, result.runtime) == ("mlp.tiny", runtime)
    assert (measured.name, measured.dataset, measured.split) == ("accuracy", "mnist", "test")
    assert (measured.n, measured.value) == (10000, pytest.approx(share, abs=1e-4))
    assert result.agrees
    assert "agrees with" in str(result)
    result = evaluate(_claiming(hub["mlp.tiny"], share + 2.1e-4), runtime)
    assert not result.agrees
    assert "DISAGREES" in str(result)


def test_the_published_value_is_the_runtimes_own(hub: Hub, data_mirror: str) -> None:
    weights = hub["logistic_regression.tiny"]
    metric = dataclasses.replace(
        weights.metrics[0], value=0.25, runtimes={"mxnet": 0.25, "onnx": 0.75}
    )
    weights = dataclasses.replace(weights, metrics=(metric,))
    published = [evaluate(weights, name).measurements[0].published for name in ("mxnet", "onnx")]
    assert published == [0.25, 0.75]


def test_data_that_do_not_belong_to_the_record_are_refused(hub: Hub, data_mirror: str) -> None:
    with pytest.raises(DataError, match="not numbered by the vocabulary"):
        evaluate(hub["lstm_lm.tiny-characters"])
    with pytest.raises(DataError, match="not a dataset for image-classification"):
        evaluate(_claiming(hub["mlp.tiny"], 0.5, dataset="shakespeare"))
    with pytest.raises(DataError, match=r"adult is not .* image-classification .* tabular-class"):
        evaluate(_claiming(hub["mlp.tiny"], 0.5, dataset="adult"))
    with pytest.raises(ManifestError, match="'r2' does not belong to image-classification"):
        evaluate(_claiming(hub["mlp.tiny"], 0.5, name="r2"))


@pytest.mark.parametrize("runtime", RUNTIMES)
@pytest.mark.parametrize("name", PUBLISHED)
def test_published_weights_give_their_golden_output(name: str, runtime: str) -> None:
    from zoo.manifest import get_weights

    if runtime == "mxnet":
        pytest.importorskip("zoo._mxnet", reason="needs MXNet", exc_type=ImportError)
    assert golden_difference(name, runtime) < get_weights(name).golden.tolerance
