"""Recurrent cells, unrolled: they become ordinary operators; outputs keep their order."""

from __future__ import annotations

import pytest

pytest.importorskip("zoo._mxnet", reason="needs MXNet", exc_type=ImportError)

from collections.abc import Callable
from typing import Any

from layers import Case, check, over

from zoo._mxnet import gluon
from zoo.onnx.specs import flatten

rnn, contrib = gluon.rnn, gluon.contrib.rnn
STEPS, SIZE = 3, 6
BATCH_FIRST, TIME_FIRST = ("batch", STEPS, SIZE), (STEPS, "batch", SIZE)
LINES = ("batch", STEPS, 2, 8)
PICTURES = ("batch", STEPS, 2, 7, 8)
CUBES = ("batch", STEPS, 2, 5, 4, 6)


class Unrolled(gluon.HybridBlock):
    """A cell over all steps; returns its outputs and its last states."""

    def __init__(self, cell: Any, **arguments: Any) -> None:
        super().__init__()
        self.cell, self.arguments = cell, arguments

    def hybrid_forward(self, F: Any, data: Any, lengths: Any = None) -> Any:
        self.cell.reset()
        arguments = {"merge_outputs": True, **self.arguments}
        if lengths is not None:
            arguments["valid_length"] = F.clip(F.round(F.abs(lengths) * 2), 1, STEPS)
        outputs, states = self.cell.unroll(STEPS, data, **arguments)
        return flatten([outputs, states])


class Step(gluon.HybridBlock):
    """One step of a cell, its states going in and out."""

    def __init__(self, cell: Any) -> None:
        super().__init__()
        self.cell = cell

    def hybrid_forward(self, F: Any, data: Any, *states: Any) -> Any:
        output, after = self.cell(data, list(states))
        return [output, *after]


def stacked(*cells: Any) -> Any:
    stack = rnn.HybridSequentialRNNCell()
    for cell in cells:
        stack.add(cell)
    return stack


CELLS: dict[str, Callable[[], Any]] = {
    "rnn": lambda: rnn.RNNCell(5),
    "rnn_relu": lambda: rnn.RNNCell(5, activation="relu"),
    "lstm": lambda: rnn.LSTMCell(5),
    "lstm_activations": lambda: rnn.LSTMCell(5, activation="relu", recurrent_activation="softsign"),
    "gru": lambda: rnn.GRUCell(5),
    "stacked": lambda: stacked(rnn.LSTMCell(5), rnn.DropoutCell(0.5), rnn.GRUCell(4)),
    "residual": lambda: rnn.ResidualCell(rnn.GRUCell(SIZE)),
    "zoneout": lambda: rnn.ZoneoutCell(rnn.RNNCell(5), 0.5, 0.5),
    "variational_dropout": lambda: contrib.VariationalDropoutCell(rnn.LSTMCell(5), 0.5, 0.5, 0.5),
    "projected": lambda: contrib.LSTMPCell(5, 3),
    "bidirectional": lambda: rnn.BidirectionalCell(rnn.LSTMCell(5), rnn.LSTMCell(5)),
    "bidirectional_gru": lambda: rnn.BidirectionalCell(rnn.GRUCell(5), rnn.GRUCell(4)),
}
CONVOLUTIONAL: dict[str, tuple[Callable[[], Any], Any]] = {
    f"conv{size}d_{kind}": (
        lambda kind=kind, size=size, shape=shape: getattr(
            contrib, f"Conv{size}D{kind.upper()}Cell"
        )(shape[2:], 3, 3, 3, i2h_pad=1),
        shape,
    )
    for kind in ("rnn", "lstm", "gru")
    for size, shape in ((1, LINES), (2, PICTURES), (3, CUBES))
}
CASES = [
    *(
        Case(name, lambda cell=cell: Unrolled(cell()), BATCH_FIRST, tolerance=1e-5)
        for name, cell in CELLS.items()
    ),
    *(
        Case(
            f"{name}_time_first",
            lambda cell=cell: Unrolled(cell(), layout="TNC"),
            TIME_FIRST,
            tolerance=1e-5,
        )
        for name, cell in CELLS.items()
    ),
    *(
        Case(
            f"{name}_lengths",
            lambda cell=CELLS[name]: Unrolled(cell()),
            [BATCH_FIRST, ("batch",)],
            tolerance=1e-5,
        )
        for name in ("lstm", "gru", "bidirectional", "stacked")
    ),
    *(
        Case(
            f"{name}_apart",
            lambda cell=CELLS[name]: Unrolled(cell(), merge_outputs=False),
            BATCH_FIRST,
            tolerance=1e-5,
        )
        for name in ("lstm", "bidirectional")
    ),
    *(
        Case(f"{name}_step", lambda cell=CELLS[name]: Step(cell()), inputs, tolerance=1e-5)
        for name, inputs in {
            "rnn": [("batch", SIZE), ("batch", 5)],
            "lstm": [("batch", SIZE), ("batch", 5), ("batch", 5)],
            "gru": [("batch", SIZE), ("batch", 5)],
            "projected": [("batch", SIZE), ("batch", 3), ("batch", 5)],
        }.items()
    ),
    *(
        Case(name, lambda cell=cell: Unrolled(cell()), shape, tolerance=1e-5)
        for name, (cell, shape) in CONVOLUTIONAL.items()
    ),
]


@over(CASES)
def test_cell(case: Case, opset: int) -> None:
    check(case, opset)
