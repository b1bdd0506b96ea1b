"""BatchNorm with its running statistics, and LayerNorm."""

from __future__ import annotations

import numpy as np

from zoo.errors import ExportError
from zoo.onnx.context import Context
from zoo.onnx.symbol import Node


def batch_norm(node: Node, ctx: Context) -> str:
    attributes = node.attributes
    attributes.ignore("momentum", "use_global_stats", "min_calib_range", "max_calib_range")
    _one_output(node)
    data, gamma, beta, mean, variance = ctx.inputs
    if attributes.flag("fix_gamma", True):
        gamma = ctx.constant(np.ones([int(size or 0) for size in ctx.shape(1)], ctx.dtype(1)))
    order = _swapped(ctx.rank(), attributes.integer("axis", 1), 1)
    data = ctx.transpose(data, order)
    epsilon = attributes.number("eps", 1e-3)
    result = ctx.emit("BatchNormalization", data, gamma, beta, mean, variance, epsilon=epsilon)
    return ctx.transpose(result, order)


def layer_norm(node: Node, ctx: Context) -> str:
    _one_output(node)
    data, gamma, beta = ctx.inputs
    order = _swapped(ctx.rank(), node.attributes.integer("axis", -1), -1)
    data = ctx.transpose(data, order)
    epsilon = node.attributes.number("eps", 1e-5)
    result = ctx.emit("LayerNormalization", data, gamma, beta, axis=-1, epsilon=epsilon)
    return ctx.transpose(result, order)


def _one_output(node: Node) -> None:
    if node.attributes.flag("output_mean_var", False):
        raise ExportError(f"{node.label}: output_mean_var=True is not supported.")


def _swapped(rank: int, one: int, other: int) -> list[int]:
    """The order of axes that exchanges two of them; it is its own inverse."""
    order = list(range(rank))
    order[one], order[other] = order[other], order[one]
    return order


OPERATORS = {"BatchNorm": batch_norm, "LayerNorm": layer_norm}
