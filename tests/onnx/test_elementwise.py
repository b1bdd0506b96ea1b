"""Functions of one tensor, element by element."""

from __future__ import annotations

import pytest

pytest.importorskip("zoo._mxnet", reason="needs MXNet", exc_type=ImportError)

from layers import IDS, ROW, Case, check, function, over

from zoo._mxnet import nn
from zoo.errors import ExportError
from zoo.onnx import to_model

NAMES = [
    "abs",
    "ceil",
    "erf",
    "exp",
    "floor",
    "negative",
    "reciprocal",
    "relu",
    "sigmoid",
    "softsign",
    "square",
    "tanh",
]
CASES = [
    *(Case(name, function(lambda F, x, name=name: getattr(F, name)(x)), ROW) for name in NAMES),
    *(
        Case(name, function(lambda F, x, name=name: getattr(F, name)(F.abs(x) + 0.1)), ROW)
        for name in ("log", "rsqrt", "sqrt")
    ),
    Case("clip", function(lambda F, x: F.clip(x, -0.5, 0.25)), ROW, "Clip"),
    Case("cast", function(lambda F, x: F.cast(x, "float32")), IDS, "Cast"),
    Case("cast_to_itself", function(lambda F, x: F.exp(F.cast(x, "float32"))), ROW, "Exp"),
    Case("cast_to_integer", function(lambda F, x: F.cast(x * 10, "int32")), ROW, "Mul Cast"),
    Case("dropout", lambda: nn.Dropout(0.5), ROW, "Identity"),
    Case("dropout_within", function(lambda F, x: F.exp(F.Dropout(x, p=0.5))), ROW, "Exp"),
    Case("stopped_gradient", function(lambda F, x: F.exp(F.BlockGrad(x))), ROW, "Exp"),
]


@over(CASES)
def test_elementwise(case: Case, opset: int) -> None:
    check(case, opset)


def test_dropout_in_inference_is_refused() -> None:
    layer = nn.HybridLambda(lambda F, x: F.Dropout(x, mode="always"))
    with pytest.raises(ExportError, match="mode='always'"):
        to_model(layer, inputs=ROW)
