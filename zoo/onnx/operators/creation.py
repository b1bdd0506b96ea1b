"""Tensors made of numbers alone: zeros, ones, ranges, the unit matrix."""

from __future__ import annotations

import math

import numpy as np

from zoo.errors import ExportError
from zoo.onnx.context import Context, Translator
from zoo.onnx.symbol import Node


def filled(value: float) -> Translator:
    def translate(node: Node, ctx: Context) -> str:
        node.attributes.ignore("shape", "ctx", "dtype")
        return ctx.filled(value)

    return translate


def full(node: Node, ctx: Context) -> str:
    node.attributes.ignore("shape", "ctx", "dtype")
    return ctx.filled(node.attributes.number("value", 0))


def _like(value: float) -> Translator:
    def translate(node: Node, ctx: Context) -> str:
        node.attributes.ignore("dtype")  # as MXNet does
        return ctx.filled(value, ctx.inputs[0])

    return translate


def full_like(node: Node, ctx: Context) -> str:
    node.attributes.ignore("ctx", "dtype")
    return ctx.filled(node.attributes.number("fill_value", 0), ctx.inputs[0])


def static(node: Node, ctx: Context) -> list[int]:
    shape = ctx.output().shape
    if not all(isinstance(size, int) for size in shape):
        raise ExportError(f"{node.label}: its length depends on a free axis.")
    return [int(size or 0) for size in shape]


def arange(node: Node, ctx: Context) -> str:
    attributes = node.attributes
    attributes.ignore("ctx", "dtype")
    (length,) = static(node, ctx)
    start, step = attributes.number("start", 0), attributes.number("step", 1)
    open_end = attributes.flag("infer_range", False)
    if attributes.value("stop") is None and not open_end:  # a lone bound is the end
        start = 0
    places = np.arange(length) // attributes.integer("repeat", 1)
    return ctx.constant((start + step * places).astype(ctx.output().dtype))


def linspace(node: Node, ctx: Context) -> str:
    attributes = node.attributes
    attributes.ignore("num", "ctx", "dtype")
    (length,) = static(node, ctx)
    start, stop = attributes.number("start", 0), attributes.number("stop", 1)
    ends = attributes.flag("endpoint", True)
    return ctx.constant(np.linspace(start, stop, length, ends).astype(ctx.output().dtype))


def eye(node: Node, ctx: Context) -> str:
    node.attributes.ignore("N", "M", "ctx", "dtype")
    rows, columns = static(node, ctx)
    return ctx.constant(np.eye(rows, columns, node.attributes.integer("k", 0), ctx.output().dtype))


def arange_like(node: Node, ctx: Context) -> str:
    """As many numbers as an axis is long, or, without an axis, as there are elements."""
    attributes, dtype = node.attributes, ctx.output().dtype
    attributes.ignore("ctx")
    axis, repeat = attributes.value("axis"), attributes.integer("repeat", 1)
    start, step = attributes.number("start", 0), attributes.number("step", 1)
    shape = ctx.output().shape
    if all(isinstance(size, int) for size in shape):
        places = np.arange(math.prod(static(node, ctx))) // repeat
        return ctx.constant((start + step * places).astype(dtype).reshape(static(node, ctx)))
    count = ctx.emit("Size", *ctx.inputs) if axis is None else _scalar(ctx, ctx.size(0, axis))
    numbers = _range(ctx, count, repeat, dtype)
    if step != 1:
        numbers = ctx.emit("Mul", numbers, ctx.scalar(step, dtype))
    if start:
        numbers = ctx.emit("Add", numbers, ctx.scalar(start, dtype))
    if axis is not None:
        return numbers
    return ctx.emit("Reshape", numbers, ctx.emit("Shape", *ctx.inputs))


def _scalar(ctx: Context, vector: str) -> str:
    return ctx.emit("Squeeze", vector, ctx.int64([0]))


def _range(ctx: Context, count: str, repeat: int, dtype: str) -> str:
    places = ctx.emit("Range", ctx.scalar(0, "int64"), count, ctx.scalar(1, "int64"))
    if repeat > 1:
        places = ctx.emit("Div", places, ctx.scalar(repeat, "int64"))
    return ctx.cast(places, dtype, "int64")


def shape_array(node: Node, ctx: Context) -> str:
    return ctx.emit("Shape", *ctx.inputs)


def size_array(node: Node, ctx: Context) -> str:
    return ctx.reshape(ctx.emit("Size", *ctx.inputs), (1,))


def index_array(node: Node, ctx: Context) -> str:
    """The coordinates of every element."""
    axes = node.attributes.integers("axes", tuple(range(ctx.rank())))
    shape = ctx.shape()
    if not all(isinstance(size, int) for size in shape):
        raise ExportError(f"{node.label}: a free axis is not supported.")
    every = np.indices([int(size or 0) for size in shape])
    return ctx.constant(np.stack([every[axis] for axis in axes], -1).astype(np.int64))


OPERATORS: dict[str, Translator] = {
    "_arange": arange,
    "_contrib_arange_like": arange_like,
    "_contrib_index_array": index_array,
    "_eye": eye,
    "_full": full,
    "_linspace": linspace,
    "_ones": filled(1),
    "_zeros": filled(0),
    "_zeros_without_dtype": filled(0),
    "ones_like": _like(1),
    "shape_array": shape_array,
    "size_array": size_array,
    "zeros_like": _like(0),
}
