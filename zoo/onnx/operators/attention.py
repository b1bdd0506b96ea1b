"""Attention over interleaved projections: queries, keys and values side by side for each head.

MXNet has an operator for the scores and one for the sums of values. Where the opset has Attention,
both, and the softmax between them, are one node of that; pruning drops what nobody takes then.
"""

from __future__ import annotations

import math

from zoo.errors import ExportError
from zoo.onnx import opset
from zoo.onnx.context import Context, Translator
from zoo.onnx.operators.softmax import is_plain
from zoo.onnx.shapes import Dimension
from zoo.onnx.symbol import Edge, Node

_SELF = "_contrib_interleaved_matmul_selfatt_qk"
_CROSS = "_contrib_interleaved_matmul_encdec_qk"


def _heads(node: Node, ctx: Context, edge: Edge, parts: int) -> list[str]:
    """(time, batch, heads * parts * width) as `parts` tensors (batch * heads, time, width)."""
    heads, (time, batch, size) = node.attributes.integer("heads", 1), ctx.shape_of(edge)
    width = _width(node, size, heads * parts)
    joined = _joined(batch, heads)
    apart = ctx.reshape(ctx.value(edge), (time, joined, parts * width))
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
    queries, keys, _ = _heads(node, ctx, node.inputs[0], 3)
    heads = node.attributes.integer("heads", 1)
    return _scores(ctx, queries, keys, _width(node, ctx.shape()[2], 3 * heads))


def cross_scores(node: Node, ctx: Context) -> str:
    (queries,) = _heads(node, ctx, node.inputs[0], 1)
    keys, _ = _heads(node, ctx, node.inputs[1], 2)
    heads = node.attributes.integer("heads", 1)
    return _scores(ctx, queries, keys, _width(node, ctx.shape()[2], heads))


def _mixed(parts: int) -> Translator:
    """Weights times values, the heads side by side again: (time, batch, heads * width)."""

    def translate(node: Node, ctx: Context) -> str:
        *others, keys, values = _heads(node, ctx, node.inputs[0], parts)
        scores = _behind(node, ctx) if opset.has_attention(ctx) else None
        if scores is None:
            mixed = ctx.emit("MatMul", ctx.inputs[1], values)
        else:
            queries = others or _heads(scores, ctx, scores.inputs[0], 1)
            three = (*queries, keys, values)
            mixed = ctx.emit("Attention", *three, q_num_heads=1, kv_num_heads=1)
        turned = ctx.transpose(mixed, (1, 0, 2))
        return ctx.reshape(turned, ctx.output().shape, (ctx.shape(1)[1], None, None))

    return translate


def _behind(node: Node, ctx: Context) -> Node | None:
    """The scores whose plain softmax the weights are, where nobody else takes what is between."""
    heads = node.attributes.integer("heads", 1)
    edge, kinds = node.inputs[1], []
    while ctx.takers(edge) == 1:
        source = ctx.source(edge)
        kinds.append(source.op)
        if source.op in (_SELF, _CROSS):
            same = source.inputs[-1] == node.inputs[0]
            plain = kinds.count("softmax") == 1 and source.attributes.integer("heads", 1) == heads
            return source if same and plain else None
        if source.op != "Dropout" and not (source.op == "softmax" and is_plain(source)):
            return None
        edge = source.inputs[0]
    return None


OPERATORS: dict[str, Translator] = {
    _CROSS: cross_scores,
    "_contrib_interleaved_matmul_encdec_valatt": _mixed(2),
    _SELF: self_scores,
    "_contrib_interleaved_matmul_selfatt_valatt": _mixed(3),
}
