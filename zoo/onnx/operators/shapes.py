"""What moves elements without changing them: reshaping, turning, joining and cutting."""

from __future__ import annotations

from zoo.errors import ExportError
from zoo.onnx.context import Context
from zoo.onnx.symbol import Node

_END = (1 << 63) - 1


def reshape(node: Node, ctx: Context) -> str:
    """The special codes are resolved by the shapes that MXNet inferred."""
    node.attributes.ignore("shape", "reverse", "target_shape", "keep_highest")
    return ctx.reshape(ctx.inputs[0], ctx.output().shape, ctx.shape())


def flatten(node: Node, ctx: Context) -> str:
    if ctx.rank() == 2:
        return ctx.inputs[0]
    return ctx.emit("Flatten", *ctx.inputs, axis=1)


def transpose(node: Node, ctx: Context) -> str:
    order = node.attributes.integers("axes") or tuple(reversed(range(ctx.rank())))
    return ctx.transpose(ctx.inputs[0], [axis % ctx.rank() for axis in order])


def swap_axis(node: Node, ctx: Context) -> str:
    order = list(range(ctx.rank()))
    one, other = node.attributes.integer("dim1", 0), node.attributes.integer("dim2", 0)
    order[one], order[other] = order[other], order[one]
    return ctx.transpose(ctx.inputs[0], order)


def expand_dims(node: Node, ctx: Context) -> str:
    return ctx.emit("Unsqueeze", *ctx.inputs, ctx.int64([node.attributes.integer("axis", 0)]))


def squeeze(node: Node, ctx: Context) -> str:
    ones = [axis for axis, size in enumerate(ctx.shape()) if size == 1]
    axes = [axis % ctx.rank() for axis in node.attributes.integers("axis")] or ones
    return ctx.emit("Squeeze", *ctx.inputs, ctx.int64(axes)) if axes else ctx.inputs[0]


def concat(node: Node, ctx: Context) -> str:
    node.attributes.ignore("num_args")
    axis = node.attributes.integer("dim", 1)
    return ctx.inputs[0] if len(ctx.inputs) == 1 else ctx.emit("Concat", *ctx.inputs, axis=axis)


def stack(node: Node, ctx: Context) -> str:
    node.attributes.ignore("num_args")
    axis = node.attributes.integer("axis", 0) % (ctx.rank() + 1)
    layers = [ctx.emit("Unsqueeze", one, ctx.int64([axis])) for one in ctx.inputs]
    return layers[0] if len(layers) == 1 else ctx.emit("Concat", *layers, axis=axis)


def slice_axis(node: Node, ctx: Context) -> str:
    begin, end = node.attributes.integer("begin", 0), node.attributes.value("end")
    bounds = ctx.int64([begin]), ctx.int64([_END if end is None else end])
    return ctx.emit("Slice", *ctx.inputs, *bounds, ctx.int64([node.attributes.integer("axis", 0)]))


def slice_channel(node: Node, ctx: Context) -> list[str]:
    axis = node.attributes.integer("axis", 1) % ctx.rank()
    count = node.attributes.integer("num_outputs", 1)
    size = ctx.shape()[axis]
    if not isinstance(size, int):
        raise ExportError(f"{node.label}: a free axis cannot be cut into {count} parts.")
    parts = ctx.emit_many(
        "Split", *ctx.inputs, ctx.int64([size // count] * count), outputs=count, axis=axis
    )
    if not node.attributes.flag("squeeze_axis", False):
        return parts
    return [ctx.emit("Squeeze", part, ctx.int64([axis])) for part in parts]


def zeros(node: Node, ctx: Context) -> str:
    node.attributes.ignore("shape", "ctx", "dtype")
    return ctx.filled(0)


def ones(node: Node, ctx: Context) -> str:
    node.attributes.ignore("shape", "ctx", "dtype")
    return ctx.filled(1)


OPERATORS = {
    "Concat": concat,
    "Flatten": flatten,
    "Reshape": reshape,
    "SliceChannel": slice_channel,
    "SwapAxis": swap_axis,
    "_ones": ones,
    "_rnn_param_concat": concat,
    "_zeros": zeros,
    "expand_dims": expand_dims,
    "slice_axis": slice_axis,
    "squeeze": squeeze,
    "stack": stack,
    "transpose": transpose,
}
