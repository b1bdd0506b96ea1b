"""Normalization: by running statistics, over layers, instances, groups, channels and vectors."""

from __future__ import annotations

import numpy as np

from zoo.errors import ExportError
from zoo.onnx import opset
from zoo.onnx.context import Context, Translator
from zoo.onnx.symbol import Node

_CALIBRATION = ("min_calib_range", "max_calib_range")


def batch_norm(node: Node, ctx: Context) -> str:
    attributes = node.attributes
    attributes.ignore("momentum", "use_global_stats", "key", "ndev", *_CALIBRATION)
    _one_output(node)
    data, gamma, beta, mean, variance = ctx.inputs
    if attributes.flag("fix_gamma", True):
        gamma = ctx.constant(np.ones([int(size or 0) for size in ctx.shape(1)], ctx.dtype(1)))
    order = _swapped(ctx.rank(), attributes.integer("axis", 1), 1)
    data = ctx.transpose(data, order)
    epsilon = attributes.number("eps", 1e-3)
    result = ctx.emit("BatchNormalization", data, gamma, beta, mean, variance, epsilon=epsilon)
    return ctx.transpose(result, order)


def batch_norm_relu(node: Node, ctx: Context) -> str:
    return ctx.emit("Relu", batch_norm(node, ctx))


def layer_norm(node: Node, ctx: Context) -> str:
    _one_output(node)
    data, gamma, beta = ctx.inputs
    order = _swapped(ctx.rank(), node.attributes.integer("axis", -1), -1)
    data = ctx.transpose(data, order)
    epsilon = node.attributes.number("eps", 1e-5)
    result = ctx.emit("LayerNormalization", data, gamma, beta, axis=-1, epsilon=epsilon)
    return ctx.transpose(result, order)


def instance_norm(node: Node, ctx: Context) -> str:
    epsilon = node.attributes.number("eps", 1e-3)
    return ctx.emit("InstanceNormalization", *ctx.inputs, epsilon=epsilon)


def group_norm(node: Node, ctx: Context) -> str:
    _one_output(node)
    groups, epsilon = node.attributes.integer("num_groups", 1), node.attributes.number("eps", 1e-5)
    return opset.group_norm(ctx, groups, epsilon)


def l2_normalization(node: Node, ctx: Context) -> str:
    """Divided by the root of the sum of squares over channels, positions, or both."""
    mode, epsilon = node.attributes.text("mode", "instance"), node.attributes.number("eps", 1e-10)
    rank = ctx.rank()
    axes = {"channel": [1], "instance": range(1, rank), "spatial": range(2, rank)}[mode]
    (data,) = ctx.inputs
    squares = opset.reduce(ctx, "ReduceSumSquare", data, axes, True)
    return ctx.emit("Div", data, ctx.emit("Sqrt", ctx.emit("Add", squares, ctx.scalar(epsilon))))


def local_response_norm(node: Node, ctx: Context) -> str:
    attributes = node.attributes
    size = attributes.integer("nsize", 5)
    if size % 2 == 0:
        raise ExportError(f"{node.label}: nsize={size} is not supported, only odd numbers.")
    return ctx.emit(
        "LRN",
        *ctx.inputs,
        size=size,
        alpha=attributes.number("alpha", 1e-4),
        beta=attributes.number("beta", 0.75),
        bias=attributes.number("knorm", 2),
    )


def _one_output(node: Node) -> None:
    if node.attributes.flag("output_mean_var", False):
        raise ExportError(f"{node.label}: output_mean_var=True is not supported.")


def _swapped(rank: int, one: int, other: int) -> list[int]:
    """The order of axes that exchanges two of them; it is its own inverse."""
    order = list(range(rank))
    order[one], order[other] = order[other], order[one]
    return order


OPERATORS: dict[str, Translator] = {
    "BatchNorm": batch_norm,
    "GroupNorm": group_norm,
    "InstanceNorm": instance_norm,
    "L2Normalization": l2_normalization,
    "LRN": local_response_norm,
    "LayerNorm": layer_norm,
    "_contrib_BatchNormWithReLU": batch_norm_relu,
    "_contrib_SyncBatchNorm": batch_norm,
}
