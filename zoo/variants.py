"""Smaller and faster variants of a model, each held against the float32 one.

A variant of published weights is judged by the validation split: one whose headline metric is
worse than float32's by more than 0.1 of a point (0.001 of an accuracy or an R2), or by more than
1 % of a perplexity, an error or a loss, is refused. The test split is for the record.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zoo.errors import ExportError, InputError
from zoo.evaluation import Score, measure, read_split
from zoo.manifest import Weights
from zoo.pipelines import prepare
from zoo.runtimes import SessionRunner

INT8, FLOAT16 = "onnx-int8", "onnx-float16"

Feeds = Mapping[str, NDArray[Any]]
Scores = Mapping[str, Score]

_LEAST = {"accuracy": 1e-3, "r2": 1e-3}  # how much less is allowed, where more is better
_SHARE = 0.01  # how much more is allowed, of the metric, where less is better
_CALIBRATION, _BATCH = 512, 64  # examples of the validation split; at once
_ERRORS = {INT8: 0.1, FLOAT16: 0.01}  # of the size of a model's outputs


@dataclass(frozen=True)
class Variant:
    """A model's bytes, and its metrics by split beside those of float32."""

    kind: str
    model: bytes
    metrics: Mapping[str, Scores]
    float_metrics: Mapping[str, Scores]


def make_variant(
    weights: Weights, model: bytes, kind: str, *, dynamic: bool | None = None
) -> Variant:
    """`model`, the record's in float32, as 'onnx-int8' or 'onnx-float16'.

    int8 is `dynamic`, or static, its activations calibrated on the validation split; None is
    static for a network with convolutions and dynamic for others. Raises ExportError with the
    figures for a variant that is worse, and what fetching the data raises.
    """
    dataset, metric = weights.metrics[0].dataset, weights.metrics[0].name
    splits = {name: read_split(weights, dataset, name) for name in ("validation", "test")}
    batches = _calibration(weights, splits["validation"])
    content = convert(model, kind, dynamic, batches)
    before = SessionRunner(weights, _opened(model), "onnx")
    after = SessionRunner(weights, _opened(content), kind)
    scores = [measure(one, splits["validation"]) for one in (before, after)]
    check_worth(f"{weights.name} as {kind}", metric, *(one[metric].value for one in scores))
    tested = [measure(one, splits["test"]) for one in (before, after)]
    floats, metrics = (
        {"validation": one, "test": other} for one, other in zip(scores, tested, strict=True)
    )
    told = {"variant": kind, "metrics": json.dumps(metric_records(dataset, metrics))}
    return Variant(kind, _told(content, told), metrics, floats)


def check_worth(title: str, metric: str, before: float, after: float) -> None:
    """Raises ExportError where a metric is too much worse than float32's."""
    worse, allowed = after - before, _SHARE * before
    if metric in _LEAST:
        worse, allowed = before - after, _LEAST[metric]
    if not worse <= allowed * (1 + 1e-9):
        raise ExportError(
            f"{title} is refused: its {metric} on the validation split is {after:.6g}, that of "
            f"float32 is {before:.6g}, and {allowed:.3g} worse is allowed."
        )


def metric_records(dataset: str, metrics: Mapping[str, Scores]) -> list[dict[str, Any]]:
    """Scores in the form of a manifest's metrics."""
    return [
        {"name": name, "dataset": dataset, "split": split, **vars(score)}
        for split, scores in metrics.items()
        for name, score in scores.items()
    ]


def make_file_variant(
    model: bytes, kind: str, data: Feeds, *, dynamic: bool | None = None
) -> tuple[bytes, float]:
    """A model of the user's as `kind`, and its error on `data`, inputs by their names.

    `data` calibrates static int8. The error of an output is the root mean square of its
    difference, relative to that of the output itself; the largest counts. Raises ExportError for
    more than 0.1 (int8) or 0.01 (float16), InputError for data that the model does not take.
    """
    session = _opened(model)
    batches = _batches([(one.name, one.shape) for one in session.get_inputs()], data)
    expected = [_outputs(session, feeds) for feeds in batches]
    content = convert(model, kind, dynamic, batches)
    other = _opened(content)
    errors = [
        _error(one, found)
        for answer, feeds in zip(expected, batches, strict=True)
        for one, found in zip(answer, _outputs(other, feeds), strict=True)
    ]
    error = float(np.max(errors))  # the built-in max loses a NaN that is not the first
    if not error <= _ERRORS[kind]:
        raise ExportError(
            f"The model as {kind} is refused: its outputs are {error:.3g} of their size away from "
            f"those of float32, and {_ERRORS[kind]:g} is allowed."
        )
    return _told(content, {"variant": kind, "error": f"{error:.3g}"}), error


def convert(model: bytes, kind: str, dynamic: bool | None, batches: Sequence[Feeds]) -> bytes:
    """A model as `kind`, not judged. Raises ExportError."""
    from zoo.onnx import quantizing

    if kind == FLOAT16:
        return quantizing.to_float16(model)
    found = quantizing.operators(model)
    if dynamic is None:
        dynamic = quantizing.CONVOLUTIONS.isdisjoint(found)
    if dynamic:
        return quantizing.quantize_dynamic(model)
    if not quantizing.RECURRENT.isdisjoint(found) or not batches:
        raise ExportError(
            "Static int8 leaves recurrent layers in float32: use --dynamic, or --float16 for a "
            "network that has convolutions too."
        )
    return quantizing.quantize_static(model, batches)


def _opened(model: bytes) -> Any:
    from zoo.onnx.sessions import RUNTIME_DOMAINS, open_session

    return open_session(model, domains=RUNTIME_DOMAINS)


def _told(content: bytes, metadata: Mapping[str, str]) -> bytes:
    from zoo.onnx.quantizing import with_metadata

    return with_metadata(content, metadata)


def _calibration(weights: Weights, validation: Any) -> list[Feeds]:
    """Examples in batches; nothing for a language model."""
    if weights.task == "language-modeling":
        return []
    rows = prepare(validation.inputs[:_CALIBRATION], weights)
    return [{weights.inputs[0].name: rows[at : at + _BATCH]} for at in range(0, len(rows), _BATCH)]


def _batches(inputs: Sequence[tuple[str, Sequence[Any]]], data: Feeds) -> list[Feeds]:
    """The data of a lone input in batches of the size that it has; of several at once."""
    names = [name for name, _ in inputs]
    if len(names) == 1 and len(data) == 1:
        data = {names[0]: next(iter(data.values()))}
    data = {key: one.astype(one.dtype.newbyteorder("="), copy=False) for key, one in data.items()}
    if set(data) != set(names) or not all(one.size for one in data.values()):
        raise InputError(
            f"The calibration data must hold an array for each input of the model: "
            f"{', '.join(names)}."
        )
    (name, shape), rows = inputs[0], data[names[0]]
    if len(names) > 1 or not rows.ndim:
        return [data]
    fixed = bool(shape) and isinstance(shape[0], int)
    size = int(shape[0]) if fixed else _BATCH
    whole = len(rows) - len(rows) % size if fixed and len(rows) > size else len(rows)
    return [{name: rows[at : at + size]} for at in range(0, whole, size)]


def _outputs(session: Any, feeds: Feeds) -> list[NDArray[Any]]:
    from zoo.onnx.sessions import is_of_onnxruntime

    try:
        found: list[NDArray[Any]] = session.run(None, dict(feeds))
    except Exception as error:
        if not is_of_onnxruntime(error) and not isinstance(
            error, RuntimeError | TypeError | ValueError
        ):
            raise
        given = ", ".join(f"{name} {one.dtype} {one.shape}" for name, one in feeds.items())
        raise InputError(f"The model does not take {given}: {error}") from None
    return found


def _error(expected: Any, found: Any) -> float:
    for one in (expected, found):
        if not isinstance(one, np.ndarray) or one.dtype.kind not in "biuf":
            raise ExportError(
                "The model has an output that is no array of numbers, such as labels or maps: it "
                "cannot be held against float32's. Leave it out of the model."
            )
    if expected.shape != found.shape:
        raise ExportError(
            f"The variant is refused: an output has the shape {found.shape}, in float32 it has "
            f"{expected.shape}."
        )
    one, other = expected.astype(np.float64).ravel(), found.astype(np.float64).ravel()
    differing = np.isfinite(one) | (one != other)  # a masked logit is -inf in both
    one, other = one[differing], other[differing]
    if not one.size:
        return 0.0
    size = float(np.sqrt(np.mean(one**2)))
    return float(np.sqrt(np.mean((one - other) ** 2))) / (size or 1.0)
