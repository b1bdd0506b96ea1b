"""RNN, the fused recurrent layers: one ONNX LSTM, GRU or RNN node for each layer.

The node holds both directions. Gluon's weights are re-packed by nodes that fold away when the
weights are bound: the gates i f g o of an LSTM become ONNX's i o f c, r z n of a GRU become z r h,
and B is [Wb, Rb]. States that are zeros are left out, as ONNX Runtime takes zeros by itself.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from zoo.errors import ExportError
from zoo.onnx.context import Context
from zoo.onnx.operators.projection import projected
from zoo.onnx.symbol import Edge, Node

_GATES = {"gru": (1, 0, 2), "lstm": (0, 3, 1, 2), "rnn_relu": (0,), "rnn_tanh": (0,)}
_UNSUPPORTED = {
    "lstm_state_clip_max": "None",
    "lstm_state_clip_min": "None",
}


@dataclass(frozen=True)
class Cell:
    """What kind of recurrent layers a node holds, and how many."""

    mode: str
    layers: int
    directions: int
    hidden: int

    @property
    def op_type(self) -> str:
        return self.mode.split("_")[0].upper()

    @property
    def gates(self) -> tuple[int, ...]:
        """For each of ONNX's gates, its place in Gluon's order."""
        return _GATES[self.mode]

    @property
    def rows(self) -> int:
        return len(self.gates) * self.hidden

    @property
    def states(self) -> int:
        return 2 if self.mode == "lstm" else 1

    def shapes(self, input_size: int) -> list[tuple[int, ...]]:
        """The parameters in MXNet's order: all weights, input before hidden, then all biases."""
        sizes = [input_size, *[self.directions * self.hidden] * (self.layers - 1)]
        pairs = [(size, self.hidden) * self.directions for size in sizes]
        weights = [(self.rows, width) for pair in pairs for width in pair]
        return [*weights, *[(self.rows,)] * len(weights)]


def rnn(node: Node, ctx: Context) -> list[str]:
    cell = _cell(node)
    if node.attributes.text("projection_size") != "None":
        return projected(node, ctx)
    parameters = _parameters(node, ctx, cell)
    half, each = len(parameters) // 2, 2 * cell.directions
    states = [_initial_states(ctx, node.inputs[2 + kind], cell) for kind in range(cell.states)]
    sequence = ctx.value(node.inputs[0])
    final: list[list[str]] = []
    for layer in range(cell.layers):
        weights = parameters[layer * each : (layer + 1) * each]
        biases = parameters[half + layer * each : half + (layer + 1) * each]
        packed = _pack(ctx, cell, layer, weights, biases)
        begin = [kind[layer] for kind in states]
        sequence, *last = _layer(ctx, cell, layer, [sequence, *packed, "", *begin])
        final.append(last)
    return [sequence, *(_joined(ctx, kind) for kind in zip(*final, strict=True))]


def _cell(node: Node) -> Cell:
    attributes = node.attributes
    attributes.ignore("p", "state_outputs", "lstm_state_clip_nan")
    for name, plain in _UNSUPPORTED.items():
        if attributes.text(name, plain) != plain:
            raise ExportError(f"{node.label}: {name}={attributes[name]} is not supported.")
    if attributes.flag("use_sequence_length", False):
        raise ExportError(
            f"{node.label}: use_sequence_length=True is not supported: on the CPU MXNet itself "
            "does not look at the lengths, so that nothing could be compared."
        )
    mode = attributes.text("mode")
    if mode not in _GATES:
        raise ExportError(f"{node.label}: mode={mode!r} is not supported.")
    directions = 2 if attributes.flag("bidirectional", False) else 1
    layers = attributes.integer("num_layers", 1)
    return Cell(mode, layers, directions, attributes.integer("state_size", 0))


def _parameters(node: Node, ctx: Context, cell: Cell) -> list[str]:
    """The layers' parameters, each by itself; they reach the node as one vector."""
    size = ctx.shape()[-1]
    if not isinstance(size, int):
        raise ExportError(f"{node.label}: the size of its input's last axis is not known.")
    shapes = cell.shapes(size)
    joined = ctx.source(node.inputs[1])
    if joined.op == "_rnn_param_concat":
        edges = [_before_reshape(ctx, edge) for edge in joined.inputs]
        if [ctx.shape_of(edge) for edge in edges] == shapes:
            return [ctx.value(edge) for edge in edges]
    sizes = [math.prod(shape) for shape in shapes]
    vector = ctx.value(node.inputs[1])
    parts = ctx.emit_many("Split", vector, ctx.int64(sizes), outputs=len(sizes), axis=0)
    return [ctx.reshape(part, shape) for part, shape in zip(parts, shapes, strict=True)]


def _before_reshape(ctx: Context, edge: Edge) -> Edge:
    source = ctx.source(edge)
    return source.inputs[0] if source.op == "Reshape" else edge


def _pack(
    ctx: Context, cell: Cell, layer: int, weights: Sequence[str], biases: Sequence[str]
) -> list[str]:
    """ONNX's W, R and B: one row of each for each direction."""
    directions, hidden, rows = cell.directions, cell.hidden, cell.rows
    matrices = (directions, len(cell.gates), hidden, -1), (directions, rows, -1)
    vectors = (2 * directions, len(cell.gates), hidden), (directions, 2 * rows)
    return [
        _in_gate_order(ctx, cell, weights[0::2], f"l{layer}.W", *matrices),
        _in_gate_order(ctx, cell, weights[1::2], f"l{layer}.R", *matrices),
        _in_gate_order(ctx, cell, biases, f"l{layer}.B", *vectors),
    ]


def _in_gate_order(
    ctx: Context,
    cell: Cell,
    tensors: Sequence[str],
    label: str,
    apart: tuple[int, ...],
    together: tuple[int, ...],
) -> str:
    """`tensors` joined, in the shape `apart` to move the gates on axis 1, then `together`."""
    joined = ctx.emit("Concat", *tensors, axis=0) if len(tensors) > 1 else tensors[0]
    if len(cell.gates) > 1:
        gates = ctx.emit("Reshape", joined, ctx.int64(apart))
        joined = ctx.emit("Gather", gates, ctx.int64(cell.gates), axis=1)
    return ctx.emit("Reshape", joined, ctx.int64(together), label=label)


def _initial_states(ctx: Context, edge: Edge, cell: Cell) -> list[str]:
    """The state of each layer, without a name where it is zeros."""
    if ctx.source(edge).op == "_zeros":
        return [""] * cell.layers
    state = ctx.value(edge)
    if cell.layers == 1:
        return [state]
    sizes = ctx.int64([cell.directions] * cell.layers)
    return ctx.emit_many("Split", state, sizes, outputs=cell.layers, axis=0)


def _layer(ctx: Context, cell: Cell, layer: int, inputs: list[str]) -> list[str]:
    """The layer's sequence (time, batch, directions * hidden), and its last states."""
    while not inputs[-1]:
        inputs.pop()
    sequence, *states = ctx.emit_many(
        cell.op_type,
        *inputs,
        outputs=1 + cell.states,
        label=f"l{layer}",
        hidden_size=cell.hidden,
        direction="bidirectional" if cell.directions == 2 else None,
        linear_before_reset=1 if cell.mode == "gru" else None,
        activations=["Relu"] * cell.directions if cell.mode == "rnn_relu" else None,
    )
    if cell.directions == 1:
        return [ctx.emit("Squeeze", sequence, ctx.int64([1])), *states]
    beside = ctx.emit("Transpose", sequence, perm=[0, 2, 1, 3])
    width = cell.directions * cell.hidden
    return [ctx.emit("Reshape", beside, ctx.int64([0, 0, width])), *states]


def _joined(ctx: Context, states: Sequence[str]) -> str:
    return states[0] if len(states) == 1 else ctx.emit("Concat", *states, axis=0)


OPERATORS = {"RNN": rnn}
