"""What a record says more than once has to agree: task, preprocessing, metrics, seeds and so on."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

from zoo.errors import shown
from zoo.records import Weights
from zoo.spread import Spread

KINDS = {
    "image-classification": "image",
    "tabular-classification": "features",
    "tabular-regression": "features",
    "language-modeling": "tokens",
}
METRICS = {
    "image-classification": ("accuracy",),
    "tabular-classification": ("accuracy",),
    "tabular-regression": ("r2", "mean_squared_error"),
    "language-modeling": ("perplexity", "nats_per_character"),
}
MOST_NUMBERS = 1 << 28  # in all inputs or all outputs, with one for each free axis
_SAME = 1e-6  # relative: one network measured twice


def contradictions(weights: Weights) -> Iterator[str]:
    """Each as `field: what is wrong with it`, of a record that fits the schema."""
    own, kind = weights.preprocessing, KINDS[weights.task]
    if own["kind"] != kind:
        yield f"preprocessing.kind: {weights.task} takes {kind!r}, not {own['kind']!r}"
    elif kind == "image":
        yield from _of_pictures(own)
    elif kind == "features":
        yield from _of_features(own)
    for metric in weights.metrics:
        if metric.name not in METRICS[weights.task]:
            yield f"metrics: {metric.name} is not measured of {weights.task}"
    yield from _of_outputs(weights)
    yield from _of_sizes(weights)
    if own["kind"] == kind:
        yield from _of_golden(weights)
    if weights.seeds is not None:
        yield from _of_seeds(weights, weights.seeds)


def _of_pictures(own: Mapping[str, Any]) -> Iterator[str]:
    yield from _lengths(own, own["channels"], "channels")
    if (own.get("box") or 0) > min(own["size"]):
        yield f"preprocessing.box: {own['box']} pixels do not fit into the size {own['size']}"


def _of_features(own: Mapping[str, Any]) -> Iterator[str]:
    count = _features(own)
    if own.get("count", count) != count:
        yield f"preprocessing.count: {own['count']}, but there are {count} names"
    yield from _lengths(own, count, "features")


def _features(own: Mapping[str, Any]) -> int:
    return len(own["names"]) if "names" in own else int(own["count"])


def _lengths(own: Mapping[str, Any], count: int, of: str) -> Iterator[str]:
    for field in ("mean", "std"):
        if field in own and len(own[field]) != count:
            yield f"preprocessing.{field}: {len(own[field])} numbers for {count} {of}"


def _of_outputs(weights: Weights) -> Iterator[str]:
    shape = weights.outputs[0].shape
    axes = 3 if weights.task == "language-modeling" else 2
    last = shape[-1] if len(shape) == axes else None
    if not isinstance(last, int):
        found = ", ".join(map(str, shape))
        yield (
            f"outputs: the first is ({found}), but {weights.task} needs {axes} axes, the last of a "
            "fixed size"
        )
    elif weights.task.endswith("classification"):
        yield from _of_labels(weights, last)


def _of_labels(weights: Weights, logits: int) -> Iterator[str]:
    """One logit is that of the second of two labels."""
    count = 2 if logits == 1 else logits
    if weights.labels is not None and len(weights.labels) != count:
        yield f"labels: {len(weights.labels)} for {count} classes"


def _of_sizes(weights: Weights) -> Iterator[str]:
    for field, specs in (("inputs", weights.inputs), ("outputs", weights.outputs)):
        fixed = ([size for size in one.shape if isinstance(size, int)] for one in specs)
        if sum(map(math.prod, fixed)) > MOST_NUMBERS:
            yield f"{field}: their fixed axes make more than {MOST_NUMBERS:,} numbers"


def _of_golden(weights: Weights) -> Iterator[str]:
    shape, raw = weights.golden.input.shape, _raw_shape(weights.preprocessing)
    axis, least = ("time", 2) if weights.task == "language-modeling" else ("n", 1)
    if shape[1:] != raw or shape[0] < least:
        wanted = ", ".join(map(str, (axis, *raw)))
        yield f"golden.input.shape: {shape} is not ({wanted}), {axis} at least {least}"


def _raw_shape(own: Mapping[str, Any]) -> tuple[int, ...]:
    """Without the axis of examples, or of time."""
    if own["kind"] == "image":
        return tuple(own["size"])
    return (_features(own),) if own["kind"] == "features" else (1,)


def _of_seeds(weights: Weights, seeds: Spread) -> Iterator[str]:
    first, own = weights.metrics[0], weights.provenance["seed"]
    pairs = {"metric": first.name, "dataset": first.dataset, "split": first.split}
    for field, wanted in pairs.items():
        found = getattr(seeds, field)
        if found != wanted:
            yield f"seeds.{field}: {shown(found)} is not the first metric's, {shown(wanted)}"
    if own not in seeds.values:
        yield "seeds.values: provenance.seed, the record's own, is not among them"
    elif not math.isclose(seeds.values[own], first.value, rel_tol=_SAME):
        yield f"seeds.values.{own}: {seeds.values[own]} is not the first metric's, {first.value}"
