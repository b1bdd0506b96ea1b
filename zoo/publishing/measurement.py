"""A candidate measured from its bytes on both runtimes, and judged.

Tolerances let the last bits of another processor pass and nothing that changes a prediction:
three examples of the split for an accuracy, 0.05 for a perplexity, 0.001 nats, 0.0001 for the
metrics of a regression.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping

import numpy as np

from zoo import transforms
from zoo.data import Dataset
from zoo.errors import PublishError
from zoo.evaluation import Score, closed_form, golden_output, measure, within
from zoo.manifest import Golden, Metric, Weights
from zoo.publishing.candidate import Candidate
from zoo.publishing.golden import golden_tolerance
from zoo.publishing.run import FinishedRun
from zoo.runtimes import MxnetRunner, OnnxRunner, Runner

SPLIT = "test"
HIGHER_IS_BETTER = {
    "accuracy": True,
    "r2": True,
    "mean_squared_error": False,
    "perplexity": False,
    "nats_per_character": False,
}
TOLERANCES = {
    "perplexity": 0.05,
    "nats_per_character": 1e-3,
    "r2": 1e-4,
    "mean_squared_error": 1e-4,
}
_EXAMPLES = 3  # of a split, that may be classified otherwise


def measured(run: FinishedRun, candidate: Candidate) -> Weights:
    """The candidate's record with its metrics, its golden output and what there is to note.

    Raises PublishError where the runtimes disagree and for a missed target.
    """
    draft = candidate.weights
    runners: tuple[Runner, ...] = (
        MxnetRunner(draft, candidate.arrays),
        OnnxRunner(draft, candidate.files["onnx-graph"], candidate.arrays),
    )
    golden = _golden(runners)
    test = getattr(candidate.dataset, SPLIT)
    metrics = _metrics(candidate, {one.name: measure(one, test) for one in runners})
    _check_target(run, metrics[0])
    notes = " ".join(_notes(run, candidate)) or None
    return dataclasses.replace(
        draft,
        metrics=metrics,
        golden=golden,
        provenance={**draft.provenance, "notes": notes},
    )


def _golden(runners: Iterable[Runner]) -> Golden:
    one, other = runners
    raw = one.weights.golden.input
    output = golden_output(one, raw)
    tolerance = golden_tolerance(output)
    difference = float(np.abs(output - golden_output(other, raw)).max())
    if not difference <= tolerance:
        raise PublishError(
            f"{one.weights.name}: the outputs of {one.name} and {other.name} differ by "
            f"{difference:.3g} on the golden input, {tolerance:.3g} is allowed: "
            "the graph is not the network."
        )
    return Golden(raw, output, tolerance)


def _metrics(candidate: Candidate, scores: Mapping[str, Mapping[str, Score]]) -> tuple[Metric, ...]:
    return tuple(
        _metric(candidate, name, {runtime: found[name] for runtime, found in scores.items()})
        for name in scores["mxnet"]
    )


def _metric(candidate: Candidate, name: str, scores: Mapping[str, Score]) -> Metric:
    score = scores["mxnet"]
    tolerance = TOLERANCES.get(name, _EXAMPLES / score.n)
    values = {runtime: one.value for runtime, one in scores.items()}
    if not within(max(values.values()) - min(values.values()), tolerance):
        listed = ", ".join(f"{value:.6g} on {runtime}" for runtime, value in values.items())
        raise PublishError(
            f"{candidate.weights.name}: {name} is {listed}, more than {tolerance:.2g} apart: "
            "the graph is not the network."
        )
    return Metric(
        name,
        candidate.dataset.name,
        SPLIT,
        score.n,
        score.value,
        score.standard_error,
        tolerance,
        values,
    )


def _check_target(run: FinishedRun, metric: Metric) -> None:
    target = run.recipe["target"]
    sign = 1 if HIGHER_IS_BETTER[metric.name] else -1
    if not sign * metric.value >= sign * target:
        raise PublishError(
            f"{run.name} misses its target: test {metric.name} {metric.value:.5g} measured from "
            f"its bytes, the recipe asks for {target:.5g}. Train again with a better recipe."
        )


def _notes(run: FinishedRun, candidate: Candidate) -> Iterable[str]:
    if run.stored_dtype != "float32":
        yield f"Stored as {run.stored_dtype}, widened to float32, and measured like that."
    agreement = run.recipe.get("agreement")
    if agreement is None or not isinstance(candidate.dataset, Dataset):
        return
    difference = closed_form_difference(candidate, candidate.dataset)
    if not difference <= agreement:
        raise PublishError(
            f"{run.name}: its weights differ from the closed-form solution by {difference:.3g}, "
            f"the recipe allows {agreement:.3g}. Train for more steps."
        )
    yield (
        f"The weights differ by at most {difference:.2g} from the closed-form least-squares "
        "solution on the same standardised training split."
    )


def closed_form_difference(candidate: Candidate, dataset: Dataset) -> float:
    """The largest difference of a linear regression's weights from the least-squares solution."""
    inputs = transforms.standardize(dataset.train.inputs, candidate.weights.preprocessing)
    exact = closed_form(inputs, dataset.train.targets)
    return max(float(np.abs(candidate.arrays[name] - one).max()) for name, one in exact.items())
