"""Reductions over axes, and softmax."""

from __future__ import annotations

import pytest

pytest.importorskip("zoo._mxnet", reason="needs MXNet", exc_type=ImportError)

from typing import Any

from layers import CUBE, IDS, IMAGE, ROW, Case, check, function, over

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
CASES = [
    *(
        Case(
            f"{name}_{axes}",
            function(lambda F, x, name=name, axes=axes: getattr(F, name)(x, **AXES[axes])),
            IMAGE,
        )
        for name in ("max", "mean", "min", "sum")
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
        (lambda F, x: F.sum(x, axis=1), IDS, "int64 input"),
        (lambda F, x: F.softmax(x, dtype="float64"), ROW, "dtype other than its input's"),
        (
            lambda F, x: F.softmax(x, F.ones((6,)), use_length=True, axis=0),
            ROW,
            "use_length",
        ),
    ],
)
def test_what_is_not_supported_is_refused(call: Any, inputs: Any, message: str) -> None:
    with pytest.raises(ExportError, match=message):
        to_model(nn.HybridLambda(call), inputs=inputs)
