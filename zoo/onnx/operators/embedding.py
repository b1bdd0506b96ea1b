"""Embedding: rows of a table by token ids."""

from __future__ import annotations

from onnx import TensorProto

from zoo.onnx.context import Context
from zoo.onnx.symbol import Node


def embedding(node: Node, ctx: Context) -> str:
    """Ids are in [0, input_dim), as MXNet documents; ids of integer type are taken as they are."""
    node.attributes.ignore("dtype", "input_dim", "output_dim", "sparse_grad", "deterministic")
    ids, table = ctx.inputs
    if ctx.dtype() not in ("int32", "int64"):
        ids = ctx.emit("Cast", ids, to=TensorProto.INT64)
    return ctx.emit("Gather", table, ids, axis=0)


OPERATORS = {"Embedding": embedding, "_contrib_SparseEmbedding": embedding}
