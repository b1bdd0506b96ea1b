"""Sums, means, products, norms and extremes over axes; running sums; places of extremes."""

from __future__ import annotations

from collections.abc import Sequence

from zoo.errors import ExportError
from zoo.onnx import opset
from zoo.onnx.context import Context, Translator
from zoo.onnx.symbol import Node

_NORMS = {1: "ReduceL1", 2: "ReduceL2"}
_OF_ALL_ELEMENTS = (1, -2)  # values of `flag` that mean the root of the sum of squares
_WIDE = {"float16": "float32", "bool": "int64", "int8": "int32", "uint8": "int32"}


def reduction(op_type: str, *, without_nan: float | None = None) -> Translator:
    """`without_nan` takes the place of every NaN."""

    def translate(node: Node, ctx: Context) -> str:
        keepdims = node.attributes.flag("keepdims", False)
        node.attributes.ignore("dtype", "initial")
        if node.attributes.text("initial", "None") != "None":
            raise ExportError(f"{node.label}: initial={node.attributes['initial']} is refused.")
        axes = axes_of(node, ctx.rank())
        dtype = _dtype(node, ctx, op_type)
        data = ctx.cast(ctx.inputs[0], dtype, ctx.dtype())
        if without_nan is not None and dtype.startswith("float"):
            number = ctx.scalar(without_nan, dtype)
            data = ctx.emit("Where", ctx.emit("IsNaN", data), number, data)
        return ctx.as_output(_over(ctx, op_type, data, axes, keepdims), dtype)

    return translate


def _dtype(node: Node, ctx: Context, op_type: str) -> str:
    """What is reduced: the output's dtype where that is wider, and one that ONNX reduces."""
    source, result = ctx.dtype(), ctx.output().dtype
    if op_type in ("ReduceMax", "ReduceMin"):
        return _WIDE.get(source, source)
    if op_type == "ReduceMean" and not result.startswith("float"):
        raise ExportError(f"{node.label}: a {ctx.dtype()} input is not supported.")
    return _WIDE.get(result, result)


def _over(ctx: Context, op_type: str, data: str, axes: Sequence[int], keepdims: bool) -> str:
    if not axes:
        return data
    result = opset.reduce(ctx, op_type, data, axes, keepdims)
    if len(axes) == ctx.rank() and not keepdims and ctx.output().shape:  # `mx.nd` has no rank 0
        return ctx.reshape(result, (1,))
    return result


def axes_of(node: Node, rank: int) -> list[int]:
    """The axes to reduce, all of them when none is named."""
    given = [axis % rank for axis in node.attributes.integers("axis")]
    if node.attributes.flag("exclude", False):
        return [axis for axis in range(rank) if axis not in given]
    return sorted(given) or list(range(rank))


def norm(node: Node, ctx: Context) -> str:
    attributes = node.attributes
    order, keepdims = attributes.number("ord", 2), attributes.flag("keepdims", False)
    attributes.ignore("out_dtype", "flag")
    if order not in (1, 2):
        raise ExportError(f"{node.label}: ord={order:g} is not supported, only 1 and 2.")
    axes = axes_of(node, ctx.rank())
    if len(axes) == 2 and "None" not in attributes.text("axis") and order == 1:
        raise ExportError(f"{node.label}: the matrix norm of order 1 is not supported.")
    op_type = _NORMS[int(order)]
    dtype = _dtype(node, ctx, op_type)
    (data,) = ctx.converted(dtype)
    return ctx.as_output(_over(ctx, op_type, data, axes, keepdims), dtype)


def np_norm(node: Node, ctx: Context) -> str:
    """`mx.np.linalg.norm`, which says in `flag` what it means over two axes."""
    flag = node.attributes.integer("flag", -1)
    if len(axes_of(node, ctx.rank())) == 2 and flag not in _OF_ALL_ELEMENTS:
        raise ExportError(
            f"{node.label}: a norm of matrices is not supported, only that of vectors (over one "
            "axis) and Frobenius' (without `ord`)."
        )
    return norm(node, ctx)


def moments(node: Node, ctx: Context) -> list[str]:
    """Mean and variance."""
    axes = [axis % ctx.rank() for axis in node.attributes.integers("axes")]
    axes, keepdims = axes or list(range(ctx.rank())), node.attributes.flag("keepdims", False)
    (data,) = ctx.inputs
    mean = opset.reduce(ctx, "ReduceMean", data, axes, True)
    apart = ctx.emit("Sub", data, mean)
    variance = _over(ctx, "ReduceMean", ctx.emit("Mul", apart, apart), axes, keepdims)
    return [mean if keepdims else _over(ctx, "ReduceMean", data, axes, False), variance]


def extreme_place(op_type: str) -> Translator:
    def translate(node: Node, ctx: Context) -> str:
        axis, keepdims = node.attributes.value("axis"), node.attributes.flag("keepdims", False)
        (data,) = ctx.converted(_WIDE.get(ctx.dtype(), ctx.dtype()))
        if axis is None:
            flat = ctx.reshape(data, (None,))
            place = ctx.emit(op_type, flat, axis=0, keepdims=1)
            return ctx.as_output(ctx.reshape(place, ctx.output().shape, (1,)), "int64")
        place = ctx.emit(op_type, data, axis=axis, keepdims=int(keepdims))
        if ctx.rank() == 1 and not keepdims and ctx.output().shape:
            place = ctx.reshape(place, (1,))
        return ctx.as_output(place, "int64")

    return translate


def argmax_channel(node: Node, ctx: Context) -> str:
    return ctx.as_output(ctx.emit("ArgMax", *ctx.inputs, axis=1, keepdims=0), "int64")


def cumsum(node: Node, ctx: Context) -> str:
    axis = node.attributes.value("axis")
    node.attributes.ignore("dtype")
    dtype = _WIDE.get(ctx.output().dtype, ctx.output().dtype)
    (data,) = ctx.converted(dtype)
    if axis is None:
        data = ctx.reshape(data, (None,))
    place = ctx.int64([0 if axis is None else axis % ctx.rank()])
    return ctx.as_output(ctx.emit("CumSum", data, place), dtype)


OPERATORS: dict[str, Translator] = {
    "_np_cumsum": cumsum,
    "_square_sum": reduction("ReduceSumSquare"),
    "argmax": extreme_place("ArgMax"),
    "argmax_channel": argmax_channel,
    "argmin": extreme_place("ArgMin"),
    "max": reduction("ReduceMax"),
    "mean": reduction("ReduceMean"),
    "min": reduction("ReduceMin"),
    "moments": moments,
    "nanprod": reduction("ReduceProd", without_nan=1),
    "nansum": reduction("ReduceSum", without_nan=0),
    "norm": norm,
    "prod": reduction("ReduceProd"),
    "sum": reduction("ReduceSum"),
}
