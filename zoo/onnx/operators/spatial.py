"""Sampling pictures along grids, and comparing them place by place."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from zoo.errors import ExportError
from zoo.onnx import opset
from zoo.onnx.context import Context, Translator
from zoo.onnx.symbol import Node


def bilinear_sampler(node: Node, ctx: Context) -> str:
    """The grid holds x and y from -1 to 1 on axis 1; zeros lie outside."""
    node.attributes.ignore("cudnn_off")
    grid = ctx.transpose(ctx.inputs[1], (0, 2, 3, 1))
    return opset.grid_sample(ctx, ctx.inputs[0], grid)


def _mesh(height: int, width: int, dtype: str) -> NDArray[Any]:
    """x and y of every place, from -1 to 1."""
    y, x = (np.linspace(-1, 1, size) for size in (height, width))
    mesh: NDArray[Any] = np.stack(np.meshgrid(x, y)).astype(dtype)
    return mesh


def _check_mesh(node: Node, height: int, width: int) -> None:
    if 1 in (height, width):
        raise ExportError(f"{node.label}: MXNet divides by 0 on a grid of one row or column.")


def _affine(ctx: Context, theta: str, height: int, width: int) -> str:
    """x and y of every place after the map theta, (batch, 2, places)."""
    mesh = _mesh(height, width, ctx.dtype()).reshape(2, -1)
    places = np.concatenate([mesh, np.ones((1, height * width), ctx.dtype())])
    maps = ctx.emit("Reshape", theta, ctx.int64([-1, 2, 3]))
    return ctx.emit("MatMul", maps, ctx.constant(places))


def grid_generator(node: Node, ctx: Context) -> str:
    kind = node.attributes.text("transform_type")
    target = node.attributes.integers("target_shape", (0, 0))
    if kind == "affine":
        _check_mesh(node, *target)
        moved = _affine(ctx, ctx.inputs[0], *target)
        return ctx.emit("Reshape", moved, ctx.int64([-1, 2, *target]))
    height, width = ctx.shape()[2:]
    if not isinstance(height, int) or not isinstance(width, int):
        raise ExportError(f"{node.label}: a grid needs a fixed height and width.")
    _check_mesh(node, height, width)
    scale = np.array([2 / (width - 1), 2 / (height - 1)], ctx.dtype()).reshape(1, 2, 1, 1)
    flow = ctx.emit("Mul", ctx.inputs[0], ctx.constant(scale))
    return ctx.emit("Add", flow, ctx.constant(_mesh(height, width, ctx.dtype())[None]))


def spatial_transformer(node: Node, ctx: Context) -> str:
    node.attributes.ignore("transform_type", "sampler_type", "cudnn_off")
    height, width = node.attributes.integers("target_shape", (0, 0))
    _check_mesh(node, height, width)
    moved = _affine(ctx, ctx.inputs[1], height, width)
    grid = ctx.emit("Reshape", ctx.transpose(moved, (0, 2, 1)), ctx.int64([-1, height, width, 2]))
    return opset.grid_sample(ctx, ctx.inputs[0], grid)


def correlation(node: Node, ctx: Context) -> str:
    """Means of products over channels and a window, for every displacement of the second."""
    attributes = node.attributes
    kernel, reach = attributes.integer("kernel_size", 1), attributes.integer("max_displacement", 1)
    stride, step = attributes.integer("stride1", 1), attributes.integer("stride2", 1)
    pad = attributes.integer("pad_size", 0)
    multiplied = attributes.flag("is_multiply", True)
    target = ctx.output().shape
    if not all(isinstance(size, int) for size in target[2:]):
        raise ExportError(f"{node.label}: needs a fixed height and width.")
    high, wide = (int(size or 0) for size in target[2:])
    padded = [ctx.emit("Pad", one, ctx.int64([0, 0, pad, pad] * 2)) for one in ctx.inputs]
    span = [(size - 1) * stride + kernel for size in (high, wide)]
    first = _window(ctx, padded[0], reach, reach, span)
    shifts = [k * step for k in range(-(reach // step), reach // step + 1)]
    maps = []
    for down in shifts:
        for across in shifts:
            other = _window(ctx, padded[1], reach + down, reach + across, span)
            pair = ctx.emit("Mul", first, other) if multiplied else _apart(ctx, first, other)
            maps.append(pair)
    means = [_mean(ctx, one, kernel, stride) for one in maps]
    return means[0] if len(means) == 1 else ctx.emit("Concat", *means, axis=1)


def _window(ctx: Context, data: str, top: int, left: int, span: list[int]) -> str:
    return ctx.slice(data, [top, left], [top + span[0], left + span[1]], [2, 3])


def _apart(ctx: Context, one: str, other: str) -> str:
    return ctx.emit("Abs", ctx.emit("Sub", one, other))


def _mean(ctx: Context, data: str, kernel: int, stride: int) -> str:
    channels = ctx.shape()[1]
    weight = np.ones((1, int(channels if isinstance(channels, int) else 0), kernel, kernel))
    scaled = ctx.constant((weight / weight.size).astype(ctx.dtype()))
    return ctx.emit("Conv", data, scaled, strides=(stride, stride))


OPERATORS: dict[str, Translator] = {
    "BilinearSampler": bilinear_sampler,
    "Correlation": correlation,
    "GridGenerator": grid_generator,
    "SpatialTransformer": spatial_transformer,
}
