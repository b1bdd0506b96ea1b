"""Where opsets differ, and nowhere else."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from zoo.errors import ExportError

if TYPE_CHECKING:
    from zoo.onnx.context import Context

DEFAULT = 21  # the last opset for which ONNX Runtime has CPU kernels for all that Gluon needs
IR_VERSIONS = {17: 8, 18: 8, 19: 9, 20: 9, 21: 10}

_GELU = 20
_REDUCE_TAKES_AXES_AS_INPUT = 18


def check_opset(opset: int) -> None:
    """Raises ExportError for an opset that is not honoured."""
    if opset not in IR_VERSIONS:
        first, last = min(IR_VERSIONS), max(IR_VERSIONS)
        raise ExportError(f"Opset {opset!r} is not supported: choose one from {first} to {last}.")


def gelu(ctx: Context, data: str) -> str:
    """x/2 * (1 + erf(x / sqrt 2))."""
    if ctx.opset >= _GELU:
        return ctx.emit("Gelu", data)
    erf = ctx.emit("Erf", ctx.emit("Mul", data, ctx.scalar(0.5**0.5)))
    half = ctx.emit("Mul", data, ctx.scalar(0.5))
    return ctx.emit("Mul", half, ctx.emit("Add", erf, ctx.scalar(1)))


def reduce(ctx: Context, op_type: str, data: str, axes: Sequence[int], keepdims: bool) -> str:
    """ReduceMean and its family, whose axes were an attribute before opset 18."""
    if op_type == "ReduceSum" or ctx.opset >= _REDUCE_TAKES_AXES_AS_INPUT:
        return ctx.emit(op_type, data, ctx.int64(axes), keepdims=int(keepdims))
    return ctx.emit(op_type, data, axes=list(axes), keepdims=int(keepdims))
