"""Convolution in one to three dimensions."""

from __future__ import annotations

from zoo.errors import ExportError
from zoo.onnx.context import Context
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
        pads=pad * 2,
        group=attributes.integer("num_group", 1),
    )


def check_layout(node: Node, dimensions: int) -> None:
    """Raises ExportError unless channels come before the `dimensions` spatial axes."""
    layout = node.attributes.text("layout")
    if layout not in ("None", _LAYOUTS.get(dimensions)):
        raise ExportError(f"{node.label}: layout {layout} is not supported, only NCW to NCDHW.")


OPERATORS = {"Convolution": convolution}
