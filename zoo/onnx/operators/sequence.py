"""Sequences of unequal lengths: masking, the last element, reversing."""

from __future__ import annotations

import numpy as np

from zoo.onnx.context import Context, Translator
from zoo.onnx.operators.slicing import turn_around
from zoo.onnx.symbol import Node


def _axis(node: Node, ctx: Context) -> tuple[int, bool]:
    """Which axis is time, and whether lengths are given."""
    axis = node.attributes.integer("axis", 0)
    return axis, node.attributes.flag("use_sequence_length", False)


def _lengths(ctx: Context) -> str:
    return ctx.cast(ctx.inputs[1], "int64", ctx.dtype(1))


def mask(node: Node, ctx: Context) -> str:
    """A value in place of what lies beyond a sequence's length."""
    axis, given = _axis(node, ctx)
    value = node.attributes.number("value", 0)
    if not given:
        return ctx.inputs[0]
    inside = ctx.emit("Less", _steps(ctx, axis), _beside(ctx, _lengths(ctx), axis))
    return ctx.emit("Where", inside, ctx.inputs[0], ctx.scalar(value))


def _steps(ctx: Context, axis: int) -> str:
    """0, 1, 2... along the axis of time."""
    shape = [1] * ctx.rank()
    length = ctx.shape()[axis]
    if isinstance(length, int):
        shape[axis] = length
        return ctx.constant(np.arange(length).reshape(shape))
    count = ctx.emit("Squeeze", ctx.size(0, axis), ctx.int64([0]))
    steps = ctx.emit("Range", ctx.scalar(0, "int64"), count, ctx.scalar(1, "int64"))
    shape[axis] = -1
    return ctx.emit("Reshape", steps, ctx.int64(shape))


def _beside(ctx: Context, lengths: str, axis: int) -> str:
    shape = [1] * ctx.rank()
    shape[1 - axis] = -1
    return ctx.emit("Reshape", lengths, ctx.int64(shape))


def last(node: Node, ctx: Context) -> str:
    """Of each sequence the last element."""
    axis, given = _axis(node, ctx)
    if not given:
        return ctx.emit("Gather", ctx.inputs[0], ctx.scalar(-1, "int64"), axis=axis)
    data = ctx.transpose(ctx.inputs[0], [1 - axis, axis, *range(2, ctx.rank())])
    places = ctx.emit("Sub", _lengths(ctx), ctx.scalar(1, "int64"))
    column = ctx.emit("Unsqueeze", places, ctx.int64([1]))
    return ctx.emit("GatherND", data, column, batch_dims=1)


def reverse(node: Node, ctx: Context) -> str:
    """Each sequence backwards; what lies beyond its length stays where it is."""
    axis, given = _axis(node, ctx)
    if not given:
        return turn_around(ctx, ctx.inputs[0], [axis])
    return ctx.emit(
        "ReverseSequence", ctx.inputs[0], _lengths(ctx), time_axis=axis, batch_axis=1 - axis
    )


OPERATORS: dict[str, Translator] = {
    "SequenceLast": last,
    "SequenceMask": mask,
    "SequenceReverse": reverse,
}
