"""Sums, differences, products and quotients."""

from __future__ import annotations

import pytest

pytest.importorskip("zoo._mxnet", reason="needs MXNet", exc_type=ImportError)

from layers import CUBE, IDS, ROW, Case, check, function, over

from zoo._mxnet import nn
from zoo.errors import ExportError
from zoo.onnx import to_model

SIGNED = ("batch", 30)
CASES = [
    *(
        Case(
            f"elemwise_{name}",
            function(lambda F, x, y, name=name: getattr(F, f"elemwise_{name}")(x, y)),
            [CUBE, CUBE],
            operator,
        )
        for name, operator in (("add", "Add"), ("sub", "Sub"), ("mul", "Mul"), ("div", "Div"))
    ),
    *(
        Case(
            f"broadcast_{name}",
            function(lambda F, x, y, name=name: getattr(F, f"broadcast_{name}")(x, y)),
            [CUBE, (1, "time", 1)],
            operator,
        )
        for name, operator in (
            ("add", "Add"),
            ("sub", "Sub"),
            ("mul", "Mul"),
            ("div", "Div"),
            ("maximum", "Max"),
            ("minimum", "Min"),
        )
    ),
    Case("power", function(lambda F, x, y: F.broadcast_power(F.abs(x), y)), [ROW, ("batch", 1)]),
    Case("plus", function(lambda F, x: x + 2), ROW, "Add"),
    Case("minus", function(lambda F, x: x - 2), ROW, "Sub"),
    Case("minus_from", function(lambda F, x: 2 - x), ROW, "Sub"),
    Case("times", function(lambda F, x: x * 2), ROW, "Mul"),
    Case("by", function(lambda F, x: x / 3), ROW, "Div"),
    Case("by_into", function(lambda F, x: 1 / x), ROW, "Div"),
    Case("to_the", function(lambda F, x: x**2), ROW, "Pow"),
    Case("base_to_the", function(lambda F, x: 2**x), ROW, "Pow"),
    Case("at_least", function(lambda F, x: F.maximum(x, 0.5)), ROW, "Max"),
    Case("at_most", function(lambda F, x: F.minimum(x, 0.5)), ROW, "Min"),
    Case("nothing", function(lambda F, x: F.exp(x * 1 + 0)), ROW, "Exp"),
    Case("one_minus_zero", function(lambda F, x: 0 - x), ROW, "Sub"),
    Case("integers", function(lambda F, x: x * 3 + 1), IDS, "Mul Add"),
    *(
        Case(f"mod_{name}", function(call), [SIGNED, SIGNED])
        for name, call in (
            ("floats", lambda F, x, y: F.broadcast_mod(x, y)),
            ("by_zero", lambda F, x, y: F.broadcast_mod(x, F.sign(F.floor(y)))),
            ("number", lambda F, x, y: x % 1.5),
            ("negative_number", lambda F, x, y: x % -1.5),
            ("of_a_number", lambda F, x, y: F.broadcast_mul(y, 2.5 % x)),
            ("whole", lambda F, x, y: F.broadcast_mod(F.floor(x * 4), F.floor(y * 4))),
        )
    ),
    Case("mod_integers", function(lambda F, x: (x - 4) % 3), IDS, "Sub Mod"),
    Case("hypot", function(lambda F, x, y: F.broadcast_hypot(x, y)), [CUBE, (1, "time", 1)]),
    Case(
        "hypot_of_large_numbers",
        function(lambda F, x, y: F.broadcast_hypot(x * 1e25, y * 1e25) * 1e-25),
        [ROW, ROW],
    ),
    Case("hypot_number", function(lambda F, x: F._internal._hypot_scalar(x, scalar=2)), ROW),
    Case("maximum", function(lambda F, x, y: F.maximum(x, y)), [ROW, ROW], "Max"),
    Case("minimum", function(lambda F, x, y: F.minimum(x, y)), [ROW, ROW], "Min"),
    Case("power_of_both", function(lambda F, x, y: F.power(F.abs(x), y)), [ROW, ROW], "Abs Pow"),
    Case("float16", function(lambda F, x: F.cast(x, "float16") * 3 + 1), ROW, tolerance=1e-3),
    Case("integers_minus", function(lambda F, x: 7 - x), IDS, "Sub"),
    Case("integers_over", function(lambda F, x: x / 2), IDS, "Div"),
    Case("integers_power", function(lambda F, x: x**2), IDS, "Pow"),
    Case("integers_at_most", function(lambda F, x: F.minimum(x, 3)), IDS, "Min"),
    Case("add_n", function(lambda F, x, y, z: F.add_n(x, y, z)), [ROW, ROW, ROW], "Sum"),
    Case("add_n_integers", function(lambda F, x: F.add_n(x, x, x)), IDS, "Add Add"),
]


@over(CASES)
def test_arithmetic(case: Case, opset: int) -> None:
    check(case, opset)


@pytest.mark.parametrize("number", [0.5, 1e30, float("-inf"), float("nan")])
def test_a_number_that_is_no_integer_of_theirs_is_refused(number: float) -> None:
    with pytest.raises(ExportError, match=r"_plus_scalar.*int64 and .* are not supported"):
        to_model(nn.HybridLambda(lambda F, x: x + number), inputs=[IDS])
