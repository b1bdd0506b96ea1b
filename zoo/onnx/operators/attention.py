"""Attention over interleaved projections: queries, keys and values side by side for each head."""

from __future__ import annotations

import math

from zoo.errors import ExportError
from zoo.onnx.context import Context, Translator
from zoo.onnx.shapes import Dimension
from zoo.onnx.symbol import Node


def _heads(node: Node, ctx: Context, place: int, parts: int) -> list[str]:
    """(time, batch, heads * parts * width) as `parts` tensors (batch * heads, time, width)."""
    heads, (time, batch, size) = node.attributes.integer("heads", 1), ctx.shape(place)
    width = _width(node, size, heads * parts)
    joined = _joined(batch, heads)
    apart = ctx.reshape(ctx.inputs[place], (time, joined, parts * width))
    turned = ctx.transpose(apart, (1, 0, 2))
    if parts == 1:
        return [turned]
    return ctx.emit_many("Split", turned, ctx.int64([width] * parts), outputs=parts, axis=2)


def _width(node: Node, size: Dimension, count: int) -> int:
    if not isinstance(size, int):
        raise ExportError(f"{node.label}: the size of its input's last axis is not known.")
    return size // count


def _joined(batch: Dimension, heads: int) -> Dimension:
    return batch * heads if isinstance(batch, int) else None


def _scores(ctx: Context, queries: str, keys: str, width: int) -> str:
    scaled = ctx.emit("Mul", queries, ctx.scalar(1 / math.sqrt(width)))
    return ctx.emit("MatMul", scaled, ctx.transpose(keys, (0, 2, 1)))


def self_scores(node: Node, ctx: Context) -> str:
    queries, keys, _ = _heads(node, ctx, 0, 3)
    heads = node.attributes.integer("heads", 1)
    return _scores(ctx, queries, keys, _width(node, ctx.shape()[2], 3 * heads))


def cross_scores(node: Node, ctx: Context) -> str:
    (queries,), (keys, _) = _heads(node, ctx, 0, 1), _heads(node, ctx, 1, 2)
    heads = node.attributes.integer("heads", 1)
    return _scores(ctx, queries, keys, _width(node, ctx.shape()[2], heads))


def _mixed(parts: int) -> Translator:
    """Weights times values, the heads side by side again: (time, batch, heads * width)."""

    def translate(node: Node, ctx: Context) -> str:
        values = _heads(node, ctx, 0, parts)[-1]
        mixed = ctx.emit("MatMul", ctx.inputs[1], values)
        turned = ctx.transpose(mixed, (1, 0, 2))
        return ctx.reshape(turned, ctx.output().shape, (ctx.shape(1)[1], None, None))

    return translate


OPERATORS: dict[str, Translator] = {
    "_contrib_interleaved_matmul_encdec_qk": cross_scores,
    "_contrib_interleaved_matmul_encdec_valatt": _mixed(2),
    "_contrib_interleaved_matmul_selfatt_qk": self_scores,
    "_contrib_interleaved_matmul_selfatt_valatt": _mixed(3),
}
