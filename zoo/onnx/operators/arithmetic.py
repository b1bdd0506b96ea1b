"""Sums, differences, products and quotients: of two tensors, of many, of a tensor and a number."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial, reduce

from zoo.errors import ExportError
from zoo.onnx.context import Context, Translator
from zoo.onnx.operators.comparison import is_beyond
from zoo.onnx.symbol import Node

Pair = Callable[[Context, str, str, str], str]  # context, two tensors, their dtype


def named(op_type: str) -> Pair:
    return lambda ctx, one, other, dtype: ctx.emit(op_type, one, other)


def mod(ctx: Context, one: str, other: str, dtype: str) -> str:
    """The remainder with the divisor's sign; 0 where the divisor is 0."""
    zero = ctx.scalar(0, dtype)
    by_zero = ctx.emit("Equal", other, zero)
    other = ctx.emit("Where", by_zero, ctx.scalar(1, dtype), other)
    if not dtype.startswith("float"):
        return ctx.emit("Mod", one, other)
    rest = ctx.emit("Mod", one, other, fmod=1)
    apart = ctx.emit("Less", ctx.emit("Mul", rest, other), zero)
    signed = ctx.emit("Where", apart, ctx.emit("Add", rest, other), rest)
    return ctx.emit("Where", by_zero, zero, signed)


def hypot(ctx: Context, one: str, other: str, dtype: str) -> str:
    """In 64 bits: the square of a number above 1.8e19 is beyond 32."""
    one, other = ctx.cast(one, "float64", dtype), ctx.cast(other, "float64", dtype)
    squares = ctx.emit("Mul", one, one), ctx.emit("Mul", other, other)
    return ctx.cast(ctx.emit("Sqrt", ctx.emit("Add", *squares)), dtype, "float64")


def copysign(ctx: Context, one: str, other: str, dtype: str) -> str:
    size, zero = ctx.emit("Abs", one), ctx.scalar(0, dtype)
    return ctx.emit("Where", ctx.emit("Less", other, zero), ctx.emit("Neg", size), size)


def ldexp(ctx: Context, one: str, other: str, dtype: str) -> str:
    return ctx.emit("Mul", one, ctx.emit("Pow", ctx.scalar(2, dtype), other))


PAIRS: dict[str, Pair] = {
    "add": named("Add"),
    "div": named("Div"),
    "hypot": hypot,
    "maximum": named("Max"),
    "minimum": named("Min"),
    "mod": mod,
    "mul": named("Mul"),
    "power": named("Pow"),
    "sub": named("Sub"),
}
_SCALAR = {
    "div": "div",
    "hypot": "hypot",
    "maximum": "maximum",
    "minimum": "minimum",
    "minus": "sub",
    "mod": "mod",
    "mul": "mul",
    "plus": "add",
    "power": "power",
}
_SWAPPED = {"rdiv": "div", "rminus": "sub", "rmod": "mod", "rpower": "power"}
_NOTHING = {"add": 0.0, "div": 1.0, "mul": 1.0, "power": 1.0, "sub": 0.0}


def binary(pair: Pair) -> Translator:
    """Of two tensors, in the dtype of the output."""

    def translate(node: Node, ctx: Context) -> str:
        dtype = ctx.output().dtype
        node.attributes.ignore("axis")  # Gluon's cosine loss gives one, MXNet has none
        one, other = ctx.converted(dtype)
        return pair(ctx, one, other, dtype)

    return translate


def add_n(node: Node, ctx: Context) -> str:
    """ONNX's Sum is of floating-point numbers only."""
    node.attributes.ignore("num_args")
    if not ctx.dtype().startswith("float"):
        return reduce(partial(ctx.emit, "Add"), ctx.inputs)
    return ctx.emit("Sum", *ctx.inputs)


def scalar(name: str, pair: Pair, *, swapped: bool = False) -> Translator:
    """Of a tensor and a number, in the dtype of the output."""

    def translate(node: Node, ctx: Context) -> str:
        value, dtype = node.attributes.number("scalar", 1), ctx.output().dtype
        node.attributes.ignore("is_int")
        broken = not ctx.dtype().startswith("float") and value % 1
        if broken or (not dtype.startswith("float") and is_beyond(value, dtype)):
            raise ExportError(f"{node.label}: {ctx.dtype()} and {value} are not supported.")
        (data,) = ctx.converted(dtype)
        if value == _NOTHING.get(name) and not swapped:
            return data
        number = ctx.scalar(value, dtype)
        return pair(ctx, *((number, data) if swapped else (data, number)), dtype)

    return translate


OPERATORS: dict[str, Translator] = {
    **{f"elemwise_{name}": binary(PAIRS[name]) for name in ("add", "div", "mul", "sub")},
    **{f"broadcast_{name}": binary(pair) for name, pair in PAIRS.items()},
    **{f"_{name}": binary(PAIRS[name]) for name in PAIRS},
    **{f"_{name}_scalar": scalar(kind, PAIRS[kind]) for name, kind in _SCALAR.items()},
    **{
        f"_{name}_scalar": scalar(kind, PAIRS[kind], swapped=True)
        for name, kind in _SWAPPED.items()
    },
    "_grad_add": binary(PAIRS["add"]),
    "_scatter_elemwise_div": binary(PAIRS["div"]),
    "_scatter_minus_scalar": scalar("sub", PAIRS["sub"]),
    "_scatter_plus_scalar": scalar("add", PAIRS["add"]),
    "add_n": add_n,
}
