"""FullyConnected: one Gemm, or MatMul and Add beyond rank 2.

The weight of a MatMul is transposed when it is bound. One that is tied to an embedding stays as it
is, and its Transpose in the graph: the file holds it once, and the runtime turns a copy as it loads
the model, which is faster at every run than a Gemm of all rows.
"""

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
    turned = ctx.emit("Transpose", weight, perm=[1, 0], label="weight_transposed")
    product = ctx.emit("MatMul", data, turned)
    return ctx.emit("Add", product, *bias) if bias else product


OPERATORS = {"FullyConnected": fully_connected}
