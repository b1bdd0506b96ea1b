"""Functions of one tensor, element by element."""

from __future__ import annotations

import pytest

pytest.importorskip("zoo._mxnet", reason="needs MXNet", exc_type=ImportError)

from layers import CUBE, IDS, ROW, Case, check, function, over

from zoo._mxnet import nn
from zoo.errors import ExportError
from zoo.manifest import TensorSpec
from zoo.onnx import to_model

BYTES = TensorSpec("data", ("batch", 5), "uint8")
NAMES = [
    "abs",
    "arctan",
    "arcsinh",
    "cbrt",
    "ceil",
    "cos",
    "cosh",
    "degrees",
    "erf",
    "exp",
    "expm1",
    "fix",
    "floor",
    "hard_sigmoid",
    "negative",
    "radians",
    "rcbrt",
    "reciprocal",
    "relu",
    "rint",
    "round",
    "sigmoid",
    "sign",
    "sin",
    "sinh",
    "smooth_l1",
    "softsign",
    "square",
    "tan",
    "tanh",
    "trunc",
]
POSITIVE = ["log", "log10", "log1p", "log2", "rsqrt", "sqrt"]
BOUNDED = ["arccos", "arcsin", "arctanh"]
CASES = [
    *(Case(name, function(lambda F, x, name=name: getattr(F, name)(x)), ROW) for name in NAMES),
    *(
        Case(name, function(lambda F, x, name=name: getattr(F, name)(F.abs(x) + 0.1)), ROW)
        for name in POSITIVE
    ),
    *(
        Case(name, function(lambda F, x, name=name: getattr(F, name)(0.9 * F.tanh(x))), ROW)
        for name in BOUNDED
    ),
    Case("arccosh", function(lambda F, x: F.arccosh(F.abs(x) + 1.1)), ROW),
    Case("log1p_of_much", function(lambda F, x: F.log1p(F.abs(x) * 1e37)), ROW),
    Case("log1p_of_little", function(lambda F, x: F.log1p(x * 1e-9)), ROW, tolerance=1e-6),
    Case("expm1_of_little", function(lambda F, x: F.expm1(x * 1e-9)), ROW, tolerance=1e-6),
    *(
        Case(
            f"{name}_halves",
            function(lambda F, x, name=name: getattr(F, name)(F.cast(x, "float32") / 2 - 2)),
            IDS,
        )
        for name in ("rint", "round", "fix", "trunc", "sign", "ceil")
    ),
    Case("hard_sigmoid_slope", function(lambda F, x: F.hard_sigmoid(x, alpha=0.4, beta=0.1)), ROW),
    Case("smooth_l1_scale", function(lambda F, x: F.smooth_l1(x, scalar=2.0)), ROW),
    Case("quadratic", function(lambda F, x: F.contrib.quadratic(x, a=1.5, b=-2, c=0.5)), ROW),
    Case("div_sqrt_dim", function(lambda F, x: F.contrib.div_sqrt_dim(x)), CUBE, "Div"),
    Case(
        "div_sqrt_free_dim",
        function(lambda F, x: F.contrib.div_sqrt_dim(x)),
        ("batch", "time"),
        "Shape Cast Sqrt Div",
    ),
    Case("amp_cast", function(lambda F, x: F.amp_cast(x, dtype="float16")), ROW, "Cast"),
    Case(
        "amp_multicast",  # MXNet has no float16 here on the CPU
        function(lambda F, x, y: [*F.amp_multicast(x, y, num_outputs=2)]),
        [ROW, ROW],
        "Identity Identity",
    ),
    Case("round_straight_through", function(lambda F, x: F.contrib.round_ste(x)), ROW),
    Case("sign_straight_through", function(lambda F, x: F.contrib.sign_ste(x)), ROW, "Sign"),
    Case("gradient_multiplier", function(lambda F, x: F.contrib.gradientmultiplier(x)), ROW),
    Case("identity", function(lambda F, x: F.exp(F.identity(x))), ROW, "Exp"),
    Case("clip", function(lambda F, x: F.clip(x, -0.5, 0.25)), ROW, "Clip"),
    *(
        Case(f"clip_{kind}_{low}_{high}", function(call), inputs)
        for kind, inputs in (("int", IDS), ("byte", BYTES))
        for low, high in ((2, 5), (-1, 5.5), (-0.5, 1.5), (2.5, 300))
        for call in (lambda F, x, low=low, high=high: F.clip(x, low, high),)
    ),
    Case("expm1_of_far_below", function(lambda F, x: F.expm1(F.abs(x) * -300)), ROW),
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


def test_bounds_that_no_integer_meets_are_refused() -> None:
    layer = nn.HybridLambda(lambda F, x: F.clip(x, -5, -2))
    with pytest.raises(ExportError, match="no uint8 lies between -5 and -2"):
        to_model(layer, inputs=[BYTES])


@pytest.mark.parametrize("scalar", [0, 1e-200])
def test_a_smooth_l1_without_a_scale_is_refused(scalar: float) -> None:
    layer = nn.HybridLambda(lambda F, x: F.smooth_l1(x, scalar=scalar))
    with pytest.raises(ExportError, match=r"smooth_l1.*: scalar=.* is not supported"):
        to_model(layer, inputs=ROW)
