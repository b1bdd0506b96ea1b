"""Max and average pooling in one to three dimensions, with MXNet's two conventions for edges.

`valid` drops a last window that is cut, `full` keeps it. The padding that `full` adds at the end
is written out, because ONNX Runtime's ceil_mode counts it in averages otherwise than MXNet does:
there the divisor counts declared padding (count_include_pad) and never the added one.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

from zoo.errors import ExportError
from zoo.onnx import opset
from zoo.onnx.context import Context
from zoo.onnx.operators.convolution import check_layout
from zoo.onnx.operators.elementwise import FUNCTIONS
from zoo.onnx.symbol import Node

_ROOTS = {2: "sqrt", 3: "cbrt"}
_TYPES = {"avg": "AveragePool", "max": "MaxPool"}


@dataclass(frozen=True)
class Window:
    """The window of a pooling node; `added` is what the full convention pads at the end."""

    kernel: tuple[int, ...]
    stride: tuple[int, ...]
    pad: tuple[int, ...]
    added: tuple[int, ...]
    ceil: bool = False


def pooling(node: Node, ctx: Context) -> str:
    kind = node.attributes.text("pool_type", "max")
    check_layout(node, ctx.rank() - 2)
    power = node.attributes.integer("p_value", 2) if kind == "lp" else 0
    node.attributes.ignore("p_value", "cudnn_off")
    counts_padding = node.attributes.text("count_include_pad") in ("None", "True", "1")
    if kind in ("sum", "lp"):
        return _powers(node, ctx, power or 1)
    if kind not in _TYPES:
        raise ExportError(f"{node.label}: pool_type={kind!r} is not supported.")
    if node.attributes.flag("global_pool", False):
        node.attributes.ignore("kernel", "stride", "pad", "pooling_convention")
        return ctx.emit(f"Global{_TYPES[kind]}", *ctx.inputs)
    window = _window(node, ctx)
    if kind == "max":
        return _pool(ctx, "MaxPool", ctx.inputs[0], window)
    return _average(ctx, window, counts_padding)


def _powers(node: Node, ctx: Context, power: int) -> str:
    """The sum of powers over a window, padded with zeros, and its root: means times the area."""
    (data,) = ctx.inputs
    powers = data if power == 1 else ctx.emit("Pow", data, ctx.scalar(power))
    if node.attributes.flag("global_pool", False):
        node.attributes.ignore("kernel", "stride", "pad", "pooling_convention")
        total = opset.reduce(ctx, "ReduceSum", powers, range(2, ctx.rank()), True)
    else:
        window = _window(node, ctx)
        if any(window.added) or window.ceil:
            raise ExportError(f"{node.label}: pooling_convention='full' is not supported here.")
        mean = _pool(ctx, "AveragePool", powers, window, count_include_pad=1)
        total = ctx.emit("Mul", mean, ctx.scalar(math.prod(window.kernel)))
    return FUNCTIONS[_ROOTS[power]](ctx, total) if power > 1 else total


def _average(ctx: Context, window: Window, counts_padding: bool) -> str:
    (data,) = ctx.inputs
    if not any(window.added) and not window.ceil:
        return _pool(ctx, "AveragePool", data, window, count_include_pad=int(counts_padding))
    if counts_padding and any(window.pad):
        data = ctx.emit("Pad", data, ctx.int64((0, 0, *window.pad) * 2))
        window = replace(window, pad=(0,) * len(window.pad))
    return _pool(ctx, "AveragePool", data, window, count_include_pad=0)


def _pool(ctx: Context, op_type: str, data: str, window: Window, **attributes: Any) -> str:
    ends = tuple(pad + more for pad, more in zip(window.pad, window.added, strict=True))
    return ctx.emit(
        op_type,
        data,
        kernel_shape=window.kernel,
        strides=window.stride,
        pads=window.pad + ends,
        ceil_mode=int(window.ceil),
        **attributes,
    )


def _window(node: Node, ctx: Context) -> Window:
    attributes = node.attributes
    kernel = attributes.integers("kernel")
    ones, none = (1,) * len(kernel), (0,) * len(kernel)
    stride = attributes.integers("stride") or ones
    pad = attributes.integers("pad") or none
    convention = attributes.text("pooling_convention", "valid")
    if convention == "valid":
        return Window(kernel, stride, pad, none)
    if convention != "full":
        raise ExportError(f"{node.label}: pooling_convention={convention!r} is not supported.")
    sizes = [size for size in ctx.shape()[2:] if isinstance(size, int)]
    if len(sizes) == len(kernel):
        axes = zip(sizes, kernel, stride, pad, strict=True)
        return Window(kernel, stride, pad, tuple(_added(node, *axis) for axis in axes))
    if any(pad) or any(step > width for step, width in zip(stride, kernel, strict=True)):
        raise ExportError(
            f"{node.label}: pooling_convention='full' on a free axis needs no padding and "
            "strides within the kernel: give the size of the axis."
        )
    return Window(kernel, stride, pad, none, ceil=True)


def _added(node: Node, size: int, kernel: int, stride: int, pad: int) -> int:
    added = (kernel - size - 2 * pad) % stride
    if pad + added >= kernel:
        raise ExportError(f"{node.label}: its last window holds nothing but padding.")
    return added


OPERATORS = {"Pooling": pooling}
