"""What a record says more than once has to agree: task, preprocessing, metrics, outputs, labels."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from zoo.records import Weights

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
    if not weights.outputs[0].shape:
        yield "outputs: the first one has no axis"
    elif weights.task.endswith("classification"):
        yield from _of_labels(weights)


def _of_pictures(own: Mapping[str, Any]) -> Iterator[str]:
    yield from _lengths(own, own["channels"], "channels")
    if (own.get("box") or 0) > min(own["size"]):
        yield f"preprocessing.box: {own['box']} pixels do not fit into the size {own['size']}"


def _of_features(own: Mapping[str, Any]) -> Iterator[str]:
    names = own.get("names")
    count = len(names) if names else own["count"]
    if own.get("count", count) != count:
        yield f"preprocessing.count: {own['count']}, but there are {count} names"
    yield from _lengths(own, count, "features")


def _lengths(own: Mapping[str, Any], count: int, of: str) -> Iterator[str]:
    for field in ("mean", "std"):
        if field in own and len(own[field]) != count:
            yield f"preprocessing.{field}: {len(own[field])} numbers for {count} {of}"


def _of_labels(weights: Weights) -> Iterator[str]:
    """One logit is that of the second of two labels."""
    last = weights.outputs[0].shape[-1]
    count = 2 if last == 1 else last
    if weights.labels is not None and isinstance(count, int) and len(weights.labels) != count:
        yield f"labels: {len(weights.labels)} for {count} classes"
