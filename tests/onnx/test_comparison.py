"""Comparisons and logic: of tensors, of a tensor and a number; answers in the inputs' dtype."""

from __future__ import annotations

import pytest

pytest.importorskip("zoo._mxnet", reason="needs MXNet", exc_type=ImportError)

from layers import CUBE, IDS, ROW, Case, check, function, over

from zoo._mxnet import nn
from zoo.errors import ExportError
from zoo.manifest import TensorSpec
from zoo.onnx import to_model

BYTES = TensorSpec("data", ("batch", 5), "uint8")
COMPARISONS = ("equal", "not_equal", "greater", "greater_equal", "lesser", "lesser_equal")
LOGIC = ("logical_and", "logical_or", "logical_xor")
CASES = [
    *(
        Case(
            f"broadcast_{name}",
            function(
                lambda F, x, y, name=name: getattr(F, f"broadcast_{name}")(F.round(x), F.round(y))
            ),
            [CUBE, (1, "time", 1)],
        )
        for name in (*COMPARISONS, *LOGIC)
    ),
    *(
        Case(f"{name}_number_{kind}", function(call), shape)
        for kind, shape in (("float", ROW), ("int", IDS))
        for name, call in (
            ("equal", lambda F, x: x == 1),
            ("not_equal", lambda F, x: x != 1),
            ("greater", lambda F, x: x > 1),
            ("greater_equal", lambda F, x: x >= 1),
            ("lesser", lambda F, x: x < 1),
            ("lesser_equal", lambda F, x: x <= 1),
            ("logical_and", lambda F, x: F._internal._logical_and_scalar(x, scalar=1)),
            ("logical_or", lambda F, x: F._internal._logical_or_scalar(x, scalar=0)),
            ("logical_xor", lambda F, x: F._internal._logical_xor_scalar(x, scalar=1)),
            ("logical_not", lambda F, x: F.logical_not(x)),
        )
    ),
    *(
        Case(f"{name}_fraction_{kind}", function(call), inputs)
        for kind, inputs in (("int", IDS), ("byte", BYTES))
        for name, call in (  # MXNet cuts the number to an integer, and wraps it around
            ("equal", lambda F, x: x == 2.5),
            ("greater", lambda F, x: x > 2.5),
            ("greater_equal", lambda F, x: x >= -1),
            ("lesser", lambda F, x: x < 3.5),
            ("lesser_equal", lambda F, x: x <= -2.5),
            ("logical_and", lambda F, x: F._internal._logical_and_scalar(x, scalar=0.5)),
        )
    ),
    Case("of_float16", function(lambda F, x: F.logical_not(F.cast(x, "float16"))), ROW),
    *(
        Case(
            f"elementwise_{name}",
            function(
                lambda F, x, y, name=name: getattr(F._internal, f"_{name}")(F.round(x), F.round(y))
            ),
            [ROW, ROW],
        )
        for name in (*COMPARISONS, *LOGIC)
    ),
]


@over(CASES)
def test_comparison(case: Case, opset: int) -> None:
    check(case, opset)


@pytest.mark.parametrize(
    ("number", "dtype"),
    [(float("inf"), "int64"), (float("nan"), "int64"), (-1e19, "int64"), (1e12, "int32")],
)
def test_a_number_beyond_all_integers_is_refused(number: float, dtype: str) -> None:
    layer = nn.HybridLambda(lambda F, x: x > number)
    with pytest.raises(ExportError, match=f"_greater_scalar.*{dtype} and .* are not supported"):
        to_model(layer, inputs=[TensorSpec("data", ("batch", 5), dtype)])
