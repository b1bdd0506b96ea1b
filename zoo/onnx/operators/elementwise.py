"""Functions of one tensor, element by element."""

from __future__ import annotations

import numpy as np
from onnx import helper

from zoo.errors import ExportError
from zoo.onnx.context import Context, Translator
from zoo.onnx.specs import DTYPES
from zoo.onnx.symbol import Node

_SAME = {
    "abs": "Abs",
    "ceil": "Ceil",
    "erf": "Erf",
    "exp": "Exp",
    "floor": "Floor",
    "log": "Log",
    "negative": "Neg",
    "reciprocal": "Reciprocal",
    "relu": "Relu",
    "sigmoid": "Sigmoid",
    "softsign": "Softsign",
    "sqrt": "Sqrt",
    "tanh": "Tanh",
}


def _named(op_type: str) -> Translator:
    return lambda node, ctx: ctx.emit(op_type, *ctx.inputs)


def square(node: Node, ctx: Context) -> str:
    (data,) = ctx.inputs
    return ctx.emit("Mul", data, data)


def rsqrt(node: Node, ctx: Context) -> str:
    return ctx.emit("Reciprocal", ctx.emit("Sqrt", *ctx.inputs))


def clip(node: Node, ctx: Context) -> str:
    low, high = node.attributes.number("a_min", 0), node.attributes.number("a_max", 0)
    return ctx.emit("Clip", *ctx.inputs, ctx.scalar(low), ctx.scalar(high))


def cast(node: Node, ctx: Context) -> str:
    (data,) = ctx.inputs
    dtype = node.attributes.text("dtype")
    if dtype == ctx.dtype():
        return data
    if dtype not in DTYPES:
        raise ExportError(f"{node.label}: dtype={dtype!r} is not supported.")
    return ctx.emit("Cast", data, to=helper.np_dtype_to_tensor_dtype(np.dtype(dtype)))


def same(node: Node, ctx: Context) -> str:
    """What changes nothing in inference, and so needs no ONNX node."""
    return ctx.inputs[0]


def dropout(node: Node, ctx: Context) -> str:
    node.attributes.ignore("p", "axes")
    if node.attributes.text("mode", "training") != "training":
        raise ExportError(f"{node.label}: mode='always' drops at random in inference too.")
    return ctx.inputs[0]


OPERATORS = {
    **{name: _named(op_type) for name, op_type in _SAME.items()},
    "BlockGrad": same,
    "Cast": cast,
    "Dropout": dropout,
    "_copy": same,
    "clip": clip,
    "rsqrt": rsqrt,
    "square": square,
}
