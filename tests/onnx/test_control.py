"""foreach, while_loop and cond as Scan, Loop and If."""

from __future__ import annotations

import pytest

pytest.importorskip("zoo._mxnet", reason="needs MXNet", exc_type=ImportError)

from typing import Any

import numpy as np
from layers import CUBE, ROW, Case, check, function, over

from zoo._mxnet import gluon, nn
from zoo.errors import ExportError
from zoo.onnx import open_session, to_model
from zoo.onnx.specs import flatten


class Dense(gluon.HybridBlock):
    """A layer used at every step, its parameters taken from outside of the body."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Dense(6, in_units=6, activation="tanh")

    def hybrid_forward(self, F: Any, data: Any, state: Any) -> Any:
        def step(x: Any, states: list[Any]) -> Any:
            after = self.layer(x + states[0])
            return after * 2, [after]

        outputs, states = F.contrib.foreach(step, data, [state])
        return [outputs, states[0]]


class Cell(gluon.HybridBlock):
    """A recurrent cell over any number of steps."""

    def __init__(self) -> None:
        super().__init__()
        self.cell = gluon.rnn.LSTMCell(5, input_size=6)

    def hybrid_forward(self, F: Any, data: Any, h: Any, c: Any) -> Any:
        outputs, states = F.contrib.foreach(self.cell, data, [h, c])
        return flatten([outputs, states])


def running_sum(F: Any, data: Any, state: Any) -> Any:
    outputs, states = F.contrib.foreach(lambda x, s: (x * s[0], [s[0] + x]), data, [state])
    return flatten([outputs, states])


def two_inputs(F: Any, data: Any, other: Any, state: Any, more: Any) -> Any:
    def step(x: Any, states: list[Any]) -> Any:
        return [x[0] + x[1], x[0] * states[0]], [states[0] + states[1], states[1] * 2]

    outputs, states = F.contrib.foreach(step, [data, other], [state, more])
    return flatten([outputs, states])


def nested(F: Any, data: Any, state: Any) -> Any:
    def inner(x: Any, states: list[Any]) -> Any:
        return x * 2, [states[0] + x]

    def step(x: Any, states: list[Any]) -> Any:
        _, after = F.contrib.foreach(inner, x, states)
        return after[0] * 2, after

    outputs, states = F.contrib.foreach(step, data, [state])
    return flatten([outputs, states])


def loop(F: Any, start: Any, limit: int, most: int) -> Any:
    """What MXNet returns beyond the steps that were taken is not defined."""
    outputs, variables = F.contrib.while_loop(
        lambda i, x: i < limit,
        lambda i, x: ([x * 2], [i + 1, x * 3 - 1]),
        [F.zeros((1,)), start],
        most,
    )
    outputs = [F.slice_axis(one, axis=0, begin=0, end=limit) for one in outputs if limit > 0]
    return flatten([outputs, variables])


def chosen(F: Any, x: Any, y: Any) -> Any:
    return F.contrib.cond(F.sum(x) > F.sum(y), lambda: x * 2 + y, lambda: y - 1)


def chosen_pair(F: Any, x: Any, y: Any) -> Any:
    return F.contrib.cond(F.sum(x) > 0, lambda: [x, y], lambda: [y, x])


CASES = [
    Case("foreach", function(running_sum), [("time", "batch", 3), ("batch", 3)], "Scan"),
    Case(
        "foreach_two_inputs",
        function(two_inputs),
        [("time", "batch", 3), ("time", "batch", 3), ("batch", 3), ("batch", 3)],
        "Scan",
    ),
    Case("foreach_layer", Dense, [("time", "batch", 6), ("batch", 6)], tolerance=1e-5),
    Case(
        "foreach_cell",
        Cell,
        [("time", "batch", 6), ("batch", 5), ("batch", 5)],
        tolerance=1e-5,
    ),
    Case("foreach_nested", function(nested), [("time", "batch", 3), (3,)], "Scan", 1e-5),
    Case("while_all_steps", function(lambda F, x: loop(F, x, 4, 4)), (1,)),
    Case("while_until", function(lambda F, x: loop(F, x, 3, 7)), ROW),
    Case("while_never", function(lambda F, x: loop(F, x, -1, 3)), ROW),
    Case("cond", function(chosen), [ROW, ROW]),
    Case("cond_pair", function(chosen_pair), [ROW, ROW]),
]


@over(CASES)
def test_control_flow(case: Case, opset: int) -> None:
    check(case, opset)


def test_an_unknown_operator_within_a_body_is_named() -> None:
    def step(F: Any, x: Any, s: Any) -> Any:
        return F.contrib.foreach(lambda x, s: (F.shuffle(x), s), x, [s])[0]

    with pytest.raises(ExportError, match="operator '_shuffle'"):
        to_model(nn.HybridLambda(step), inputs=[CUBE, ("time", 6)])


def test_steps_that_were_not_taken_are_zeros() -> None:
    def endless(F: Any, x: Any) -> Any:
        return F.contrib.while_loop(lambda x: F.sum(x) < 3, lambda x: ([x], [x + 1]), [x], 5)[0]

    model = to_model(nn.HybridLambda(endless), inputs=(1,)).SerializeToString()
    (found,) = open_session(model).run(None, {"data": np.zeros(1, np.float32)})
    assert found.tolist() == [[0], [1], [2], [0], [0]]
