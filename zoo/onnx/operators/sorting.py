"""topk, sort and argsort. Which of equal values comes first is not said by MXNet either."""

from __future__ import annotations

from zoo.errors import ExportError
from zoo.onnx.context import Context, Translator
from zoo.onnx.symbol import Node

_WIDE = {"bool": "int32", "int8": "int32", "uint8": "int32", "float16": "float32"}


def topk(node: Node, ctx: Context) -> str | list[str]:
    attributes = node.attributes
    count, axis = attributes.integer("k", 1), _axis(node, ctx)
    kind = attributes.text("ret_typ", "indices")
    attributes.ignore("dtype")
    ascending = attributes.flag("is_ascend", False)
    if kind == "mask":
        return _mask(node, ctx, count, axis, ascending)
    values, places = _ordered(ctx, count, axis, ascending)
    source = _WIDE.get(ctx.dtype(), ctx.dtype())
    if kind == "value":
        return ctx.as_output(values, source)
    if kind == "indices":
        return ctx.as_output(places, "int64")
    dtypes = ctx.output(0).dtype, ctx.output(1).dtype
    return [ctx.cast(values, dtypes[0], source), ctx.cast(places, dtypes[1], "int64")]


def sort(node: Node, ctx: Context) -> str:
    ascending = node.attributes.flag("is_ascend", True)
    values, _ = _ordered(ctx, 0, _axis(node, ctx), ascending)
    return ctx.as_output(values, _WIDE.get(ctx.dtype(), ctx.dtype()))


def argsort(node: Node, ctx: Context) -> str:
    ascending = node.attributes.flag("is_ascend", True)
    node.attributes.ignore("dtype")
    _, places = _ordered(ctx, 0, _axis(node, ctx), ascending)
    return ctx.as_output(places, "int64")


def _axis(node: Node, ctx: Context) -> int | None:
    axis = node.attributes.value("axis", -1)
    return None if axis is None else int(axis) % ctx.rank()


def _ordered(ctx: Context, count: int, axis: int | None, ascending: bool) -> list[str]:
    """Values and places along the axis, in the flat input where that is None; 0 counts all."""
    (data,) = ctx.converted(_WIDE.get(ctx.dtype(), ctx.dtype()))
    if axis is None:
        data = ctx.reshape(data, (None,))
        length = ctx.emit("Shape", data)
    else:
        length = ctx.size(0, axis)
    number = ctx.int64([count]) if count > 0 else length
    return ctx.emit_many(
        "TopK", data, number, outputs=2, axis=axis or 0, largest=int(not ascending), sorted=1
    )


def _mask(node: Node, ctx: Context, count: int, axis: int | None, ascending: bool) -> str:
    """1 at the places of the chosen, 0 elsewhere."""
    if axis is None:
        raise ExportError(f"{node.label}: ret_typ='mask' needs an axis.")
    _, places = _ordered(ctx, count, axis, ascending)
    nothing = ctx.filled(0, ctx.inputs[0])
    one = ctx.emit("Expand", ctx.scalar(1, ctx.output().dtype), ctx.emit("Shape", places))
    return ctx.emit("ScatterElements", nothing, places, one, axis=axis)


OPERATORS: dict[str, Translator] = {"argsort": argsort, "sort": sort, "topk": topk}
