"""MultiBox: anchors of single-shot detectors, and the boxes that they find."""

from __future__ import annotations

import numpy as np

from zoo.errors import ExportError
from zoo.onnx.context import END, Context, Translator
from zoo.onnx.operators.boxes import marked, suppress, to_centers
from zoo.onnx.symbol import Node

_LOWEST = float("-inf")


def prior(node: Node, ctx: Context) -> str:
    """Anchors around the middle of each cell: a constant."""
    attributes = node.attributes
    height, width = ctx.shape()[2:]
    if not isinstance(height, int) or not isinstance(width, int):
        raise ExportError(f"{node.label}: anchors need a fixed height and width.")
    sizes, ratios = _numbers(node, "sizes", (1.0,)), _numbers(node, "ratios", (1.0,))
    steps, offsets = _numbers(node, "steps", (-1.0, -1.0)), _numbers(node, "offsets", (0.5, 0.5))
    down, across = (
        step if step > 0 else 1 / size for step, size in zip(steps, (height, width), strict=True)
    )
    pairs = [(size, ratios[0]) for size in sizes] + [(sizes[0], ratio) for ratio in ratios[1:]]
    halves = np.array(
        [(size * height / width * ratio**0.5 / 2, size / ratio**0.5 / 2) for size, ratio in pairs]
    )
    y = (np.arange(height) + offsets[0]) * down
    x = (np.arange(width) + offsets[1]) * across
    middle = np.stack(np.meshgrid(x, y), -1).reshape(-1, 1, 2)
    boxes = np.concatenate([middle - halves, middle + halves], -1).reshape(1, -1, 4)
    if attributes.flag("clip", False):
        boxes = boxes.clip(0, 1)
    return ctx.constant(boxes.astype(ctx.output().dtype))


def _numbers(node: Node, name: str, default: tuple[float, ...]) -> tuple[float, ...]:
    value = node.attributes.value(name, default)
    return tuple(float(one) for one in (value if isinstance(value, tuple | list) else (value,)))


def detection(node: Node, ctx: Context) -> str:
    """Rows of class, score and corners: the best first, class -1 where a better one overlaps.

    Rows that were not compared, because `nms_topk` is smaller than their number, follow in the
    order of their anchors with class -1; then rows of -1.
    """
    attributes = node.attributes
    classes, anchors = ctx.shape()[1:3]
    if not isinstance(classes, int) or not isinstance(anchors, int):
        raise ExportError(f"{node.label}: the numbers of classes and anchors must be fixed.")
    if attributes.integer("background_id", 0):
        raise ExportError(f"{node.label}: only class 0 can be the background.")
    topk = attributes.integer("nms_topk", -1)
    count = min(topk, anchors) if topk > 0 else anchors
    kind, score = _best_class(ctx)
    valid = ctx.emit("GreaterOrEqual", score, ctx.scalar(attributes.number("threshold", 0.01)))
    rows = _rows(ctx, kind, score, _decoded(node, ctx))
    compact = _compact(ctx, rows, valid)
    if not 0 < attributes.number("nms_threshold", 0.5) <= 1:
        attributes.ignore("force_suppress")
        return compact
    best, places = ctx.emit_many(
        "TopK",
        ctx.emit("Where", valid, score, ctx.scalar(_LOWEST)),
        ctx.int64([count]),
        outputs=2,
        axis=1,
    )
    ordered = ctx.emit(
        "GatherND", rows, ctx.emit("Unsqueeze", places, ctx.int64([2])), batch_dims=1
    )
    kept = _kept(node, ctx, ordered, best, classes - 1, count)
    real = ctx.emit("Unsqueeze", ctx.emit("Greater", best, ctx.scalar(-1)), ctx.int64([2]))
    first = ctx.emit("Where", real, kept, ctx.scalar(-1))
    if count == anchors:
        return first
    rest = _without_class(ctx, ctx.slice(compact, [count], [END], [1]))
    return ctx.emit("Concat", first, rest, axis=1)


def _best_class(ctx: Context) -> list[str]:
    """The best class but the background, from 0, and its score, (batch, anchors)."""
    scores = ctx.slice(ctx.inputs[0], [1], [END], [1])
    score, kind = ctx.emit_many("TopK", scores, ctx.int64([1]), outputs=2, axis=1)
    axis = ctx.int64([1])
    number = ctx.cast(ctx.emit("Squeeze", kind, axis), ctx.dtype())
    return [number, ctx.emit("Squeeze", score, axis)]


def _decoded(node: Node, ctx: Context) -> str:
    """Corners from the anchors and their offsets."""
    attributes = node.attributes
    spread = np.array(_numbers(node, "variances", (0.1, 0.1, 0.2, 0.2)), ctx.dtype())
    offsets = ctx.emit("Reshape", ctx.inputs[1], ctx.int64([0, -1, 4]))
    offsets = ctx.emit("Mul", offsets, ctx.constant(spread))
    halves = ctx.int64([2, 2])
    moved, grown = ctx.emit_many("Split", offsets, halves, outputs=2, axis=-1)
    centers = to_centers(ctx, ctx.inputs[2])
    middle, size = ctx.emit_many("Split", centers, halves, outputs=2, axis=-1)
    middle = ctx.emit("Add", ctx.emit("Mul", moved, size), middle)
    half = ctx.emit("Mul", ctx.emit("Mul", ctx.emit("Exp", grown), size), ctx.scalar(0.5))
    ends = ctx.emit("Sub", middle, half), ctx.emit("Add", middle, half)
    corners = ctx.emit("Concat", *ends, axis=-1)
    if not attributes.flag("clip", True):
        return corners
    return ctx.emit("Clip", corners, ctx.scalar(0), ctx.scalar(1))


def _rows(ctx: Context, kind: str, score: str, corners: str) -> str:
    last = ctx.int64([2])
    columns = [ctx.emit("Unsqueeze", one, last) for one in (kind, score)]
    return ctx.emit("Concat", *columns, corners, axis=2)


def _compact(ctx: Context, rows: str, valid: str) -> str:
    """The valid rows moved to the front in their order, -1 after them."""
    pairs = ctx.emit("Transpose", ctx.emit("NonZero", valid), perm=[1, 0])
    ranks = ctx.emit("CumSum", ctx.cast(valid, "int64"), ctx.scalar(1, "int64"), exclusive=1)
    place = ctx.emit("Unsqueeze", ctx.emit("GatherND", ranks, pairs), ctx.int64([1]))
    target = ctx.emit("Concat", ctx.slice(pairs, [0], [1], [1]), place, axis=1)
    nothing = ctx.emit("Expand", ctx.scalar(-1), ctx.emit("Shape", rows))
    return ctx.emit("ScatterND", nothing, target, ctx.emit("GatherND", rows, pairs))


def _kept(node: Node, ctx: Context, ordered: str, best: str, classes: int, count: int) -> str:
    """The ordered rows, with class -1 where a better one overlaps."""
    overlap = node.attributes.number("nms_threshold", 0.5)
    forced = node.attributes.flag("force_suppress", False)
    scores = ctx.emit("Unsqueeze", best, ctx.int64([1]))
    kinds = ctx.emit("Gather", ordered, ctx.scalar(0, "int64"), axis=2)
    if not forced:
        every = ctx.constant(np.arange(classes, dtype=ctx.dtype()).reshape(1, -1, 1))
        same = ctx.emit("Equal", ctx.emit("Unsqueeze", kinds, ctx.int64([1])), every)
        scores = ctx.emit("Where", same, scores, ctx.scalar(_LOWEST))
    boxes = ctx.slice(ordered, [2], [6], [2])
    pairs = suppress(ctx, boxes, scores, ctx.int64([count]), overlap, -1)
    stays = ctx.cast(marked(ctx, best, pairs), "bool")
    kinds = ctx.emit("Where", stays, kinds, ctx.scalar(-1))
    rest = ctx.slice(ordered, [1], [END], [2])
    return ctx.emit("Concat", ctx.emit("Unsqueeze", kinds, ctx.int64([2])), rest, axis=2)


def _without_class(ctx: Context, rows: str) -> str:
    kinds = ctx.slice(rows, [0], [1], [2])
    none = ctx.emit("Expand", ctx.scalar(-1), ctx.emit("Shape", kinds))
    return ctx.emit("Concat", none, ctx.slice(rows, [1], [END], [2]), axis=2)


OPERATORS: dict[str, Translator] = {
    "_contrib_MultiBoxDetection": detection,
    "_contrib_MultiBoxPrior": prior,
}
