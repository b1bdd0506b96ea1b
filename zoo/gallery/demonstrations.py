"""What a record's page offers to try: a picture to draw, a text to continue, sliders to move."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from zoo import samples
from zoo.figures import file_size
from zoo.gallery import forms
from zoo.gallery.snippets import prompt
from zoo.manifest import Weights

SAMPLES = {"mnist": samples.digits, "fashion_mnist": samples.garments}
_FETCHED = ("safetensors", "onnx-graph", "vocabulary")
_LENGTHS = {"word": (20, 200, 60), "character": (50, 600, 300)}
_NOTES = {
    "adult": "Did this person earn more than 50,000 dollars a year? The model repeats what the "
    "census of 1994 recorded, its inequalities included: a reason not to decide about people with "
    "such a model."
}


def is_picture(weights: Weights) -> bool:
    """Whether the record reads pictures, runs in a browser, and has names for what it sees."""
    return _is_runnable(weights) and _kind(weights) == "image" and bool(weights.labels)


def demonstration(
    weights: Weights, everyone: Sequence[Weights], runtime: int
) -> Mapping[str, Any] | None:
    """What the templates need; None where there is nothing to offer. `runtime` is in bytes."""
    if not _is_runnable(weights):
        return None
    if is_picture(weights):
        same = [one for one in everyone if is_picture(one) and _is_alike(one, weights)]
        return _picture(weights, sorted(same, key=lambda one: one.parameters), runtime)
    if _kind(weights) == "tokens":
        level = weights.preprocessing["level"]
        least, most, length = _LENGTHS[level]
        return {
            "kind": "writing",
            "model": weights.name,
            "prompt": prompt(weights),
            "least": least,
            "most": most,
            "length": length,
            **_cost([weights], runtime),
        }
    return _features(weights, runtime)


def _picture(weights: Weights, models: Sequence[Weights], runtime: int) -> Mapping[str, Any]:
    """One picture for several models that see it alike."""
    dataset = weights.metrics[0].dataset
    pictures = SAMPLES[dataset]() if dataset in SAMPLES else []
    return {
        "kind": "picture",
        "what": {"mnist": "digit", "fashion_mnist": "garment"}.get(dataset, "picture"),
        "models": models,
        "labels": weights.labels,
        "samples": [(path.name, path.stem.partition("_")[2]) for path in pictures],
        "size": weights.preprocessing["size"],
        "use": {"preprocessing": dict(weights.preprocessing), "labels": weights.labels},
        **_cost(models, runtime),
    }


def _features(weights: Weights, runtime: int) -> Mapping[str, Any] | None:
    controls = forms.controls(weights)
    if not controls or not (weights.labels or weights.task == "tabular-regression"):
        return None
    unit = forms.unit(weights)
    return {
        "kind": "features",
        "model": weights.name,
        "controls": controls,
        "labels": weights.labels,
        "unit": unit,
        "note": _NOTES.get(weights.metrics[0].dataset, ""),
        "use": {
            "preprocessing": dict(weights.preprocessing),
            "labels": weights.labels,
            "unit": unit,
        },
        **_cost([weights], runtime),
    }


def _is_runnable(weights: Weights) -> bool:
    return "onnx-graph" in weights.artifacts


def _is_alike(one: Weights, other: Weights) -> bool:
    """Whether the same picture, prepared once, is the input of both."""
    return (
        one.metrics[0].dataset == other.metrics[0].dataset
        and one.preprocessing == other.preprocessing
        and one.labels == other.labels
    )


def _kind(weights: Weights) -> str:
    return str(weights.preprocessing["kind"])


def _cost(models: Sequence[Weights], runtime: int) -> Mapping[str, Any]:
    """What a demonstration fetches, in bytes and in words."""
    files = [one for weights in models for one in weights.artifacts.values()]
    size = sum(one.size for one in files if one.kind in _FETCHED)
    return {
        "bytes": size + runtime,
        "download": f"{file_size(size)} of weights and {file_size(runtime)} of runtime",
    }
