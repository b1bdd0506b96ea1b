"""Sums, means and extremes over axes."""

from __future__ import annotations

from zoo.errors import ExportError
from zoo.onnx import opset
from zoo.onnx.context import Context, Translator
from zoo.onnx.symbol import Node


def _reduction(op_type: str) -> Translator:
    def translate(node: Node, ctx: Context) -> str:
        keepdims = node.attributes.flag("keepdims", False)
        axes = _axes(node, ctx.rank())
        if not ctx.dtype().startswith("float"):
            raise ExportError(f"{node.label}: a {ctx.dtype()} input is not supported.")
        if not axes:
            return ctx.inputs[0]
        result = opset.reduce(ctx, op_type, ctx.inputs[0], axes, keepdims)
        if len(axes) == ctx.rank() and not keepdims:  # MXNet has no rank 0
            return ctx.reshape(result, (1,))
        return result

    return translate


def _axes(node: Node, rank: int) -> list[int]:
    """The axes to reduce, all of them when none is named."""
    given = [axis % rank for axis in node.attributes.integers("axis")]
    if node.attributes.flag("exclude", False):
        return [axis for axis in range(rank) if axis not in given]
    return sorted(given) or list(range(rank))


OPERATORS = {
    "max": _reduction("ReduceMax"),
    "mean": _reduction("ReduceMean"),
    "min": _reduction("ReduceMin"),
    "sum": _reduction("ReduceSum"),
}
