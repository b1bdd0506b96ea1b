"""Taking elements by their places, and putting them there."""

from __future__ import annotations

import numpy as np

from zoo.errors import ExportError
from zoo.onnx.context import END, Context, Translator
from zoo.onnx.operators.comparison import truth
from zoo.onnx.symbol import Node


def places(ctx: Context, place: int) -> str:
    """An input that holds indices, as int64."""
    return ctx.cast(ctx.inputs[place], "int64", ctx.dtype(place))


def bounded(ctx: Context, indices: str, length: str, mode: str) -> str:
    """Indices brought into [0, length): by their nearest, or by wrapping around."""
    if mode == "wrap":
        return ctx.emit("Mod", indices, length)
    last = ctx.emit("Sub", length, ctx.int64([1]))
    return ctx.emit("Max", ctx.emit("Min", indices, last), ctx.int64([0]))


def take(node: Node, ctx: Context) -> str:
    axis = node.attributes.value("axis", 0)
    mode = node.attributes.text("mode", "clip")
    if axis is None:
        raise ExportError(f"{node.label}: axis=None is not supported.")
    indices = places(ctx, 1)
    if mode != "raise":
        indices = bounded(ctx, indices, ctx.size(0, axis), mode)
    if ctx.rank(1) == 0:
        indices = ctx.reshape(indices, ())
    return ctx.emit("Gather", ctx.inputs[0], indices, axis=axis)


def pick(node: Node, ctx: Context) -> str:
    """From each row along the axis the element that its index tells."""
    attributes = node.attributes
    axis, keepdims = attributes.value("axis", -1), attributes.flag("keepdims", False)
    mode = attributes.text("mode", "clip")
    if axis is None:
        raise ExportError(f"{node.label}: axis=None is not supported.")
    axis %= ctx.rank()
    indices = places(ctx, 1)
    if ctx.rank(1) < ctx.rank():
        indices = ctx.emit("Unsqueeze", indices, ctx.int64([axis]))
    indices = bounded(ctx, indices, ctx.size(0, axis), mode)
    found = ctx.emit("GatherElements", ctx.inputs[0], indices, axis=axis)
    if keepdims:
        return found
    if ctx.rank() == 1 and ctx.output().shape:
        return found
    return ctx.emit("Squeeze", found, ctx.int64([axis]))


def batch_take(node: Node, ctx: Context) -> str:
    indices = bounded(ctx, places(ctx, 1), ctx.size(0, 1), "clip")
    column = ctx.emit("Unsqueeze", indices, ctx.int64([1]))
    found = ctx.emit("GatherElements", ctx.inputs[0], column, axis=1)
    return ctx.emit("Squeeze", found, ctx.int64([1]))


def _last_axis_first(rank: int) -> list[int]:
    return [*range(1, rank), 0]


def gather_nd(node: Node, ctx: Context) -> str:
    """Axis 0 of the indices holds the coordinates."""
    indices = ctx.transpose(places(ctx, 1), _last_axis_first(ctx.rank(1)))
    return ctx.emit("GatherND", ctx.inputs[0], indices)


def scatter_nd(node: Node, ctx: Context) -> str:
    node.attributes.ignore("shape")
    indices = ctx.transpose(places(ctx, 1), _last_axis_first(ctx.rank(1)))
    return ctx.emit("ScatterND", ctx.filled(0), indices, ctx.inputs[0])


def index_copy(node: Node, ctx: Context) -> str:
    data, _, rows = ctx.inputs
    column = ctx.emit("Unsqueeze", places(ctx, 1), ctx.int64([1]))
    return ctx.emit("ScatterND", data, column, rows)


def one_hot(node: Node, ctx: Context) -> str:
    """Indices outside of [0, depth) have no place that is on."""
    attributes, dtype = node.attributes, ctx.output().dtype
    attributes.ignore("dtype")
    classes = ctx.constant(np.arange(attributes.integer("depth", 0)))
    values = [attributes.number("on_value", 1), attributes.number("off_value", 0)]
    indices = ctx.emit("Unsqueeze", places(ctx, 0), ctx.int64([-1]))
    same = ctx.emit("Equal", indices, classes)
    return ctx.emit("Where", same, *(ctx.scalar(value, dtype) for value in values))


def where(node: Node, ctx: Context) -> str:
    """A condition of one axis chooses rows."""
    condition = truth(ctx, ctx.inputs[0], ctx.dtype())
    if node.op == "where" and ctx.rank() == 1 and ctx.rank(1) > 1:
        condition = ctx.reshape(condition, (*ctx.shape(), *[1] * (ctx.rank(1) - 1)))
    dtype = ctx.output().dtype
    one, other = (ctx.cast(ctx.inputs[k], dtype, ctx.dtype(k)) for k in (1, 2))
    return ctx.emit("Where", condition, one, other)


def ravel(node: Node, ctx: Context) -> str:
    """Coordinates, on axis 0, as places in the flat array."""
    shape = node.attributes.integers("shape")
    steps = [int(np.prod(shape[k + 1 :])) for k in range(len(shape))]
    weights = ctx.constant(np.array(steps, np.int64).reshape(-1, *[1] * (ctx.rank() - 1)))
    products = ctx.emit("Mul", places(ctx, 0), weights)
    return ctx.as_output(ctx.emit("ReduceSum", products, ctx.int64([0]), keepdims=0), "int64")


def unravel(node: Node, ctx: Context) -> str:
    """Places in the flat array as coordinates, on axis 0."""
    if ctx.rank() != 1:
        raise ExportError(f"{node.label}: MXNet takes a vector of places only.")
    shape = node.attributes.integers("shape")
    steps = [int(np.prod(shape[k + 1 :])) for k in range(len(shape))]
    column = (-1, *[1] * ctx.rank())
    indices = ctx.emit("Unsqueeze", places(ctx, 0), ctx.int64([0]))
    rows = ctx.emit("Div", indices, ctx.constant(np.array(steps, np.int64).reshape(column)))
    # MXNet leaves the first coordinate as large as it is
    sizes = ctx.constant(np.array([END, *shape[1:]], np.int64).reshape(column))
    return ctx.as_output(ctx.emit("Mod", rows, sizes), "int64")


OPERATORS: dict[str, Translator] = {
    "_contrib_index_copy": index_copy,
    "_ravel_multi_index": ravel,
    "_unravel_index": unravel,
    "batch_take": batch_take,
    "gather_nd": gather_nd,
    "one_hot": one_hot,
    "pick": pick,
    "scatter_nd": scatter_nd,
    "take": take,
    "where": where,
}
