"""LSTM layers whose output is projected: ONNX has no such operator, so each one is a Scan."""

from __future__ import annotations

import math
from collections.abc import Sequence

from zoo.errors import ExportError
from zoo.onnx.context import Context
from zoo.onnx.graph import OnnxGraph
from zoo.onnx.shapes import TensorType
from zoo.onnx.symbol import Node

_GATES = 4


def projected(node: Node, ctx: Context) -> list[str]:
    """The sequence, and the last projected and cell states of every layer and direction."""
    attributes = node.attributes
    hidden, size = attributes.integer("state_size", 0), attributes.integer("projection_size", 0)
    layers = attributes.integer("num_layers", 1)
    directions = 2 if attributes.flag("bidirectional", False) else 1
    parameters = _parameters(node, ctx, layers, directions, hidden, size)
    states = [_apart(ctx, ctx.inputs[2 + kind], layers * directions) for kind in range(2)]
    sequence = ctx.inputs[0]
    final: list[list[str]] = [[], []]
    for layer in range(layers):
        parts = []
        for direction in range(directions):
            place = layer * directions + direction
            begin = [states[0][place], states[1][place]]
            *last, part = _scanned(ctx, sequence, parameters[place], begin, hidden, size, direction)
            parts.append(part)
            final[0].append(last[0])
            final[1].append(last[1])
        sequence = parts[0] if directions == 1 else ctx.emit("Concat", *parts, axis=2)
    return [sequence, *(_stacked(ctx, kind) for kind in final)]


def _parameters(
    node: Node, ctx: Context, layers: int, directions: int, hidden: int, size: int
) -> list[list[str]]:
    """For every layer and direction: weights of input, state and projection, both biases."""
    width = ctx.shape()[-1]
    if not isinstance(width, int):
        raise ExportError(f"{node.label}: the size of its input's last axis is not known.")
    rows, count = _GATES * hidden, layers * directions
    shapes: list[tuple[int, ...]] = []
    for place in range(count):
        taken = width if place < directions else directions * size
        shapes += [(rows, taken), (rows, size), (size, hidden)]
    shapes += [(rows,)] * (2 * count)
    sizes = [math.prod(shape) for shape in shapes]
    parts = ctx.emit_many("Split", ctx.inputs[1], ctx.int64(sizes), outputs=len(sizes), axis=0)
    tensors = [ctx.reshape(part, shape) for part, shape in zip(parts, shapes, strict=True)]
    biases = tensors[3 * count :]
    return [
        [*tensors[3 * place : 3 * place + 3], *biases[2 * place : 2 * place + 2]]
        for place in range(count)
    ]


def _apart(ctx: Context, state: str, count: int) -> list[str]:
    """(layers * directions, batch, size) as tensors (batch, size)."""
    parts = [state]
    if count > 1:
        parts = ctx.emit_many("Split", state, ctx.int64([1] * count), outputs=count, axis=0)
    return [ctx.emit("Squeeze", part, ctx.int64([0])) for part in parts]


def _stacked(ctx: Context, states: Sequence[str]) -> str:
    rows = [ctx.emit("Unsqueeze", state, ctx.int64([0])) for state in states]
    return rows[0] if len(rows) == 1 else ctx.emit("Concat", *rows, axis=0)


def _scanned(
    ctx: Context,
    sequence: str,
    parameters: Sequence[str],
    begin: Sequence[str],
    hidden: int,
    size: int,
    direction: int,
) -> list[str]:
    """Last projected state, last cell state, and the projected state after every step."""
    inner, outer, projection, *biases = parameters
    turned = [ctx.emit("Transpose", one, perm=[1, 0]) for one in (inner, outer, projection)]
    gates = ctx.emit("Add", ctx.emit("MatMul", sequence, turned[0]), ctx.emit("Add", *biases))
    body = ctx.body()
    batch, dtype = ctx.shape()[1], ctx.dtype()
    kinds = [TensorType((batch, width), dtype) for width in (size, hidden)]
    names = [
        body.add_argument(f"{ctx.name}/{name}", kind)
        for name, kind in zip("rc", kinds, strict=True)
    ]
    step = body.add_argument(f"{ctx.name}/x", TensorType((batch, _GATES * hidden), dtype))
    after = _step(ctx, body, step, names, turned[1:], hidden)
    copy = body.own(after[0], ctx.name)
    graph = body.body_proto([(after[0], kinds[0]), (after[1], kinds[1]), (copy, kinds[0])])
    return ctx.emit_many(
        "Scan",
        *begin,
        gates,
        outputs=3,
        body=graph,
        num_scan_inputs=1,
        scan_input_directions=[direction],
        scan_output_directions=[direction],
    )


def _step(
    ctx: Context,
    body: OnnxGraph,
    step: str,
    states: Sequence[str],
    weights: Sequence[str],
    hidden: int,
) -> list[str]:
    """The projected and the cell state after one step; Gluon's gates are i f g o."""

    def add(op_type: str, *inputs: str) -> str:
        return body.add_node(op_type, inputs, f"{ctx.name}/{op_type}")[0]

    total = add("Add", step, add("MatMul", states[0], weights[0]))
    sizes = ctx.int64([hidden] * _GATES)
    i, f, g, o = body.add_node("Split", [total, sizes], f"{ctx.name}/Split", _GATES, axis=1)
    kept = add("Mul", add("Sigmoid", f), states[1])
    cell = add("Add", kept, add("Mul", add("Sigmoid", i), add("Tanh", g)))
    output = add("Mul", add("Sigmoid", o), add("Tanh", cell))
    return [add("MatMul", output, weights[1]), cell]
