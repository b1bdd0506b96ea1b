"""Where opsets differ, and nowhere else."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from zoo.errors import ExportError

if TYPE_CHECKING:
    from zoo.onnx.context import Context

DEFAULT = 21  # the last opset for which ONNX Runtime has CPU kernels for all that Gluon needs
IR_VERSIONS = {17: 8, 18: 8, 19: 9, 20: 9, 21: 10, 22: 10, 23: 11}

_ATTENTION = 23
_BITWISE = 18
_COL2IM = 18
_DEFORM_CONV = 19
_GELU = 20
_GRID_SAMPLE_IS_LINEAR = 20
_GROUP_NORM = 21  # before, its scale was one number for each group
_REDUCE_TAKES_AXES_AS_INPUT = 18
_RESIZE_TAKES_AXES = 18
_WITHOUT_KERNEL = {  # from these opsets on ONNX Runtime has none on the CPU
    "MaxRoiPool": 22,
    "Multinomial": 22,
    "RandomNormalLike": 22,
    "RandomUniformLike": 22,
    "RoiAlign": 22,
}


def check_opset(opset: int) -> None:
    """Raises ExportError for an opset that is not honoured."""
    if opset not in IR_VERSIONS:
        first, last = min(IR_VERSIONS), max(IR_VERSIONS)
        raise ExportError(f"Opset {opset!r} is not supported: choose one from {first} to {last}.")


def check_kernel(op_type: str, opset: int, label: str) -> None:
    """Raises ExportError for an operator that ONNX Runtime does not run at this opset."""
    if opset >= _WITHOUT_KERNEL.get(op_type, opset + 1):
        raise ExportError(
            f"{label}: ONNX Runtime cannot run {op_type} of opset {opset}: choose one up to 21."
        )


def has_attention(ctx: Context) -> bool:
    """Whether attention is an operator of its own."""
    return ctx.opset >= _ATTENTION


def gelu(ctx: Context, data: str) -> str:
    """x/2 * (1 + erf(x / sqrt 2))."""
    if ctx.opset >= _GELU:
        return ctx.emit("Gelu", data)
    erf = ctx.emit("Erf", ctx.emit("Mul", data, ctx.scalar(0.5**0.5)))
    half = ctx.emit("Mul", data, ctx.scalar(0.5))
    return ctx.emit("Mul", half, ctx.emit("Add", erf, ctx.scalar(1)))


def grid_sample(ctx: Context, data: str, grid: str) -> str:
    """Bilinear, zeros outside; -1 and 1 are the middles of the outermost elements."""
    mode = "linear" if ctx.opset >= _GRID_SAMPLE_IS_LINEAR else "bilinear"
    return ctx.emit("GridSample", data, grid, mode=mode, align_corners=1)


def reduce(ctx: Context, op_type: str, data: str, axes: Sequence[int], keepdims: bool) -> str:
    """ReduceMean and its family, whose axes were an attribute before opset 18."""
    if op_type == "ReduceSum" or ctx.opset >= _REDUCE_TAKES_AXES_AS_INPUT:
        return ctx.emit(op_type, data, ctx.int64(axes), keepdims=int(keepdims))
    return ctx.emit(op_type, data, axes=list(axes), keepdims=int(keepdims))


def bitwise(ctx: Context, name: str, one: str, other: str, dtype: str) -> str:
    """And, Or or Xor of the bits of integers, or of truth values. Raises ExportError below 18."""
    if dtype == "bool":
        return ctx.emit(name, one, other)
    if ctx.opset < _BITWISE:
        raise ExportError(f"{ctx.label} needs opset {_BITWISE}: {ctx.opset} has no Bitwise{name}.")
    return ctx.emit(f"Bitwise{name}", one, other)


def col2im(ctx: Context, *inputs: str, **attributes: Any) -> str:
    """Raises ExportError for an opset that has no such operator."""
    if ctx.opset < _COL2IM:
        raise ExportError(f"{ctx.label} needs opset {_COL2IM}: {ctx.opset} has no Col2Im.")
    return ctx.emit("Col2Im", *inputs, **attributes)


def deform_conv(ctx: Context, inputs: Sequence[str], **attributes: Any) -> str:
    """Raises ExportError for an opset that has no such operator."""
    if ctx.opset < _DEFORM_CONV:
        raise ExportError(f"{ctx.label} needs opset {_DEFORM_CONV}: {ctx.opset} has no DeformConv.")
    return ctx.emit("DeformConv", *inputs, **attributes)


def group_norm(ctx: Context, groups: int, epsilon: float) -> str:
    """Each group of channels normalized, then scaled and moved by one number for each group."""
    data, gamma, beta = ctx.inputs
    channels = ctx.shape()[1]
    if ctx.opset >= _GROUP_NORM and isinstance(channels, int):
        owners = ctx.int64([place * groups // channels for place in range(channels)])
        each = [ctx.emit("Gather", one, owners, axis=0) for one in (gamma, beta)]
        return ctx.emit("GroupNormalization", data, *each, num_groups=groups, epsilon=epsilon)
    apart = ctx.emit("Reshape", data, ctx.int64([0, groups, -1]))
    normal = ctx.emit("InstanceNormalization", apart, gamma, beta, epsilon=epsilon)
    return ctx.reshape(normal, ctx.output().shape)


def resize_pictures(ctx: Context, sizes: str, **attributes: Any) -> str:
    """Resize of the last two of four axes; before opset 18 all sizes had to be told."""
    data, leading = ctx.inputs[0], ctx.shape()[:2]
    if ctx.opset >= _RESIZE_TAKES_AXES:
        return ctx.emit("Resize", data, "", "", sizes, axes=[2, 3], **attributes)
    kept = ctx.emit("Shape", data, start=0, end=2)
    if all(isinstance(size, int) for size in leading):
        kept = ctx.shape_tensor(leading)
    return ctx.emit("Resize", data, "", "", ctx.emit("Concat", kept, sizes, axis=0), **attributes)
