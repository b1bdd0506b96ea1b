"""FullyConnected: one Gemm, or MatMul and Add beyond rank 2."""

from __future__ import annotations

from zoo.errors import ExportError
from zoo.onnx.context import Context
from zoo.onnx.symbol import Node


def fully_connected(node: Node, ctx: Context) -> str:
    node.attributes.ignore("no_bias", "num_hidden")
    flatten = node.attributes.flag("flatten", True)
    data, weight, *bias = ctx.inputs
    if ctx.rank() < 2:
        raise ExportError(f"{node.label}: its input has no batch axis.")
    if ctx.rank() == 2 or flatten:
        rows = data if ctx.rank() == 2 else ctx.emit("Flatten", data, axis=1)
        return ctx.emit("Gemm", rows, weight, *bias, transB=1)
    if ctx.is_shared(1):
        return _product_of_rows(ctx)
    turned = ctx.emit("Transpose", weight, perm=[1, 0], label="weight_transposed")
    product = ctx.emit("MatMul", data, turned)
    return ctx.emit("Add", product, *bias) if bias else product


def _product_of_rows(ctx: Context) -> str:
    """All leading axes as rows of one Gemm: a weight tied to an embedding is not held twice."""
    data, weight, *bias = ctx.inputs
    rows = ctx.reshape(data, (None, ctx.shape()[-1]))
    product = ctx.emit("Gemm", rows, weight, *bias, transB=1)
    return ctx.reshape(product, ctx.output().shape)


OPERATORS = {"FullyConnected": fully_connected}
