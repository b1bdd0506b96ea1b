"""Reductions over axes, and softmax."""

from __future__ import annotations

import pytest

pytest.importorskip("zoo._mxnet", reason="needs MXNet", exc_type=ImportError)

from typing import Any

from layers import CUBE, IDS, IMAGE, ROW, TOLERANCE, Case, check, function, over

from zoo._mxnet import nn
from zoo.errors import ExportError
from zoo.onnx import to_model

AXES: dict[str, dict[str, Any]] = {
    "one": {"axis": 1},
    "kept": {"axis": (2, 3), "keepdims": True},
    "last": {"axis": -1},
    "excluded": {"axis": 1, "exclude": True},
    "free": {"axis": 0},
    "all": {},
    "all_kept": {"keepdims": True},
}
ROWS: list[tuple[str, Any, Any]] = [
    ("nansum_of_nan", lambda F, x: F.nansum(F.log(x), axis=1), ROW),
    ("nanprod_of_nan", lambda F, x: F.nanprod(F.log(x), axis=1), ROW),
    ("nansum_integers", lambda F, x: F.nansum(x, axis=1), IDS),
    ("nanprod_integers", lambda F, x: F.nanprod(x, axis=1), IDS),
    ("sum_integers", lambda F, x: F.sum(x, axis=1), IDS),
    ("max_integers", lambda F, x: F.max(x, axis=1), IDS),
    ("prod_integers", lambda F, x: F.prod(x, axis=1), IDS),
    ("norm", lambda F, x: F.norm(x), CUBE),
    ("norm_axis", lambda F, x: F.norm(x, axis=1), CUBE),
    ("norm_kept", lambda F, x: F.norm(x, axis=-1, keepdims=True), CUBE),
    ("norm_two_axes", lambda F, x: F.norm(x, axis=(1, 2)), IMAGE),
    ("norm_1", lambda F, x: F.norm(x, ord=1, axis=2), CUBE),
    ("moments", lambda F, x: [*F.moments(x, axes=(0, 2))], CUBE),
    ("moments_kept", lambda F, x: [*F.moments(x, axes=(1,), keepdims=True)], CUBE),
    ("argmax", lambda F, x: F.argmax(x, axis=1), CUBE),
    ("argmax_kept", lambda F, x: F.argmax(x, axis=-1, keepdims=True), CUBE),
    ("argmax_all", lambda F, x: F.argmax(x), CUBE),
    ("argmax_rank_1", lambda F, x: F.argmax(x, axis=0), ("batch",)),
    ("argmax_ties", lambda F, x: F.argmax(F.round(x), axis=1), CUBE),
    ("argmin", lambda F, x: F.argmin(x, axis=1), CUBE),
    ("argmin_all", lambda F, x: F.argmin(x), CUBE),
    ("argmin_ties", lambda F, x: F.argmin(F.round(x), axis=2), CUBE),
    ("argmax_channel", lambda F, x: F.argmax_channel(x), ROW),
    ("cumsum", lambda F, x: F.cumsum(x, axis=1), CUBE),
    ("cumsum_all", lambda F, x: F.cumsum(x), CUBE),
    ("cumsum_last", lambda F, x: F.cumsum(x, axis=2), CUBE),
    ("cumsum_integers", lambda F, x: F.cumsum(x, axis=1), IDS),
    ("cumsum_dtype", lambda F, x: F.cumsum(x, axis=1, dtype="float32"), IDS),
]
CASES = [
    *(Case(f"{name}", function(call), shape) for name, call, shape in ROWS),
    *(
        Case(
            f"{name}_{axes}",
            function(lambda F, x, name=name, axes=axes: getattr(F, name)(x, **AXES[axes])),
            IMAGE,
            tolerance=2e-5 if "all" in axes else TOLERANCE,
        )
        for name in ("max", "mean", "min", "nanprod", "nansum", "prod", "sum")
        for axes in AXES
    ),
    Case("softmax", function(lambda F, x: F.softmax(x)), CUBE, "Softmax"),
    Case("softmax_axis", function(lambda F, x: F.softmax(x, axis=1)), CUBE, "Softmax"),
    Case("softmax_cooled", function(lambda F, x: F.softmax(x, temperature=2)), ROW, "Div Softmax"),
    Case("log_softmax", function(lambda F, x: F.log_softmax(x)), CUBE, "LogSoftmax"),
    Case("log_softmax_axis", function(lambda F, x: F.log_softmax(x, axis=0)), CUBE, "LogSoftmax"),
]


@over(CASES)
def test_reduction(case: Case, opset: int) -> None:
    check(case, opset)


@pytest.mark.parametrize(
    ("call", "inputs", "message"),
    [
        (lambda F, x: F.mean(x, axis=1), IDS, "int64 input"),
    ],
)
def test_what_is_not_supported_is_refused(call: Any, inputs: Any, message: str) -> None:
    with pytest.raises(ExportError, match=message):
        to_model(nn.HybridLambda(call), inputs=inputs)
