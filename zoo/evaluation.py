"""Published bytes -> measured metrics, on either runtime, compared with what the record claims."""

from __future__ import annotations

import math
import sys
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zoo import generation
from zoo.data import about, load_dataset
from zoo.data.dataset import Split, TextDataset
from zoo.errors import DataError, ManifestError
from zoo.lookup import get_weights
from zoo.manifest import Metric, Weights
from zoo.pipelines import prepare
from zoo.runtimes import Runner, open_runner

Floats = NDArray[np.float64]

_TIME_STEPS = 256  # of a token stream, run at once; their logits are held in memory
_ROWS = 16  # of logits, normalised at once, so that they stay in the processor's cache
_LARGEST = math.log(sys.float_info.max)  # that has an exponential
_BLOCKS = 100  # of a token stream, for the standard error of its mean loss


@dataclass(frozen=True)
class Score:
    """A metric on `n` examples or tokens; the standard error is that of sampling them."""

    n: int
    value: float
    standard_error: float | None = None


@dataclass(frozen=True)
class Measurement:
    """A score beside what was published for it."""

    name: str
    dataset: str
    split: str
    n: int
    value: float
    standard_error: float | None
    published: float
    tolerance: float

    @property
    def agrees(self) -> bool:
        """Whether the value is within the published tolerance."""
        return within(self.value - self.published, self.tolerance)

    def __str__(self) -> str:
        error = "" if self.standard_error is None else f" +- {self.standard_error:.2g}"
        verdict = "agrees with" if self.agrees else "DISAGREES with"
        return (
            f"{self.name} {self.value:.6g}{error} ({self.dataset} {self.split}, n = {self.n}) "
            f"{verdict} {self.published:.6g} within {self.tolerance:g}"
        )


@dataclass(frozen=True)
class Evaluation:
    """All of a record's metrics, measured on one runtime; the first is the headline."""

    name: str
    runtime: str
    measurements: tuple[Measurement, ...]

    @property
    def agrees(self) -> bool:
        """Whether every measurement agrees with the record."""
        return all(one.agrees for one in self.measurements)

    def __str__(self) -> str:
        head = f"{self.name} on {self.runtime}: "
        return "\n".join(f"{head}{one}" for one in self.measurements)


def within(difference: float, tolerance: float) -> bool:
    """Whether a difference is allowed; rounding does not push one of exactly the tolerance out."""
    return abs(difference) <= tolerance * (1 + 1e-9)


def evaluate(name: str | Weights, runtime: str | None = None) -> Evaluation:
    """Every metric of the record measured again, on 'onnx' (also for None) or 'mxnet'.

    Language models: hidden state carried over the whole stream, batch 1, full softmax, every
    token after the first predicted, no cache, no dynamic evaluation. Raises UnknownModelError,
    ConfigError, ManifestError for a metric that does not belong to the task, and what fetching
    the weights and the data raises.
    """
    weights = get_weights(name) if isinstance(name, str) else name
    runner = open_runner(weights, runtime)
    found: dict[tuple[str, str], dict[str, Score]] = {}
    for metric in weights.metrics:
        place = (metric.dataset, metric.split)
        if place not in found:
            found[place] = measure(runner, read_split(weights, *place))
        if metric.name not in found[place]:
            raise ManifestError(
                f"{weights.name}: metric {metric.name!r} does not belong to {weights.task}, "
                f"which has {', '.join(found[place])}."
            )
    return Evaluation(
        weights.name,
        runner.name,
        tuple(
            _beside(one, found[one.dataset, one.split][one.name], runner.name)
            for one in weights.metrics
        ),
    )


def _beside(metric: Metric, score: Score, runtime: str) -> Measurement:
    published = metric.runtimes.get(runtime, metric.value)
    return Measurement(
        metric.name,
        metric.dataset,
        metric.split,
        score.n,
        score.value,
        score.standard_error,
        published,
        metric.tolerance,
    )


def read_split(weights: Weights, dataset: str, split: str) -> Split | NDArray[np.int32]:
    """A dataset's 'train', 'validation' or 'test' examples, or its tokens.

    Raises DataError for a dataset that does not fit the record: for another task, or numbered by
    another vocabulary.
    """
    task = about(dataset).task
    if task != weights.task:
        raise DataError(
            f"{dataset} is not a dataset for {weights.task} ({weights.name}), but for {task}."
        )
    loaded = load_dataset(dataset)
    digest = loaded.vocabulary.digest if isinstance(loaded, TextDataset) else None
    if digest is not None and digest != weights.artifact("vocabulary").sha256:
        raise DataError(f"{dataset} is not numbered by the vocabulary of {weights.name}.")
    chosen: Split | NDArray[np.int32] = getattr(loaded, split)
    return chosen


def measure(runner: Runner, data: Split | NDArray[np.int32]) -> dict[str, Score]:
    """The metrics of the record's task on raw examples, or on a language model's token ids."""
    weights = runner.weights
    if not isinstance(data, Split):
        losses = token_losses(runner.step, runner.begin_state(), data)
        if weights.preprocessing["level"] == "character":
            return {"nats_per_character": mean_loss(losses)}
        return {"perplexity": perplexity(losses)}
    outputs = runner.run_rows(prepare(data.inputs, weights))
    if weights.task == "tabular-regression":
        predictions = outputs[:, 0]
        return {
            "r2": r2(predictions, data.targets),
            "mean_squared_error": mean_squared_error(predictions, data.targets),
        }
    return {"accuracy": accuracy(outputs, data.targets)}


def accuracy(logits: NDArray[Any], targets: NDArray[Any]) -> Score:
    """The share of right answers for logits (n, classes), or (n, 1) for two classes."""
    right = (logits[:, 0] > 0) if logits.shape[1] == 1 else logits.argmax(axis=1)
    value = float(np.mean(right == targets))
    return Score(len(targets), value, math.sqrt(value * (1 - value) / len(targets)))


def r2(predictions: NDArray[Any], targets: NDArray[Any]) -> Score:
    """The share of the targets' variance that the predictions explain."""
    targets = np.asarray(targets, np.float64)
    left = float(np.mean((predictions - targets) ** 2))
    return Score(len(targets), 1 - left / float(np.var(targets)))


def mean_squared_error(predictions: NDArray[Any], targets: NDArray[Any]) -> Score:
    """In the square of the target's unit."""
    squares = (predictions - np.asarray(targets, np.float64)) ** 2
    error = float(np.std(squares, ddof=1)) / math.sqrt(len(squares))
    return Score(len(squares), float(np.mean(squares)), error)


def closed_form(inputs: NDArray[Any], targets: NDArray[Any]) -> dict[str, Floats]:
    """Least squares with a bias, in double precision, as the parameters of a linear regression.

    For inputs (n, features) and targets (n,): `output.weight` (1, features), `output.bias` (1,).
    """
    design = np.column_stack([np.asarray(inputs, np.float64), np.ones(len(inputs))])
    solution = np.linalg.lstsq(design, np.asarray(targets, np.float64), rcond=None)[0]
    return {"output.weight": solution[None, :-1], "output.bias": solution[-1:]}


def mean_loss(losses: Floats) -> Score:
    """The mean of a stream's losses; its standard error from the means of consecutive blocks."""
    blocks = np.array_split(losses, min(_BLOCKS, len(losses)))
    means = np.array([block.mean() for block in blocks])
    error = float(np.std(means, ddof=1)) / math.sqrt(len(means)) if len(means) > 1 else None
    return Score(len(losses), float(np.mean(losses)), error)


def perplexity(losses: Floats) -> Score:
    """The exponential of the mean loss; its standard error by the delta method.

    Infinite where the mean is too large for its exponential.
    """
    mean = mean_loss(losses)
    value = math.inf if mean.value >= _LARGEST else math.exp(mean.value)
    error = None if mean.standard_error is None else value * mean.standard_error
    return Score(mean.n, value, error)


def token_losses(step: generation.Step, state: generation.State, tokens: NDArray[Any]) -> Floats:
    """The negative log probability of each token after the first, given all before it.

    `tokens` (n,) is one stream; the result is (n - 1,), in nats. Raises DataError for a stream of
    fewer than two tokens.
    """
    if len(tokens) < 2:
        raise DataError(f"A stream of {len(tokens)} tokens has nothing to predict; give two.")
    stream = np.asarray(tokens, np.int64)
    losses = np.empty(len(stream) - 1)
    for start in range(0, len(losses), _TIME_STEPS):
        part = slice(start, min(start + _TIME_STEPS, len(losses)))
        logits, state = step(stream[part, None], state)
        losses[part] = _losses(logits[:, 0], stream[1:][part])
    return losses


def _losses(logits: NDArray[Any], targets: NDArray[np.int64]) -> Floats:
    """Log-sum-exp minus the target's logit; powers in the logits' own precision, sums in double."""
    losses = np.empty(len(targets))
    for start in range(0, len(targets), _ROWS):
        part = slice(start, start + _ROWS)
        rows = logits[part] - logits[part].max(axis=1, keepdims=True)
        chosen = rows[np.arange(len(rows)), targets[part]].astype(np.float64)
        np.exp(rows, out=rows)
        losses[part] = np.log(rows.sum(axis=1, dtype=np.float64)) - chosen
    return losses


def golden_output(runner: Runner, raw: NDArray[Any]) -> NDArray[np.float32]:
    """What a record keeps as proof: the output for a raw input.

    For a language model's token ids (time, 1) the log probabilities (time - 1, 1) of each after
    the first.
    """
    if runner.weights.task != "language-modeling":
        return runner.run_rows(prepare(raw, runner.weights)).astype(np.float32)
    losses = token_losses(runner.step, runner.begin_state(), np.asarray(raw[:, 0], np.int64))
    return (-losses[:, None]).astype(np.float32)


def golden_difference(name: str | Weights, runtime: str | None = None) -> float:
    """The largest difference between the record's golden output and this machine's."""
    weights = get_weights(name) if isinstance(name, str) else name
    output = golden_output(open_runner(weights, runtime), weights.golden.input)
    if output.shape != weights.golden.output.shape:
        raise ManifestError(
            f"{weights.name}: the golden output has shape {weights.golden.output.shape}, "
            f"the network's is {output.shape}."
        )
    return float(np.max(np.abs(output - weights.golden.output)))
