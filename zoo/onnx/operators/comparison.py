"""Comparisons and logic. `mx.nd` answers 0 and 1 in the dtype of its inputs, `mx.np` in bool."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from zoo.errors import ExportError
from zoo.onnx.context import Context, Translator
from zoo.onnx.symbol import Node

Test = Callable[[Context, str, str], str]


def _named(op_type: str) -> Test:
    return lambda ctx, one, other: ctx.emit(op_type, one, other)


def _not_equal(ctx: Context, one: str, other: str) -> str:
    return ctx.emit("Not", ctx.emit("Equal", one, other))


COMPARISONS: dict[str, Test] = {
    "equal": _named("Equal"),
    "greater": _named("Greater"),
    "greater_equal": _named("GreaterOrEqual"),
    "lesser": _named("Less"),
    "lesser_equal": _named("LessOrEqual"),
    "not_equal": _not_equal,
}
LOGIC: dict[str, Test] = {
    f"logical_{name}": _named(name.capitalize()) for name in ("and", "or", "xor")
}


def truth(ctx: Context, tensor: str, dtype: str) -> str:
    """Where `tensor` is not 0."""
    if dtype == "bool":
        return tensor
    return ctx.emit("Cast", tensor, to=9) if dtype != "float16" else _nonzero(ctx, tensor)


def _nonzero(ctx: Context, tensor: str) -> str:
    return ctx.emit("Not", ctx.emit("Equal", tensor, ctx.scalar(0, "float16")))


def _common(ctx: Context, *more: str) -> str:
    """The dtype in which inputs are compared; bool goes as int32, which ONNX orders."""
    dtypes = [ctx.dtype(place) for place in range(len(ctx.inputs))]
    floats = [one for one in dtypes if one.startswith("float")]
    common = np.result_type(*(floats or dtypes), *more).name
    return common if common not in ("bool", "int8", "uint8") else "int32"


def compare(test: Test) -> Translator:
    def translate(node: Node, ctx: Context) -> str:
        return ctx.as_output(test(ctx, *ctx.converted(_common(ctx))))

    return translate


def is_beyond(value: float, dtype: str) -> bool:
    """Whether it is undefined what C++ makes of `value` among integers."""
    limit = 2.0 ** (63 if dtype == "int64" else 31)
    return not -limit <= value < limit


def number_of(node: Node, dtype: str) -> float:
    """The number beside a tensor as MXNet takes it: cut to an integer where the tensor holds some.

    Beyond the smallest integers it wraps around. Raises ExportError beyond all.
    """
    node.attributes.ignore("is_int")
    value = node.attributes.number("scalar", 1)
    if dtype.startswith("float"):
        return value
    if is_beyond(value, dtype):
        raise ExportError(f"{node.label}: {dtype} and {value} are not supported.")
    if dtype == "bool":
        return value
    return int(np.array(int(value), np.int64).astype(dtype))


def compare_scalar(test: Test) -> Translator:
    def translate(node: Node, ctx: Context) -> str:
        dtype = _common(ctx)
        (data,) = ctx.converted(dtype)
        return ctx.as_output(test(ctx, data, ctx.scalar(number_of(node, ctx.dtype()), dtype)))

    return translate


def logic(test: Test) -> Translator:
    def translate(node: Node, ctx: Context) -> str:
        flags = [truth(ctx, one, ctx.dtype(place)) for place, one in enumerate(ctx.inputs)]
        return ctx.as_output(test(ctx, *flags))

    return translate


def logic_scalar(test: Test) -> Translator:
    def translate(node: Node, ctx: Context) -> str:
        flag = ctx.constant(np.array(number_of(node, ctx.dtype()) != 0))
        return ctx.as_output(test(ctx, truth(ctx, ctx.inputs[0], ctx.dtype()), flag))

    return translate


def logical_not(node: Node, ctx: Context) -> str:
    return ctx.as_output(ctx.emit("Not", truth(ctx, ctx.inputs[0], ctx.dtype())))


OPERATORS: dict[str, Translator] = {
    **{f"_{name}": compare(test) for name, test in COMPARISONS.items()},
    **{f"broadcast_{name}": compare(test) for name, test in COMPARISONS.items()},
    **{f"_{name}_scalar": compare_scalar(test) for name, test in COMPARISONS.items()},
    **{f"_{name}": logic(test) for name, test in LOGIC.items()},
    **{f"broadcast_{name}": logic(test) for name, test in LOGIC.items()},
    **{f"_{name}_scalar": logic_scalar(test) for name, test in LOGIC.items()},
    "logical_not": logical_not,
}
