"""Arrays of `mx.np`: their making, shapes, joining, cutting and products."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zoo.errors import ExportError
from zoo.onnx.context import END, Context, Translator
from zoo.onnx.operators import creation, indexing, shapes, slicing
from zoo.onnx.operators.comparison import truth
from zoo.onnx.operators.elementwise import same
from zoo.onnx.shapes import Dimension
from zoo.onnx.symbol import Node


def concatenate(node: Node, ctx: Context) -> str:
    node.attributes.ignore("num_args", "dim")
    axis = node.attributes.value("axis", 0)
    parts = ctx.converted(ctx.output().dtype)
    if axis is None:
        parts, axis = [ctx.reshape(one, (None,)) for one in parts], 0
    return parts[0] if len(parts) == 1 else ctx.emit("Concat", *parts, axis=axis)


def _joined(axis: int, rank: int) -> Translator:
    """Parts of a lower rank get axes first: as rows for axis 0, as columns for others."""

    def translate(node: Node, ctx: Context) -> str:
        node.attributes.ignore("num_args")
        parts = []
        for place, one in enumerate(ctx.inputs):
            missing = rank - ctx.rank(place)
            axes = range(missing) if axis == 0 else range(ctx.rank(place), rank)
            parts.append(ctx.emit("Unsqueeze", one, ctx.int64(axes)) if missing > 0 else one)
        return ctx.emit("Concat", *parts, axis=axis) if len(parts) > 1 else parts[0]

    return translate


def moveaxis(node: Node, ctx: Context) -> str:
    sources = [axis % ctx.rank() for axis in node.attributes.integers("source")]
    targets = [axis % ctx.rank() for axis in node.attributes.integers("destination")]
    order = [axis for axis in range(ctx.rank()) if axis not in sources]
    for target, source in sorted(zip(targets, sources, strict=True)):
        order.insert(target, source)
    return ctx.transpose(ctx.inputs[0], order)


def flip(node: Node, ctx: Context) -> str:
    axes = [axis % ctx.rank() for axis in node.attributes.integers("axis")]
    return slicing.turn_around(ctx, ctx.inputs[0], axes or list(range(ctx.rank())))


def roll(node: Node, ctx: Context) -> str:
    shifts, axes = node.attributes.integers("shift"), node.attributes.integers("axis")
    if not axes:
        flat = _rolled(ctx, ctx.reshape(ctx.inputs[0], (None,)), shifts[0], 0, None)
        return ctx.reshape(flat, ctx.output().shape)
    data = ctx.inputs[0]
    for place, axis in enumerate(axes):
        shift, length = shifts[place % len(shifts)], ctx.shape()[axis]
        data = _rolled(ctx, data, shift, axis % ctx.rank(), length)
    return data


def _rolled(ctx: Context, data: str, shift: int, axis: int, length: Dimension) -> str:
    """The end of an axis moved before its beginning; the axis may be shorter than the shift."""
    if not shift:
        return data
    axes = ctx.int64([axis])
    if isinstance(length, int):
        place = ctx.int64([-shift % length])
    else:
        measured = ctx.emit("Shape", data, start=axis, end=axis + 1)
        place = ctx.emit("Mod", ctx.int64([-shift]), measured)
    end = ctx.emit("Slice", data, place, ctx.int64([END]), axes)
    return ctx.emit("Concat", end, ctx.emit("Slice", data, ctx.int64([0]), place, axes), axis=axis)


def rot90(node: Node, ctx: Context) -> str:
    turns = node.attributes.integer("k", 1) % 4
    axes = [axis % ctx.rank() for axis in node.attributes.integers("axes", (0, 1))]
    order = list(range(ctx.rank()))
    order[axes[0]], order[axes[1]] = axes[1], axes[0]
    (data,) = ctx.inputs
    if turns == 0:
        return data
    if turns == 2:
        return slicing.turn_around(ctx, data, axes)
    if turns == 1:
        return ctx.transpose(slicing.turn_around(ctx, data, [axes[1]]), order)
    return slicing.turn_around(ctx, ctx.transpose(data, order), [axes[1]])


def pad(node: Node, ctx: Context) -> str:
    attributes = node.attributes
    mode = attributes.text("mode", "constant")
    attributes.ignore("reflect_type")
    widths = [tuple(pair) for pair in attributes.value("pad_width")]
    if mode not in ("constant", "edge", "reflect") or attributes.text("reflect_type") == "odd":
        raise ExportError(f"{node.label}: mode={mode!r} is not supported.")
    sizes = ctx.int64([*(begin for begin, _ in widths), *(end for _, end in widths)])
    value = attributes.number("constant_value", 0)
    number = [ctx.scalar(value)] if mode == "constant" and value else []
    return ctx.emit("Pad", ctx.inputs[0], sizes, *number, mode=mode)


def _diagonal(node: Node, ctx: Context) -> str:
    offset = node.attributes.integer("offset", 0)
    return shapes.diagonal(node, ctx, offset)


def trace(node: Node, ctx: Context) -> str:
    return ctx.emit("ReduceSum", _diagonal(node, ctx), ctx.int64([-1]), keepdims=0)


def tril(node: Node, ctx: Context) -> str:
    diagonal = ctx.scalar(node.attributes.integer("k", 0), "int64")
    return ctx.emit("Trilu", *ctx.inputs, diagonal, upper=0)


def _at_least(node: Node, ctx: Context) -> list[str]:
    node.attributes.ignore("num_args")
    return [
        ctx.reshape(one, ctx.output(place).shape, ctx.shape(place))
        for place, one in enumerate(ctx.inputs)
    ]


def dot(node: Node, ctx: Context) -> str:
    """The last axis of one with the last but one of the other."""
    one, other = ctx.inputs
    if 0 in (ctx.rank(), ctx.rank(1)):
        return ctx.emit("Mul", one, other)
    if ctx.rank(1) <= 2:
        return ctx.emit("MatMul", one, other)
    axes = [ctx.rank() - 1], [ctx.rank(1) - 2]
    return _contracted(ctx, *axes)


def tensordot(node: Node, ctx: Context) -> str:
    axes = [list(node.attributes.integers(name)) for name in ("a_axes_summed", "b_axes_summed")]
    return _contracted(ctx, *axes)


def tensordot_count(node: Node, ctx: Context) -> str:
    count = node.attributes.integer("axes", 2)
    return _contracted(ctx, list(range(ctx.rank() - count, ctx.rank())), list(range(count)))


def _contracted(ctx: Context, one: list[int], other: list[int]) -> str:
    """Sums over pairs of axes, written as an Einsum."""
    letters = iter("abcdefghijklmnopqrstuvwxyz")
    left = [next(letters) for _ in range(ctx.rank())]
    right = [next(letters) for _ in range(ctx.rank(1))]
    for mine, theirs in zip(one, other, strict=True):
        right[theirs % ctx.rank(1)] = left[mine % ctx.rank()]
    free = [*(x for x in left if x not in right), *(x for x in right if x not in left)]
    equation = f"{''.join(left)},{''.join(right)}->{''.join(free)}"
    return ctx.emit("Einsum", *ctx.inputs, equation=equation)


def einsum(node: Node, ctx: Context) -> str:
    node.attributes.ignore("num_args", "optimize")
    return ctx.emit("Einsum", *ctx.inputs, equation=node.attributes.text("subscripts"))


def identity(node: Node, ctx: Context) -> str:
    node.attributes.ignore("shape", "N", "ctx", "dtype")
    return ctx.constant(np.eye(creation.static(node, ctx)[0], dtype=ctx.output().dtype))


def logspace(node: Node, ctx: Context) -> str:
    attributes = node.attributes
    attributes.ignore("num", "ctx", "dtype")
    (length,) = creation.static(node, ctx)
    start, stop = attributes.number("start", 0), attributes.number("stop", 1)
    ends, radix = attributes.flag("endpoint", True), attributes.number("base", 10)
    numbers = np.logspace(start, stop, length, ends, radix)
    return ctx.constant(numbers.astype(ctx.output().dtype))


def _taper(function: Callable[[int], NDArray[Any]]) -> Translator:
    def translate(node: Node, ctx: Context) -> str:
        node.attributes.ignore("M", "ctx", "dtype")
        (length,) = creation.static(node, ctx)
        return ctx.constant(function(length).astype(ctx.output().dtype))

    return translate


def indices(node: Node, ctx: Context) -> str:
    node.attributes.ignore("dimensions", "ctx", "dtype")
    shape = creation.static(node, ctx)[1:]
    return ctx.constant(np.indices(shape).astype(ctx.output().dtype))


def diff(node: Node, ctx: Context) -> str:
    times, axis = node.attributes.integer("n", 1), node.attributes.integer("axis", -1)
    (data,) = ctx.inputs
    for _ in range(times):
        later = ctx.slice(data, [1], [END], [axis])
        data = ctx.emit("Sub", later, ctx.slice(data, [0], [-1], [axis]))
    return data


def where_numbers(node: Node, ctx: Context) -> str:
    numbers = [node.attributes.number(name, 0) for name in ("x", "y")]
    dtype = ctx.output().dtype
    condition = truth(ctx, ctx.inputs[0], ctx.dtype())
    return ctx.emit("Where", condition, *(ctx.scalar(number, dtype) for number in numbers))


def _where_number(first: bool) -> Translator:
    def translate(node: Node, ctx: Context) -> str:
        number = ctx.scalar(node.attributes.number("scalar", 0), ctx.output().dtype)
        condition, other = ctx.inputs
        condition = truth(ctx, condition, ctx.dtype())
        return ctx.emit("Where", condition, *((number, other) if first else (other, number)))

    return translate


OPERATORS: dict[str, Translator] = {
    "_np_atleast_1d": _at_least,
    "_np_atleast_2d": _at_least,
    "_np_atleast_3d": _at_least,
    "_np_copy": same,
    "_np_diag": shapes.diag,
    "_np_diagonal": _diagonal,
    "_np_dot": dot,
    "_np_moveaxis": moveaxis,
    "_np_repeat": shapes.repeat,
    "_np_reshape": shapes.reshape,
    "_np_roll": roll,
    "_np_squeeze": shapes.squeeze,
    "_np_trace": trace,
    "_np_transpose": shapes.transpose,
    "_npi_arange": creation.arange,
    "_npi_blackman": _taper(np.blackman),
    "_npi_broadcast_to": shapes.expand,
    "_npi_column_stack": _joined(1, 2),
    "_npi_concatenate": concatenate,
    "_npi_diff": diff,
    "_npi_dsplit": slicing.split_v2,
    "_npi_einsum": einsum,
    "_npi_expand_dims": shapes.expand_dims,
    "_npi_eye": creation.eye,
    "_npi_flip": flip,
    "_npi_full_like": creation.full_like,
    "_npi_hamming": _taper(np.hamming),
    "_npi_hanning": _taper(np.hanning),
    "_npi_hsplit": slicing.split_v2,
    "_npi_identity": identity,
    "_npi_indices": indices,
    "_npi_logspace": logspace,
    "_npi_matmul": lambda node, ctx: ctx.emit("MatMul", *ctx.inputs),
    "_npi_ones": creation.filled(1),
    "_npi_pad": pad,
    "_npi_rot90": rot90,
    "_npi_stack": shapes.stack,
    "_npi_tensordot": tensordot,
    "_npi_tensordot_int_axes": tensordot_count,
    "_npi_tril": tril,
    "_npi_vstack": _joined(0, 2),
    "_npi_where": indexing.where,
    "_npi_where_lscalar": _where_number(True),
    "_npi_where_rscalar": _where_number(False),
    "_npi_where_scalar2": where_numbers,
    "_npi_zeros": creation.filled(0),
    "_npx_reshape": shapes.reshape,
}
