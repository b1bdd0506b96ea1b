"""Activation and the LeakyReLU family."""

from __future__ import annotations

from zoo.errors import ExportError
from zoo.onnx import opset
from zoo.onnx.context import Context
from zoo.onnx.symbol import Node

_ACTIVATIONS = {
    "relu": "Relu",
    "sigmoid": "Sigmoid",
    "softrelu": "Softplus",
    "softsign": "Softsign",
    "tanh": "Tanh",
}


def activation(node: Node, ctx: Context) -> str:
    kind = node.attributes.text("act_type")
    if kind not in _ACTIVATIONS:
        raise ExportError(f"{node.label}: act_type={kind!r} is not supported.")
    return ctx.emit(_ACTIVATIONS[kind], *ctx.inputs)


def leaky_relu(node: Node, ctx: Context) -> str:
    kind = node.attributes.text("act_type", "leaky")
    slope = node.attributes.number("slope", 0.25)
    lower = node.attributes.number("lower_bound", 0.125)
    upper = node.attributes.number("upper_bound", 0.334)
    data, *gamma = ctx.inputs
    if kind == "prelu":
        return ctx.emit("PRelu", data, _per_channel(gamma[0], ctx))
    if kind == "gelu":
        return opset.gelu(ctx, data)
    if kind == "selu":
        return ctx.emit("Selu", data)
    if kind == "elu":
        return ctx.emit("Elu", data, alpha=slope)
    if kind in ("leaky", "rrelu"):  # in inference rrelu takes the middle of its bounds
        return ctx.emit("LeakyRelu", data, alpha=slope if kind == "leaky" else (lower + upper) / 2)
    raise ExportError(f"{node.label}: act_type={kind!r} is not supported.")


def _per_channel(gamma: str, ctx: Context) -> str:
    """One slope for each channel of axis 1, or one for all."""
    if ctx.shape(1) == (1,) or ctx.rank() <= 2:
        return gamma
    return ctx.reshape(gamma, (*ctx.shape(1), *[1] * (ctx.rank() - 2)))


OPERATORS = {"Activation": activation, "LeakyReLU": leaky_relu}
