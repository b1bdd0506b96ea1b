"""Mathematics of `mx.np`: as in `mx.nd`, with numpy's dtypes, bool answers and rank 0."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from zoo.errors import ExportError
from zoo.onnx import opset
from zoo.onnx.context import Context, Translator
from zoo.onnx.operators.arithmetic import PAIRS, Pair, binary, copysign, ldexp, scalar
from zoo.onnx.operators.comparison import (
    COMPARISONS,
    LOGIC,
    compare,
    compare_scalar,
    logic,
    logic_scalar,
    logical_not,
    truth,
)
from zoo.onnx.operators.elementwise import FUNCTIONS, elementwise
from zoo.onnx.operators.reductions import axes_of, extreme_place, np_norm, reduction
from zoo.onnx.symbol import Node


def arctan2(ctx: Context, one: str, other: str, dtype: str) -> str:
    """The angle of (x, y) = (other, one): the arc tangent, moved by pi to the left of 0."""
    zero = ctx.scalar(0, dtype)
    angle = ctx.emit("Atan", ctx.emit("Div", one, other))
    turned = ctx.emit("Less", one, zero)
    half = ctx.emit("Where", turned, ctx.scalar(-math.pi, dtype), ctx.scalar(math.pi, dtype))
    left = ctx.emit("Less", other, zero)
    moved = ctx.emit("Where", left, ctx.emit("Add", angle, half), angle)
    origin = ctx.emit("And", ctx.emit("Equal", one, zero), ctx.emit("Equal", other, zero))
    return ctx.emit("Where", origin, zero, moved)


def _bits(name: str) -> Pair:
    return lambda ctx, one, other, dtype: opset.bitwise(ctx, name, one, other, dtype)


_BINARY: dict[str, Pair] = {
    "add": PAIRS["add"],
    "arctan2": arctan2,
    "bitwise_and": _bits("And"),
    "bitwise_or": _bits("Or"),
    "bitwise_xor": _bits("Xor"),
    "copysign": copysign,
    "hypot": PAIRS["hypot"],
    "ldexp": ldexp,
    "maximum": PAIRS["maximum"],
    "minimum": PAIRS["minimum"],
    "mod": PAIRS["mod"],
    "multiply": PAIRS["mul"],
    "power": PAIRS["power"],
    "subtract": PAIRS["sub"],
    "true_divide": PAIRS["div"],
}
_NEUTRAL = {
    "add": "add",
    "multiply": "mul",
    "power": "power",
    "subtract": "sub",
    "true_divide": "div",
}
_SWAPPED = ("arctan2", "copysign", "ldexp", "mod", "power", "subtract", "true_divide")
_COMPARISONS = {
    "equal": "equal",
    "greater": "greater",
    "greater_equal": "greater_equal",
    "less": "lesser",
    "less_equal": "lesser_equal",
    "not_equal": "not_equal",
}
_SAME = [name for name in FUNCTIONS if name not in ("erf", "relu", "round", "rsqrt", "softsign")]


def _checks(infinite: bool, nan: bool, *, negated: bool = False) -> Translator:
    def translate(node: Node, ctx: Context) -> str:
        (data,) = ctx.inputs
        if not ctx.dtype().startswith("float"):
            raise ExportError(f"{node.label}: a {ctx.dtype()} input is not supported.")
        found = [ctx.emit("IsInf", data)] if infinite else []
        found += [ctx.emit("IsNaN", data)] if nan else []
        result = found[0] if len(found) == 1 else ctx.emit("Or", *found)
        return ctx.emit("Not", result) if negated else result

    return translate


def _infinite(sign: str) -> Translator:
    return lambda node, ctx: ctx.emit(
        "IsInf",
        *ctx.inputs,
        detect_negative=int(sign == "negative"),
        detect_positive=int(sign == "positive"),
    )


def around(node: Node, ctx: Context) -> str:
    """To the nearest integer, the even one of two; other roundings of MXNet take others."""
    if node.attributes.integer("decimals", 0):
        raise ExportError(f"{node.label}: decimals are not supported.")
    if not ctx.dtype().startswith("float"):
        return ctx.inputs[0]
    return ctx.emit("Round", *ctx.inputs)


def nan_to_num(node: Node, ctx: Context) -> str:
    attributes = node.attributes
    attributes.ignore("copy")
    (data,) = ctx.inputs
    if not ctx.dtype().startswith("float"):
        attributes.ignore("nan", "posinf", "neginf")
        return data
    largest = float(np.finfo(ctx.dtype()).max)
    number = ctx.scalar(attributes.number("nan", 0))
    data = ctx.emit("Where", ctx.emit("IsNaN", data), number, data)
    for name, limit, signs in (("posinf", largest, (0, 1)), ("neginf", -largest, (1, 0))):
        given = attributes.value(name)
        found = ctx.emit("IsInf", data, detect_negative=signs[0], detect_positive=signs[1])
        data = ctx.emit("Where", found, ctx.scalar(limit if given is None else given), data)
    return data


def _quantified(op_type: str) -> Translator:
    def translate(node: Node, ctx: Context) -> str:
        keepdims = node.attributes.flag("keepdims", False)
        flags = ctx.cast(truth(ctx, ctx.inputs[0], ctx.dtype()), "int32", "bool")
        axes = axes_of(node, ctx.rank())
        return ctx.as_output(opset.reduce(ctx, op_type, flags, axes, keepdims), "int32")

    return translate


def _spread(*, root: bool) -> Translator:
    """Variance, or its root; `ddof` is taken off the count."""

    def translate(node: Node, ctx: Context) -> str:
        keepdims, ddof = node.attributes.flag("keepdims", False), node.attributes.integer("ddof", 0)
        node.attributes.ignore("dtype")
        dtype, axes = ctx.output().dtype, axes_of(node, ctx.rank())
        (data,) = ctx.converted(dtype)
        apart = ctx.emit("Sub", data, opset.reduce(ctx, "ReduceMean", data, axes, True))
        squares = ctx.emit("Mul", apart, apart)
        if ddof:
            sums = opset.reduce(ctx, "ReduceSum", squares, axes, keepdims)
            count = ctx.emit("Sub", _count(ctx, axes), ctx.int64([ddof]))
            divisor = ctx.emit("Squeeze", ctx.cast(count, dtype, "int64"), ctx.int64([0]))
            variance = ctx.emit("Div", sums, divisor)
        else:
            variance = opset.reduce(ctx, "ReduceMean", squares, axes, keepdims)
        return ctx.emit("Sqrt", variance) if root else variance

    return translate


def _count(ctx: Context, axes: Sequence[int]) -> str:
    """How many elements there are over the axes."""
    product, *others = (ctx.size(0, axis) for axis in axes)
    for other in others:
        product = ctx.emit("Mul", product, other)
    return product


def average(node: Node, ctx: Context) -> str | list[str]:
    attributes = node.attributes
    attributes.ignore("weighted")
    if attributes.flag("returned", False):
        raise ExportError(f"{node.label}: returned=True is not supported.")
    dtype, axes = ctx.output().dtype, axes_of(node, ctx.rank())
    data, *weights = ctx.converted(dtype)
    if not weights:
        return opset.reduce(ctx, "ReduceMean", data, axes, False)
    if ctx.rank(1) != ctx.rank():
        raise ExportError(f"{node.label}: weights of another rank are not supported.")
    sums = opset.reduce(ctx, "ReduceSum", ctx.emit("Mul", data, weights[0]), axes, False)
    return ctx.emit("Div", sums, opset.reduce(ctx, "ReduceSum", weights[0], axes, False))


def bitwise_not(node: Node, ctx: Context) -> str:
    """-1 - x of a signed integer."""
    if ctx.dtype() not in ("int32", "int64"):
        raise ExportError(f"{node.label}: {ctx.dtype()} is not supported.")
    return ctx.emit("Sub", ctx.scalar(-1), *ctx.inputs)


OPERATORS: dict[str, Translator] = {
    **{f"_npi_{name}": elementwise(name) for name in _SAME},
    **{f"_npi_{name}": binary(pair) for name, pair in _BINARY.items()},
    **{
        f"_npi_{name}_scalar": scalar(_NEUTRAL.get(name, name), pair)
        for name, pair in _BINARY.items()
    },
    **{f"_npi_r{name}_scalar": scalar(name, _BINARY[name], swapped=True) for name in _SWAPPED},
    **{f"_npi_{name}": compare(COMPARISONS[test]) for name, test in _COMPARISONS.items()},
    **{
        f"_npi_{name}_scalar": compare_scalar(COMPARISONS[test])
        for name, test in _COMPARISONS.items()
    },
    **{f"_npi_{name}": logic(test) for name, test in LOGIC.items()},
    **{f"_npi_{name}_scalar": logic_scalar(test) for name, test in LOGIC.items()},
    "_np_all": _quantified("ReduceMin"),
    "_np_any": _quantified("ReduceMax"),
    "_np_max": reduction("ReduceMax"),
    "_np_min": reduction("ReduceMin"),
    "_np_prod": reduction("ReduceProd"),
    "_np_sum": reduction("ReduceSum"),
    "_npi_absolute": elementwise("abs"),
    "_npi_argmax": extreme_place("ArgMax"),
    "_npi_argmin": extreme_place("ArgMin"),
    "_npi_around": around,
    "_npi_average": average,
    "_npi_bitwise_not": bitwise_not,
    "_npi_isfinite": _checks(True, True, negated=True),
    "_npi_isinf": _checks(True, False),
    "_npi_isnan": _checks(False, True),
    "_npi_isneginf": _infinite("negative"),
    "_npi_isposinf": _infinite("positive"),
    "_npi_logical_not": logical_not,
    "_npi_mean": reduction("ReduceMean"),
    "_npi_nan_to_num": nan_to_num,
    "_npi_norm": np_norm,
    "_npi_std": _spread(root=True),
    "_npi_var": _spread(root=False),
    "_npx_relu": elementwise("relu"),
    "_npx_sigmoid": elementwise("sigmoid"),
}
