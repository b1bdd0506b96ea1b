"""Pictures made larger or smaller."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zoo.errors import ExportError
from zoo.onnx import opset
from zoo.onnx.context import Context, Translator
from zoo.onnx.symbol import Node

_MODES = ("height", "width", "scale_height", "scale_width", "mode")


def bilinear_resize(node: Node, ctx: Context) -> str:
    """To the size that MXNet inferred, or to that of the second input."""
    attributes = node.attributes
    mode = attributes.text("mode", "size")
    attributes.ignore(*_MODES)
    aligned = attributes.flag("align_corners", True)
    target = ctx.output().shape[2:]
    if mode == "like":
        sizes = ctx.emit("Concat", ctx.size(1, 2), ctx.size(1, 3), axis=0)
    elif all(isinstance(size, int) for size in target):
        sizes = ctx.shape_tensor(target)
    else:
        raise ExportError(f"{node.label}: mode={mode!r} is not supported on free axes.")
    coordinates = "align_corners" if aligned else "pytorch_half_pixel"
    return opset.resize_pictures(
        ctx, sizes, mode="linear", coordinate_transformation_mode=coordinates
    )


def up_sampling(node: Node, ctx: Context) -> str:
    attributes = node.attributes
    scale, kind = attributes.integer("scale", 1), attributes.text("sample_type")
    attributes.ignore("num_args")
    if kind == "bilinear":
        return _transposed(node, ctx, scale)
    attributes.ignore("num_filter")
    summed = attributes.text("multi_input_mode", "concat") == "sum"
    parts = [_nearest(node, ctx, place, scale) for place in range(len(ctx.inputs))]
    if len(parts) == 1:
        return parts[0]
    return ctx.emit("Sum", *parts) if summed else ctx.emit("Concat", *parts, axis=1)


def _nearest(node: Node, ctx: Context, place: int, scale: int) -> str:
    """To `scale` times the size of the first input."""
    first, own = ctx.shape()[2:], ctx.shape(place)[2:]
    if place and not all(isinstance(size, int) for size in (*first, *own)):
        raise ExportError(f"{node.label}: several inputs need fixed sizes.")
    factors = [scale, scale]
    if place:
        factors = [scale * int(a or 0) // int(b or 1) for a, b in zip(first, own, strict=True)]
    return ctx.emit(
        "Resize",
        ctx.inputs[place],
        "",
        ctx.constant(np.array([1, 1, *factors], np.float32)),
        mode="nearest",
        coordinate_transformation_mode="asymmetric",
        nearest_mode="floor",
    )


def _transposed(node: Node, ctx: Context, scale: int) -> str:
    """Bilinear: a transposed convolution of each channel with the weights that are given."""
    kernel, pad = 2 * scale - scale % 2, math.ceil((scale - 1) / 2)
    return ctx.emit(
        "ConvTranspose",
        *ctx.inputs,
        kernel_shape=(kernel, kernel),
        strides=(scale, scale),
        pads=(pad,) * 4,
        group=node.attributes.integer("num_filter", 0),
    )


def adaptive_average(node: Node, ctx: Context) -> str:
    """Means over equal parts, as products with constant matrices; of everything by pooling."""
    given = node.attributes.integers("output_size")
    target = (given[0], given[-1]) if given else (1, 1)
    if target == (1, 1):
        return ctx.emit("GlobalAveragePool", *ctx.inputs)
    sizes = ctx.shape()[2:]
    if not all(isinstance(size, int) for size in sizes):
        raise ExportError(f"{node.label}: output_size={target} needs a fixed height and width.")
    down, across = (
        _parts(int(size or 0), count, ctx.dtype())
        for size, count in zip(sizes, target, strict=True)
    )
    rows = ctx.emit("MatMul", ctx.constant(down), ctx.inputs[0])
    return ctx.emit("MatMul", rows, ctx.constant(across.T))


def _parts(size: int, count: int, dtype: str) -> NDArray[Any]:
    """A row for each part: part k reaches from floor(k s / c) to ceil((k + 1) s / c)."""
    matrix = np.zeros((count, size), dtype)
    for part in range(count):
        begin, end = part * size // count, -(-(part + 1) * size // count)
        matrix[part, begin:end] = 1 / (end - begin)
    return matrix


def roi_align(node: Node, ctx: Context) -> str:
    """A region whose picture's number is negative gives zeros."""
    attributes = node.attributes
    height, width = attributes.integers("pooled_size")
    if attributes.flag("position_sensitive", False):
        raise ExportError(f"{node.label}: position_sensitive=True is not supported.")
    data, rois = ctx.inputs
    numbers = ctx.emit("Squeeze", ctx.slice(rois, [0], [1], [1]), ctx.int64([1]))
    pictures = ctx.emit("Max", ctx.cast(numbers, "int64"), ctx.scalar(0, "int64"))
    aligned = attributes.flag("aligned", False)
    result = ctx.emit(
        "RoiAlign",
        data,
        ctx.slice(rois, [1], [5], [1]),
        pictures,
        output_height=height,
        output_width=width,
        sampling_ratio=max(attributes.integer("sample_ratio", -1), 0),
        spatial_scale=attributes.number("spatial_scale", 1),
        mode="avg",
        coordinate_transformation_mode="half_pixel" if aligned else "output_half_pixel",
    )
    outside = ctx.emit("Less", numbers, ctx.scalar(0))
    outside = ctx.emit("Unsqueeze", outside, ctx.int64([1, 2, 3]))
    return ctx.emit("Where", outside, ctx.scalar(0), result)


def roi_pooling(node: Node, ctx: Context) -> str:
    return ctx.emit(
        "MaxRoiPool",
        *ctx.inputs,
        pooled_shape=node.attributes.integers("pooled_size"),
        spatial_scale=node.attributes.number("spatial_scale", 1),
    )


OPERATORS: dict[str, Translator] = {
    "ROIPooling": roi_pooling,
    "UpSampling": up_sampling,
    "_contrib_AdaptiveAvgPooling2D": adaptive_average,
    "_contrib_BilinearResize2D": bilinear_resize,
    "_contrib_ROIAlign": roi_align,
}
