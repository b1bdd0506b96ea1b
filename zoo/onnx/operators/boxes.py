"""Boxes of detectors: suppression of overlapping ones, decoding, overlaps."""

from __future__ import annotations

import numpy as np
from onnx import TensorProto, numpy_helper

from zoo.onnx.context import END, Context, Translator
from zoo.onnx.symbol import Node

_LOWEST = float("-inf")


_NMS = (
    "overlap_thresh",
    "valid_thresh",
    "coord_start",
    "score_index",
    "id_index",
    "background_id",
    "force_suppress",
    "in_format",
    "out_format",
)


def box_nms(node: Node, ctx: Context) -> str:
    """The best of overlapping boxes, first those of the highest scores; -1 after them.

    Boxes count when their score is above a threshold and their class is not the background;
    the first `topk` of those are compared, classes apart unless force_suppress says otherwise.
    """
    attributes = node.attributes
    topk = attributes.integer("topk", -1)
    if topk == 0:
        attributes.ignore(*_NMS)
        return ctx.inputs[0]
    rows = _batched(ctx)
    count = _count(ctx, topk)
    score, kind = attributes.integer("score_index", 1), attributes.integer("id_index", -1)
    background = attributes.number("background_id", -1)
    scores = _column(ctx, rows, score)
    if kind >= 0:
        hidden = ctx.emit("Equal", _column(ctx, rows, kind), ctx.scalar(background))
        scores = ctx.emit("Where", hidden, ctx.scalar(_LOWEST), scores)
    best, places = ctx.emit_many("TopK", scores, count, outputs=2, axis=1)
    ordered = ctx.emit(
        "GatherND", rows, ctx.emit("Unsqueeze", places, ctx.int64([2])), batch_dims=1
    )
    start = attributes.integer("coord_start", 2)
    form, result = attributes.text("in_format", "corner"), attributes.text("out_format", "corner")
    boxes = ctx.slice(ordered, [start], [start + 4], [2])
    apart = not attributes.flag("force_suppress", False) and kind >= 0
    lowest = 0 if background == -1 else -1
    per_class = _per_class(ctx, ordered, kind, best, lowest) if apart else None
    pairs = suppress(
        ctx,
        boxes if form == "corner" else to_corners(ctx, boxes),
        per_class or ctx.emit("Unsqueeze", best, ctx.int64([1])),
        count,
        attributes.number("overlap_thresh", 0.5),
        attributes.number("valid_thresh", 0),
    )
    kept = ctx.emit("GatherND", ordered, pairs)
    if form != result:
        kept = _converted(ctx, kept, start, result)
    packed = _packed(ctx, rows, best, pairs, kept)
    if ctx.rank() == 3:
        return packed
    return ctx.emit("Reshape", packed, ctx.emit("Shape", ctx.inputs[0]))


def _batched(ctx: Context) -> str:
    """(batch, boxes, numbers)."""
    if ctx.rank() == 3:
        return ctx.inputs[0]
    return ctx.reshape(ctx.inputs[0], (None, *ctx.shape()[-2:]))


def _count(ctx: Context, topk: int) -> str:
    size = ctx.shape()[-2]
    if isinstance(size, int):
        return ctx.int64([min(topk, size) if topk > 0 else size])
    length = ctx.size(0, -2)
    return ctx.emit("Min", length, ctx.int64([topk])) if topk > 0 else length


def _column(ctx: Context, rows: str, place: int) -> str:
    return ctx.emit("Gather", rows, ctx.scalar(place, "int64"), axis=2)


def _per_class(ctx: Context, ordered: str, kind: int, scores: str, lowest: int) -> str:
    """Scores in a row for each class: those of other classes are the lowest."""
    kinds = _column(ctx, ordered, kind)
    highest = ctx.emit("ReduceMax", kinds, keepdims=0)
    number = ctx.emit("Add", ctx.cast(highest, "int64"), ctx.scalar(1, "int64"))
    number = ctx.emit("Max", number, ctx.scalar(1, "int64"))
    classes = ctx.emit("Range", ctx.scalar(lowest, "int64"), number, ctx.scalar(1, "int64"))
    column = ctx.emit("Unsqueeze", ctx.cast(classes, ctx.dtype()), ctx.int64([1]))
    same = ctx.emit("Equal", ctx.emit("Unsqueeze", kinds, ctx.int64([1])), column)
    every = ctx.emit("Unsqueeze", scores, ctx.int64([1]))
    return ctx.emit("Where", same, every, ctx.scalar(_LOWEST))


def to_corners(ctx: Context, boxes: str) -> str:
    """(x, y, width, height) as (left, top, right, bottom)."""
    middle, size = ctx.emit_many("Split", boxes, ctx.int64([2, 2]), outputs=2, axis=-1)
    half = ctx.emit("Mul", size, ctx.scalar(0.5))
    ends = ctx.emit("Sub", middle, half), ctx.emit("Add", middle, half)
    return ctx.emit("Concat", *ends, axis=-1)


def to_centers(ctx: Context, boxes: str) -> str:
    begin, end = ctx.emit_many("Split", boxes, ctx.int64([2, 2]), outputs=2, axis=-1)
    middle = ctx.emit("Mul", ctx.emit("Add", begin, end), ctx.scalar(0.5))
    return ctx.emit("Concat", middle, ctx.emit("Sub", end, begin), axis=-1)


def suppress(
    ctx: Context, corners: str, scores: str, count: str, overlap: float, threshold: float
) -> str:
    """(batch, place) of each box that stays; boxes of negative size overlap with none."""
    begin, end = ctx.emit_many("Split", corners, ctx.int64([2, 2]), outputs=2, axis=-1)
    proper = ctx.emit("Concat", begin, ctx.emit("Max", begin, end), axis=-1)
    bounds = [ctx.constant(np.array([one], np.float32)) for one in (overlap, threshold)]
    chosen = ctx.emit("NonMaxSuppression", proper, scores, count, *bounds)
    return ctx.emit("Gather", chosen, ctx.int64([0, 2]), axis=1)


def marked(ctx: Context, like: str, pairs: str) -> str:
    """1 at the places that stay, 0 elsewhere, in the shape of `like`."""
    nothing = ctx.emit("ConstantOfShape", ctx.emit("Shape", like), value=_integer(0))
    ones = ctx.emit("ConstantOfShape", ctx.emit("Shape", pairs, start=0, end=1), value=_integer(1))
    return ctx.emit("ScatterND", nothing, pairs, ones)


def _integer(value: int) -> TensorProto:
    return numpy_helper.from_array(np.array([value], np.int64))


def _packed(ctx: Context, rows: str, best: str, pairs: str, kept: str) -> str:
    """What stays moved to the front, in its order."""
    ranks = ctx.emit("CumSum", marked(ctx, best, pairs), ctx.scalar(1, "int64"), exclusive=1)
    place = ctx.emit("Unsqueeze", ctx.emit("GatherND", ranks, pairs), ctx.int64([1]))
    picture = ctx.slice(pairs, [0], [1], [1])
    target = ctx.emit("Concat", picture, place, axis=1)
    nothing = ctx.emit("Expand", ctx.scalar(-1), ctx.emit("Shape", rows))
    return ctx.emit("ScatterND", nothing, target, kept)


def _converted(ctx: Context, rows: str, start: int, form: str) -> str:
    """MXNet leaves a box alone whose first number is negative."""
    before = ctx.slice(rows, [0], [start], [1])
    boxes = ctx.slice(rows, [start], [start + 4], [1])
    after = ctx.slice(rows, [start + 4], [END], [1])
    changed = to_corners(ctx, boxes) if form == "corner" else to_centers(ctx, boxes)
    alone = ctx.emit("Less", ctx.slice(boxes, [0], [1], [1]), ctx.scalar(0))
    boxes = ctx.emit("Where", alone, boxes, changed)
    return ctx.emit("Concat", before, boxes, after, axis=1)


def box_decode(node: Node, ctx: Context) -> str:
    """Offsets relative to anchors as corners."""
    attributes = node.attributes
    spread = [attributes.number(f"std{k}", 1) for k in range(4)]
    limit, form = attributes.number("clip", -1), attributes.text("format", "center")
    offsets, anchors = ctx.inputs
    if form == "corner":
        anchors = to_centers(ctx, anchors)
    middle, size = ctx.emit_many("Split", anchors, ctx.int64([2, 2]), outputs=2, axis=-1)
    if spread != [1, 1, 1, 1]:
        offsets = ctx.emit("Mul", offsets, ctx.constant(np.array(spread, ctx.dtype())))
    moved, grown = ctx.emit_many("Split", offsets, ctx.int64([2, 2]), outputs=2, axis=-1)
    if limit > 0:
        grown = ctx.emit("Min", grown, ctx.scalar(limit))
    middle = ctx.emit("Add", ctx.emit("Mul", moved, size), middle)
    half = ctx.emit("Mul", ctx.emit("Mul", ctx.emit("Exp", grown), size), ctx.scalar(0.5))
    ends = ctx.emit("Sub", middle, half), ctx.emit("Add", middle, half)
    return ctx.emit("Concat", *ends, axis=-1)


def box_encode(node: Node, ctx: Context) -> list[str]:
    """Matched boxes as offsets relative to anchors, and 1 where the sample is a positive one."""
    samples, matches, anchors, boxes, means, spreads = ctx.inputs
    places = ctx.emit("Max", ctx.cast(matches, "int64"), ctx.scalar(0, "int64"))
    places = ctx.emit("Unsqueeze", places, ctx.int64([2]))
    matched = ctx.emit("GatherND", boxes, places, batch_dims=1)
    ends = [to_centers(ctx, one) for one in (matched, anchors)]
    (middle, size), (origin, width) = (
        ctx.emit_many("Split", one, ctx.int64([2, 2]), outputs=2, axis=-1) for one in ends
    )
    moved = ctx.emit("Div", ctx.emit("Sub", middle, origin), width)
    offsets = ctx.emit("Concat", moved, ctx.emit("Log", ctx.emit("Div", size, width)), axis=-1)
    offsets = ctx.emit("Div", ctx.emit("Sub", offsets, means), spreads)
    chosen = ctx.emit("Greater", samples, ctx.scalar(0.5))
    chosen = ctx.emit("Unsqueeze", chosen, ctx.int64([2]))
    chosen = ctx.emit("Expand", chosen, ctx.emit("Shape", offsets))
    return [ctx.emit("Where", chosen, offsets, ctx.scalar(0)), ctx.as_output(chosen)]


def box_iou(node: Node, ctx: Context) -> str:
    """How much of their union every two boxes share."""
    if node.attributes.text("format", "corner") == "center":
        one, other = (to_corners(ctx, boxes) for boxes in ctx.inputs)
    else:
        one, other = ctx.inputs
    flat = [_flat(ctx, boxes, place) for place, boxes in enumerate((one, other))]
    sides = [ctx.emit_many("Split", boxes, ctx.int64([2, 2]), outputs=2, axis=-1) for boxes in flat]
    areas = [_area(ctx, begin, end) for begin, end in sides]
    (begin, end), (others_begin, others_end) = sides
    rows, columns = ctx.int64([1]), ctx.int64([0])
    left = ctx.emit(
        "Max", ctx.emit("Unsqueeze", begin, rows), ctx.emit("Unsqueeze", others_begin, columns)
    )
    right = ctx.emit(
        "Min", ctx.emit("Unsqueeze", end, rows), ctx.emit("Unsqueeze", others_end, columns)
    )
    shared = _area(ctx, left, right)
    both = ctx.emit(
        "Add", ctx.emit("Unsqueeze", areas[0], rows), ctx.emit("Unsqueeze", areas[1], columns)
    )
    ratio = ctx.emit("Div", shared, ctx.emit("Sub", both, shared))
    none = ctx.emit("Equal", shared, ctx.scalar(0))
    return ctx.reshape(ctx.emit("Where", none, ctx.scalar(0), ratio), ctx.output().shape)


def _flat(ctx: Context, boxes: str, place: int) -> str:
    return boxes if ctx.rank(place) == 2 else ctx.emit("Reshape", boxes, ctx.int64([-1, 4]))


def _area(ctx: Context, begin: str, end: str) -> str:
    sides = ctx.emit("Max", ctx.emit("Sub", end, begin), ctx.scalar(0))
    width, height = ctx.emit_many("Split", sides, ctx.int64([1, 1]), outputs=2, axis=-1)
    return ctx.emit("Squeeze", ctx.emit("Mul", width, height), ctx.int64([-1]))


OPERATORS: dict[str, Translator] = {
    "_contrib_box_decode": box_decode,
    "_contrib_box_encode": box_encode,
    "_contrib_box_iou": box_iou,
    "_contrib_box_nms": box_nms,
}
