"""What moves elements without changing them: reshaping, turning, joining, repeating."""

from __future__ import annotations

import math

import numpy as np

from zoo.errors import ExportError
from zoo.onnx import opset
from zoo.onnx.context import Context, Translator
from zoo.onnx.shapes import Dimension
from zoo.onnx.symbol import Node


def reshape(node: Node, ctx: Context) -> str:
    """The special codes are resolved by the shapes that MXNet inferred, or else when it runs."""
    node.attributes.ignore("shape", "newshape", "reverse", "target_shape", "keep_highest", "order")
    backwards = node.attributes.flag("reverse", False)
    if node.op == "Reshape" and not backwards and ctx.output().shape.count(None) > 1:
        sizes = _by_codes(ctx, list(node.attributes.integers("shape")))
        return ctx.emit("Reshape", ctx.inputs[0], ctx.emit("Concat", *sizes, axis=0))
    return ctx.reshape(ctx.inputs[0], ctx.output().shape, ctx.shape())


def _by_codes(ctx: Context, codes: list[int]) -> list[str]:
    """The sizes that MXNet's codes stand for: kept, all others, joined or parted axes."""
    sizes, axis = [], 0
    while codes:
        code = codes.pop(0)
        if code == -2:
            sizes += [ctx.size(0, place) for place in range(axis, ctx.rank())]
            axis = ctx.rank()
        elif code == -3:
            sizes.append(ctx.emit("Mul", ctx.size(0, axis), ctx.size(0, axis + 1)))
            axis += 2
        elif code == -4:
            sizes += _parted(ctx, ctx.size(0, axis), codes.pop(0), codes.pop(0))
            axis += 1
        else:
            sizes.append(ctx.size(0, axis) if code == 0 else ctx.int64([code]))
            axis += 1
    return sizes


def _parted(ctx: Context, size: str, one: int, other: int) -> list[str]:
    if one == -1:
        return [ctx.emit("Div", size, ctx.int64([other])), ctx.int64([other])]
    if other == -1:
        return [ctx.int64([one]), ctx.emit("Div", size, ctx.int64([one]))]
    return [ctx.int64([one]), ctx.int64([other])]


def reshape_like(node: Node, ctx: Context) -> str:
    node.attributes.ignore("lhs_begin", "lhs_end", "rhs_begin", "rhs_end")
    target = ctx.output().shape
    if target == ctx.shape(1) and target.count(None) > 1:
        return ctx.emit("Reshape", ctx.inputs[0], ctx.emit("Shape", ctx.inputs[1]))
    return ctx.reshape(ctx.inputs[0], target, ctx.shape())


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
    given = [axis % ctx.rank() for axis in node.attributes.integers("axis")]
    if not given and not all(isinstance(size, int) for size in ctx.shape()):
        raise ExportError(
            f"{node.label} without axes drops a free axis where its size is 1: name the axes."
        )
    axes = given or ones
    if not ctx.output().shape or len(axes) < ctx.rank():
        return ctx.emit("Squeeze", *ctx.inputs, ctx.int64(axes)) if axes else ctx.inputs[0]
    return ctx.reshape(ctx.inputs[0], ctx.output().shape)  # `mx.nd` has no rank 0


def concat(node: Node, ctx: Context) -> str:
    node.attributes.ignore("num_args")
    axis = node.attributes.integer("dim", 1)
    return ctx.inputs[0] if len(ctx.inputs) == 1 else ctx.emit("Concat", *ctx.inputs, axis=axis)


def stack(node: Node, ctx: Context) -> str:
    node.attributes.ignore("num_args")
    axis = node.attributes.integer("axis", 0) % (ctx.rank() + 1)
    layers = [ctx.emit("Unsqueeze", one, ctx.int64([axis])) for one in ctx.inputs]
    return layers[0] if len(layers) == 1 else ctx.emit("Concat", *layers, axis=axis)


def tile(node: Node, ctx: Context) -> str:
    """The shorter one of shape and repetitions is filled up with ones in front."""
    repetitions = node.attributes.integers("reps")
    missing = len(repetitions) - ctx.rank()
    data = ctx.inputs[0]
    if missing > 0:
        data = ctx.emit("Unsqueeze", data, ctx.int64(range(missing)))
    return ctx.emit("Tile", data, ctx.int64([*[1] * -missing, *repetitions]))


def repeat(node: Node, ctx: Context) -> str:
    """Every element several times in a row."""
    axis, times = node.attributes.value("axis"), node.attributes.integer("repeats", 1)
    if axis is None:
        data, axis, rank = ctx.reshape(ctx.inputs[0], (None,)), 0, 1
    else:
        data, axis, rank = ctx.inputs[0], axis % ctx.rank(), ctx.rank()
    apart = ctx.emit("Unsqueeze", data, ctx.int64([axis + 1]))
    repetitions = [1] * (rank + 1)
    repetitions[axis + 1] = times
    tiled = ctx.emit("Tile", apart, ctx.int64(repetitions))
    before, after = ctx.int64([*[0] * axis, -1]), ctx.output().shape[axis + 1 :]
    if all(isinstance(size, int) for size in after):
        codes = [*[0] * axis, -1, *(int(size or 0) for size in after)]
        return ctx.emit("Reshape", tiled, ctx.int64(codes))
    kept = ctx.emit("Shape", data, start=axis + 1)
    return ctx.emit("Reshape", tiled, ctx.emit("Concat", before, kept, axis=0))


def expand(node: Node, ctx: Context) -> str:
    """One shape broadcast to another that is known."""
    node.attributes.ignore("axis", "size", "shape")
    target = [1 if size is None else size for size in ctx.output().shape]
    for place, size in enumerate(ctx.output().shape):
        if size is None and ctx.shape()[place - len(target)] != size:
            raise ExportError(f"{node.label}: axis {place} depends on free axes.")
    return ctx.emit("Expand", ctx.inputs[0], ctx.shape_tensor(target))


def broadcast_like(node: Node, ctx: Context) -> str:
    axes = node.attributes.value("lhs_axes"), node.attributes.value("rhs_axes")
    data, like = ctx.inputs
    if axes == (None, None):
        return ctx.emit("Expand", data, ctx.emit("Shape", like))
    sizes = [ctx.int64([1])] * ctx.rank()
    for one, other in zip(*axes, strict=True):
        sizes[one % ctx.rank()] = ctx.size(1, other)
    return ctx.emit("Expand", data, ctx.emit("Concat", *sizes, axis=0))


def depth_to_space(node: Node, ctx: Context) -> str:
    size = node.attributes.integer("block_size", 1)
    return ctx.emit("DepthToSpace", *ctx.inputs, blocksize=size, mode="DCR")


def space_to_depth(node: Node, ctx: Context) -> str:
    size = node.attributes.integer("block_size", 1)
    return ctx.emit("SpaceToDepth", *ctx.inputs, blocksize=size)


def pad(node: Node, ctx: Context) -> str:
    widths, mode = node.attributes.integers("pad_width"), node.attributes.text("mode")
    value = node.attributes.number("constant_value", 0)
    sizes = ctx.int64([*widths[::2], *widths[1::2]])
    number = [ctx.scalar(value)] if mode == "constant" and value else []
    return ctx.emit("Pad", ctx.inputs[0], sizes, *number, mode=mode)


def diag(node: Node, ctx: Context) -> str:
    """A vector becomes a diagonal; of more axes the diagonal of two is taken."""
    offset = node.attributes.integer("k", 0)
    if ctx.rank() == 1:
        node.attributes.ignore(*_DIAG_AXES)
        return _on_diagonal(node, ctx, offset)
    return diagonal(node, ctx, offset)


def diagonal(node: Node, ctx: Context, offset: int) -> str:
    """The diagonal of two axes, as the last one."""
    axes = [node.attributes.integer(name, k) % ctx.rank() for k, name in enumerate(_DIAG_AXES)]
    rows, columns = (_known(node, ctx.shape()[axis]) for axis in axes)
    others = [axis for axis in range(ctx.rank()) if axis not in axes]
    turned = ctx.transpose(ctx.inputs[0], [*others, *axes])
    flat = ctx.reshape(turned, (*(ctx.shape()[axis] for axis in others), rows * columns))
    return ctx.emit("Gather", flat, ctx.int64(_places(rows, columns, offset)), axis=-1)


_DIAG_AXES = ("axis1", "axis2")


def _known(node: Node, size: Dimension) -> int:
    if not isinstance(size, int):
        raise ExportError(f"{node.label}: the diagonal of a free axis is not supported.")
    return size


def _places(rows: int, columns: int, offset: int) -> list[int]:
    """Where the diagonal lies in the flat matrix."""
    matrix = np.arange(rows * columns).reshape(rows, columns)
    return [int(place) for place in np.diagonal(matrix, offset)]


def _on_diagonal(node: Node, ctx: Context, offset: int) -> str:
    size = _known(node, ctx.shape()[0]) + abs(offset)
    zeros = ctx.constant(np.zeros(size * size, ctx.dtype()))
    places = ctx.int64(_places(size, size, offset))
    scattered = ctx.emit("ScatterElements", zeros, places, ctx.inputs[0], axis=0)
    return ctx.reshape(scattered, (size, size))


def im2col(node: Node, ctx: Context) -> str:
    """Windows as columns: a convolution with a unit kernel for each of their elements."""
    attributes = node.attributes
    kernel = attributes.integers("kernel")
    channels, ones = _known(node, ctx.shape()[1]), (1,) * len(kernel)
    each = math.prod(kernel)
    unit = np.tile(np.eye(each, dtype=ctx.dtype()).reshape(each, 1, *kernel), (channels, *ones, 1))
    windows = ctx.emit(
        "Conv",
        ctx.inputs[0],
        ctx.constant(unit),
        strides=attributes.integers("stride", ones) or ones,
        dilations=attributes.integers("dilate", ones) or ones,
        pads=(attributes.integers("pad") or (0,) * len(kernel)) * 2,
        group=channels,
    )
    return ctx.emit("Reshape", windows, ctx.int64((0, channels * each, -1)))


def col2im(node: Node, ctx: Context) -> str:
    """Columns summed back into a picture."""
    attributes = node.attributes
    size, kernel = attributes.integers("output_size"), attributes.integers("kernel")
    ones, none = (1,) * len(kernel), (0,) * len(kernel)
    return opset.col2im(
        ctx,
        *ctx.inputs,
        ctx.int64(size),
        ctx.int64(kernel),
        strides=attributes.integers("stride") or ones,
        dilations=attributes.integers("dilate") or ones,
        pads=(attributes.integers("pad") or none) * 2,
    )


OPERATORS: dict[str, Translator] = {
    "Concat": concat,
    "Flatten": flatten,
    "Pad": pad,
    "Reshape": reshape,
    "SwapAxis": swap_axis,
    "_rnn_param_concat": concat,
    "broadcast_axis": expand,
    "broadcast_like": broadcast_like,
    "broadcast_to": expand,
    "col2im": col2im,
    "depth_to_space": depth_to_space,
    "diag": diag,
    "expand_dims": expand_dims,
    "im2col": im2col,
    "repeat": repeat,
    "reshape_like": reshape_like,
    "space_to_depth": space_to_depth,
    "squeeze": squeeze,
    "stack": stack,
    "tile": tile,
    "transpose": transpose,
}
