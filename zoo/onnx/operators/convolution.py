"""Convolution and transposed convolution in one to three dimensions, and deformable ones."""

from __future__ import annotations

from zoo.errors import ExportError
from zoo.onnx import opset
from zoo.onnx.context import Context, Translator
from zoo.onnx.symbol import Node

_LAYOUTS = {1: "NCW", 2: "NCHW", 3: "NCDHW"}


def convolution(node: Node, ctx: Context) -> str:
    attributes = node.attributes
    kernel = attributes.integers("kernel")
    check_layout(node, len(kernel))
    attributes.ignore("no_bias", "num_filter")
    ones, pad = (1,) * len(kernel), attributes.integers("pad", (0,) * len(kernel))
    return ctx.emit(
        "Conv",
        *ctx.inputs,
        kernel_shape=kernel,
        strides=attributes.integers("stride", ones) or ones,
        dilations=attributes.integers("dilate", ones) or ones,
        pads=(pad or (0,) * len(kernel)) * 2,
        group=attributes.integer("num_group", 1),
    )


def deconvolution(node: Node, ctx: Context) -> str:
    """The padding follows from target_shape where that is given."""
    attributes = node.attributes
    kernel = attributes.integers("kernel")
    check_layout(node, len(kernel))
    attributes.ignore("no_bias", "num_filter")
    ones, none = (1,) * len(kernel), (0,) * len(kernel)
    strides = attributes.integers("stride", ones) or ones
    dilations = attributes.integers("dilate", ones) or ones
    pad, adj = attributes.integers("pad") or none, attributes.integers("adj") or none
    target = attributes.integers("target_shape")
    if any(target):
        reach = [(width - 1) * step + 1 for width, step in zip(kernel, dilations, strict=True)]
        pairs = _for_target(node, ctx, target, strides, reach)
        pad, adj = tuple(one for one, _ in pairs), tuple(other for _, other in pairs)
    return ctx.emit(
        "ConvTranspose",
        *ctx.inputs,
        kernel_shape=kernel,
        strides=strides,
        dilations=dilations,
        pads=pad * 2,
        output_padding=adj if any(adj) else None,
        group=attributes.integer("num_group", 1),
    )


def _for_target(
    node: Node, ctx: Context, target: tuple[int, ...], strides: tuple[int, ...], reach: list[int]
) -> list[tuple[int, int]]:
    sizes = ctx.shape()[2:]
    if not all(isinstance(size, int) for size in sizes):
        raise ExportError(f"{node.label}: target_shape needs inputs of a fixed size.")
    pairs = []
    for size, wanted, step, width in zip(sizes, target, strides, reach, strict=True):
        total = step * (int(size or 0) - 1) + width - wanted
        if total < 0:
            raise ExportError(f"{node.label}: target_shape {target} is too large.")
        pairs.append(((total + 1) // 2, total % 2))
    return pairs


def deformable(node: Node, ctx: Context) -> str:
    """The modulated kind; its offsets and mask are laid out as ONNX has them."""
    attributes = node.attributes
    kernel = attributes.integers("kernel")
    attributes.ignore("no_bias", "num_filter", "im2col_step")
    check_layout(node, len(kernel))
    data, offset, mask, weight, *bias = ctx.inputs
    return opset.deform_conv(
        ctx,
        (data, weight, offset, bias[0] if bias else "", mask),
        kernel_shape=kernel,
        strides=attributes.integers("stride") or (1, 1),
        dilations=attributes.integers("dilate") or (1, 1),
        pads=(attributes.integers("pad") or (0, 0)) * 2,
        group=attributes.integer("num_group", 1),
        offset_group=attributes.integer("num_deformable_group", 1),
    )


def deformable_without_mask(node: Node, ctx: Context) -> str:
    raise ExportError(
        f"{node.label} treats borders otherwise than ONNX's DeformConv: it cannot be exported."
    )


def check_layout(node: Node, dimensions: int) -> None:
    """Raises ExportError unless channels come before the `dimensions` spatial axes."""
    layout = node.attributes.text("layout")
    if layout not in ("None", _LAYOUTS.get(dimensions)):
        raise ExportError(f"{node.label}: layout {layout} is not supported, only NCW to NCDHW.")


OPERATORS: dict[str, Translator] = {
    "Convolution": convolution,
    "Deconvolution": deconvolution,
    "_contrib_DeformableConvolution": deformable_without_mask,
    "_contrib_ModulatedDeformableConvolution": deformable,
}
