"""Transforms of pictures that people put before a network; channels last until ToTensor."""

from __future__ import annotations

import numpy as np

from zoo.errors import ExportError
from zoo.onnx.context import END, Context, Translator
from zoo.onnx.symbol import Node


def to_tensor(node: Node, ctx: Context) -> str:
    """0..255 with channels last as 0..1 with channels first."""
    rank = ctx.rank()
    scaled = ctx.emit("Div", *ctx.converted("float32"), ctx.scalar(255, "float32"))
    return ctx.transpose(scaled, [*range(rank - 3), rank - 1, rank - 3, rank - 2])


def normalize(node: Node, ctx: Context) -> str:
    means, spreads = (
        ctx.constant(
            np.array(node.attributes.value(name, (default,)), np.float32).reshape(-1, 1, 1)
        )
        for name, default in (("mean", 0.0), ("std", 1.0))
    )
    return ctx.emit("Div", ctx.emit("Sub", *ctx.inputs, means), spreads)


def crop(node: Node, ctx: Context) -> str:
    left, top, width, height = (
        node.attributes.integer(name, 0) for name in ("x", "y", "width", "height")
    )
    return ctx.slice(ctx.inputs[0], [top, left], [top + height, left + width], [-3, -2])


def flip(axis: int) -> Translator:
    """Turned around; of an odd number MXNet leaves the middle one unwritten."""

    def translate(node: Node, ctx: Context) -> str:
        size = ctx.shape()[axis]
        if not isinstance(size, int) or size % 2:
            raise ExportError(f"{node.label}: MXNet turns an even number of rows around only.")
        return ctx.slice(ctx.inputs[0], [-1], [-END], [axis], [-1])

    return translate


OPERATORS: dict[str, Translator] = {
    "_image_crop": crop,
    "_image_flip_left_right": flip(-2),
    "_image_flip_top_bottom": flip(-3),
    "_image_normalize": normalize,
    "_image_to_tensor": to_tensor,
}
