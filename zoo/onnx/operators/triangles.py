"""Diagonals and triangles of square matrices, and what is computed from them."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from zoo.errors import ExportError
from zoo.onnx.context import Context, Translator
from zoo.onnx.operators.matrix import swap_last
from zoo.onnx.symbol import Node


def _length(node: Node, ctx: Context, place: int = 0) -> int:
    size = ctx.shape(place)[-1]
    if not isinstance(size, int):
        raise ExportError(f"{node.label}: a free last axis is not supported.")
    return size


def _taken(ctx: Context, size: int, order: NDArray[np.int64]) -> str:
    """The elements of square matrices that have a place in the order."""
    (data,) = ctx.inputs
    flat = ctx.reshape(data, (*ctx.shape()[:-2], size * size))
    places = np.argsort(order, axis=None)[np.count_nonzero(order < 0) :]
    return ctx.emit("Gather", flat, ctx.constant(places.astype(np.int64)), axis=-1)


def _put(ctx: Context, order: NDArray[np.int64]) -> str:
    """Square matrices of the input's elements; 0 where there is no place in the order."""
    every = ctx.emit("Gather", *ctx.inputs, ctx.constant(order.clip(0)), axis=-1)
    return ctx.emit("Where", ctx.constant(order >= 0), every, ctx.scalar(0))


def _numbered(chosen: NDArray[np.bool_]) -> NDArray[np.int64]:
    """The chosen elements' places, row by row; -1 for others."""
    counted = np.cumsum(chosen, dtype=np.int64).reshape(chosen.shape) - 1
    return np.where(chosen, counted, -1)


def _diagonal(size: int, offset: int) -> NDArray[np.int64]:
    return _numbered(np.eye(size, k=offset, dtype=bool))


def _triangle(node: Node, size: int, offset: int) -> NDArray[np.int64]:
    """Below a diagonal row by row, or above it column by column.

    `lower` counts for the main diagonal only.
    """
    lower = node.attributes.flag("lower", True)
    below = _numbered(np.tri(size, k=-abs(offset), dtype=bool))
    return below if offset < 0 or (offset == 0 and lower) else below.T


def extract_diagonal(node: Node, ctx: Context) -> str:
    size = _length(node, ctx)
    return _taken(ctx, size, _diagonal(size, node.attributes.integer("offset", 0)))


def make_diagonal(node: Node, ctx: Context) -> str:
    offset = node.attributes.integer("offset", 0)
    return _put(ctx, _diagonal(_length(node, ctx) + abs(offset), offset))


def extract_triangle(node: Node, ctx: Context) -> str:
    size = _length(node, ctx)
    return _taken(ctx, size, _triangle(node, size, node.attributes.integer("offset", 0)))


def make_triangle(node: Node, ctx: Context) -> str:
    offset = node.attributes.integer("offset", 0)
    rows = (math.isqrt(8 * _length(node, ctx) + 1) - 1) // 2
    return _put(ctx, _triangle(node, rows + abs(offset), offset))


def sum_log_diagonal(node: Node, ctx: Context) -> str:
    size = _length(node, ctx)
    logarithms = ctx.emit("Log", _taken(ctx, size, _diagonal(size, 0)))
    total = ctx.emit("ReduceSum", logarithms, ctx.int64([-1]), keepdims=0)
    return ctx.reshape(total, ctx.output().shape)


def sign_log_determinant(node: Node, ctx: Context) -> list[str]:
    determinant = ctx.emit("Det", *ctx.inputs)
    parts = ctx.emit("Sign", determinant), ctx.emit("Log", ctx.emit("Abs", determinant))
    return [ctx.reshape(part, ctx.output(place).shape) for place, part in enumerate(parts)]


def triangle_product(node: Node, ctx: Context) -> str:
    """A triangular matrix times another; the other triangle's numbers do not count."""
    attributes = node.attributes
    triangle, other = ctx.inputs
    triangle = ctx.emit("Trilu", triangle, upper=int(not attributes.flag("lower", True)))
    if attributes.flag("transpose", False):
        triangle = swap_last(ctx, triangle, ctx.rank())
    pair = (other, triangle) if attributes.flag("rightside", False) else (triangle, other)
    product, factor = ctx.emit("MatMul", *pair), attributes.number("alpha", 1)
    return product if factor == 1 else ctx.emit("Mul", product, ctx.scalar(factor))


OPERATORS: dict[str, Translator] = {
    "_linalg_extractdiag": extract_diagonal,
    "_linalg_extracttrian": extract_triangle,
    "_linalg_makediag": make_diagonal,
    "_linalg_maketrian": make_triangle,
    "_linalg_slogdet": sign_log_determinant,
    "_linalg_sumlogdiag": sum_log_diagonal,
    "_linalg_trmm": triangle_product,
}
