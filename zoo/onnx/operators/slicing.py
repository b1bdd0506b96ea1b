"""Cutting tensors into parts, and turning them around."""

from __future__ import annotations

from zoo.errors import ExportError
from zoo.onnx.context import END, Context, Translator
from zoo.onnx.symbol import Node


def slice_axes(node: Node, ctx: Context) -> str:
    """Bounds and steps for the first axes; None leaves an end open."""
    begins, ends, steps = (_bounds(node, name) for name in ("begin", "end", "step"))
    cuts = []
    for axis, (begin, end) in enumerate(zip(begins, ends, strict=True)):
        step = (steps[axis] if steps else None) or 1
        first = (0 if step > 0 else END - 1) if begin is None else begin
        last = (END if step > 0 else -END) if end is None else end
        if (first, last, step) != (0, END, 1):
            cuts.append((axis, first, last, step))
    if not cuts:
        return ctx.inputs[0]
    axes, firsts, lasts, strides = ([cut[k] for cut in cuts] for k in range(4))
    plain = all(step == 1 for step in strides)
    return ctx.slice(ctx.inputs[0], firsts, lasts, axes, None if plain else strides)


def _bounds(node: Node, name: str) -> list[int | None]:
    value = node.attributes.value(name, ())
    listed = value if isinstance(value, tuple | list) else (value,)
    return [None if one is None else int(one) for one in listed]


def slice_axis(node: Node, ctx: Context) -> str:
    begin, end = node.attributes.integer("begin", 0), node.attributes.value("end")
    axis = node.attributes.integer("axis", 0)
    return ctx.slice(ctx.inputs[0], [begin], [END if end is None else end], [axis])


def slice_like(node: Node, ctx: Context) -> str:
    """As long as the other input on the axes, by default all of them."""
    given = node.attributes.integers("axes") or tuple(range(ctx.rank()))
    axes = [axis % ctx.rank() for axis in given]
    cut = [k for k in axes if ctx.shape()[k] != ctx.shape(1)[k] or ctx.shape()[k] is None]
    if not cut:
        return ctx.inputs[0]
    sizes = [ctx.size(1, axis) for axis in cut]
    ends = sizes[0] if len(sizes) == 1 else ctx.emit("Concat", *sizes, axis=0)
    return ctx.emit("Slice", ctx.inputs[0], ctx.int64([0] * len(cut)), ends, ctx.int64(cut))


def slice_channel(node: Node, ctx: Context) -> list[str]:
    axis = node.attributes.integer("axis", 1) % ctx.rank()
    count = node.attributes.integer("num_outputs", 1)
    size = ctx.shape()[axis]
    if not isinstance(size, int):
        raise ExportError(f"{node.label}: a free axis cannot be cut into {count} parts.")
    return _split(node, ctx, axis, [size // count] * count)


def split_v2(node: Node, ctx: Context) -> list[str]:
    """Cut into equal sections, or at places."""
    axis = node.attributes.integer("axis", 0) % ctx.rank()
    begins = node.attributes.integers("indices")
    sections = node.attributes.integer("sections", 0)
    size = ctx.shape()[axis]
    if not isinstance(size, int):
        raise ExportError(f"{node.label}: a free axis cannot be cut into parts.")
    if sections and size % sections:
        raise ExportError(f"{node.label}: {size} cannot be cut into {sections} equal sections.")
    if sections:
        return _split(node, ctx, axis, [size // sections] * sections)
    ends = [*begins[1:], size]
    return _split(node, ctx, axis, [end - begin for begin, end in zip(begins, ends, strict=True)])


def _split(node: Node, ctx: Context, axis: int, sizes: list[int]) -> list[str]:
    squeezed = node.attributes.flag("squeeze_axis", False)
    if len(sizes) == 1:
        parts = [ctx.inputs[0]]
    else:
        parts = ctx.emit_many(
            "Split", ctx.inputs[0], ctx.int64(sizes), outputs=len(sizes), axis=axis
        )
    return [ctx.emit("Squeeze", one, ctx.int64([axis])) for one in parts] if squeezed else parts


def reverse(node: Node, ctx: Context) -> str:
    axes = [axis % ctx.rank() for axis in node.attributes.integers("axis")]
    return turn_around(ctx, ctx.inputs[0], axes)


def turn_around(ctx: Context, tensor: str, axes: list[int]) -> str:
    """`tensor` backwards on the axes."""
    count = len(axes)
    return ctx.slice(tensor, [-1] * count, [-END] * count, axes, [-1] * count)


def crop(node: Node, ctx: Context) -> str:
    """The last two axes cut to a size, that of the second input if there is one."""
    attributes = node.attributes
    attributes.ignore("num_args", "h_w")
    target = ctx.output().shape[2:]
    source = ctx.shape()[2:]
    if not all(isinstance(size, int) for size in (*target, *source)):
        raise ExportError(f"{node.label}: free axes are not supported.")
    begins = list(attributes.integers("offset", (0, 0)))
    if attributes.flag("center_crop", False):
        begins = [
            (int(one or 0) - int(to or 0)) // 2 for one, to in zip(source, target, strict=True)
        ]
    ends = [begin + int(size or 0) for begin, size in zip(begins, target, strict=True)]
    return ctx.slice(ctx.inputs[0], begins, ends, [2, 3])


OPERATORS: dict[str, Translator] = {
    "Crop": crop,
    "SliceChannel": slice_channel,
    "_split_v2": split_v2,
    "reverse": reverse,
    "slice": slice_axes,
    "slice_axis": slice_axis,
    "slice_like": slice_like,
}
