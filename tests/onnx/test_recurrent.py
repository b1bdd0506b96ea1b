"""Fused recurrent layers: one ONNX node for each layer, states in and out."""

from __future__ import annotations

import pytest

pytest.importorskip("zoo._mxnet", reason="needs MXNet", exc_type=ImportError)

from pathlib import Path
from typing import Any

from layers import Case, check, over

from zoo._mxnet import gluon, mx
from zoo.errors import ExportError
from zoo.manifest import TensorSpec
from zoo.onnx import export_onnx, to_model

rnn = gluon.rnn
TIME_FIRST, BATCH_FIRST = ("time", "batch", 6), ("batch", "time", 6)
KINDS = {
    "lstm": (rnn.LSTM, {}, "LSTM"),
    "gru": (rnn.GRU, {}, "GRU"),
    "rnn_tanh": (rnn.RNN, {"activation": "tanh"}, "RNN"),
    "rnn_relu": (rnn.RNN, {"activation": "relu"}, "RNN"),
}
SHAPES = {
    "one": {},
    "deep": {"num_layers": 3, "dropout": 0.5},
    "both_ways": {"bidirectional": True},
    "deep_both_ways": {"num_layers": 2, "bidirectional": True},
    "batch_first": {"num_layers": 2, "layout": "NTC"},
    "batch_first_both_ways": {"num_layers": 2, "layout": "NTC", "bidirectional": True},
}


def layer(kind: str, shape: str) -> Any:
    build, arguments, _ = KINDS[kind]
    return build(5, **arguments, **SHAPES[shape])


def data(shape: str) -> tuple[Any, ...]:
    return BATCH_FIRST if "layout" in SHAPES[shape] else TIME_FIRST


def states(kind: str, shape: str) -> list[TensorSpec]:
    directions = 2 if "bidirectional" in SHAPES[shape] else 1
    size = (SHAPES[shape].get("num_layers", 1) * directions, "batch", 5)
    return [TensorSpec(name, size) for name in ("h", "c")[: 2 if kind == "lstm" else 1]]


STATELESS = [
    Case(f"{kind}_{shape}", lambda kind=kind, shape=shape: layer(kind, shape), data(shape))
    for kind in KINDS
    for shape in SHAPES
]
STATEFUL = [
    Case(
        f"{kind}_{shape}",
        lambda kind=kind, shape=shape: layer(kind, shape),
        [TensorSpec("data", data(shape)), states(kind, shape)],
    )
    for kind in KINDS
    for shape in SHAPES
]


LAYERS = {
    f"{kind}_{shape}": arguments.get("num_layers", 1)
    for kind in KINDS
    for shape, arguments in SHAPES.items()
}


def nodes_of(case: Case, model: Any) -> list[Any]:
    operator = next(op for kind, (_, _, op) in KINDS.items() if case.name.startswith(kind))
    return [node for node in model.graph.node if node.op_type == operator]


@over(STATELESS)
def test_without_states(case: Case, opset: int) -> None:
    model = check(case, opset)
    nodes = nodes_of(case, model)
    assert len(nodes) == LAYERS[case.name]
    assert all(len(node.input) == 4 and len(node.output) == 1 for node in nodes)
    assert [one.name for one in model.graph.input] == ["data"]


@over(STATEFUL)
def test_with_states(case: Case, opset: int) -> None:
    model = check(case, opset)
    nodes = nodes_of(case, model)
    assert len(nodes) == LAYERS[case.name]
    assert all(node.input[5] and node.output[1] for node in nodes)
    assert [one.name for one in model.graph.input] == ["data", *(s.name for s in case.inputs[1])]


PROJECTED = [
    Case(
        f"projected_{shape}",
        lambda shape=shape: rnn.LSTM(5, projection_size=3, **SHAPES[shape]),
        data(shape),
        tolerance=5e-6,
    )
    for shape in SHAPES
]
PROJECTED += [
    Case(
        f"projected_states_{shape}",
        lambda shape=shape: rnn.LSTM(5, projection_size=3, **SHAPES[shape]),
        [
            TensorSpec("data", data(shape)),
            [
                TensorSpec("h", (*states("lstm", shape)[0].shape[:2], 3)),
                states("lstm", shape)[1],
            ],
        ],
        tolerance=5e-6,
    )
    for shape in SHAPES
]


@over(PROJECTED)
def test_projection(case: Case, opset: int) -> None:
    check(case, opset)


def test_the_fewest_nodes() -> None:
    def operators(name: str, cases: list[Case]) -> str:
        model = check(next(case for case in cases if case.name == name), 21)
        return " ".join(node.op_type for node in model.graph.node)

    assert operators("lstm_one", STATELESS) == "LSTM Squeeze"
    assert operators("gru_both_ways", STATELESS) == "GRU Transpose Reshape"
    assert operators("lstm_one", STATEFUL) == "LSTM Squeeze"
    assert (
        operators("rnn_relu_deep", STATEFUL) == "Split RNN Squeeze RNN Squeeze RNN Squeeze Concat"
    )


def test_weights_are_packed_once() -> None:
    model = check(next(case for case in STATELESS if case.name == "lstm_deep_both_ways"), 21)
    weights = {one.name: list(one.dims) for one in model.graph.initializer if "/" in one.name}
    assert weights == {
        "rnn0/l0.B": [2, 40],
        "rnn0/l0.R": [2, 20, 5],
        "rnn0/l0.W": [2, 20, 6],
        "rnn0/l1.B": [2, 40],
        "rnn0/l1.R": [2, 20, 5],
        "rnn0/l1.W": [2, 20, 10],
    }


def test_a_vector_of_parameters_is_cut(tmp_path: Path) -> None:
    data, parameters, state = (mx.sym.var(name) for name in ("data", "parameters", "state"))
    symbol = mx.sym.RNN(data, parameters, state, mode="gru", state_size=3, num_layers=2)
    values = mx.nd.random.normal(shape=(3 * 3 * (4 + 3) + 3 * 3 * (3 + 3) + 4 * 9,))
    inputs = {"data": ("time", "batch", 4), "state": (2, "batch", 3)}
    report = export_onnx(
        symbol, tmp_path / "gru.onnx", inputs=inputs, params={"parameters": values}
    )
    assert report.max_rel < 1e-5
    assert report.nodes == 5


@pytest.mark.parametrize(
    ("build", "inputs", "message"),
    [
        (
            lambda: rnn.LSTM(5, state_clip_min=-1, state_clip_max=1),
            TIME_FIRST,
            "lstm_state_clip_max=1",
        ),
    ],
)
def test_what_onnx_does_not_have_is_refused(build: Any, inputs: Any, message: str) -> None:
    net = build()
    net.initialize()
    net(mx.nd.ones((2, 3, 6)))
    with pytest.raises(ExportError, match=message):
        to_model(net, inputs=inputs)


def test_unrolled_cells_are_ordinary_operators() -> None:
    class Unrolled(gluon.HybridBlock):
        def __init__(self) -> None:
            super().__init__()
            self.cell = rnn.LSTMCell(5)

        def hybrid_forward(self, F: Any, data: Any, h: Any, c: Any) -> Any:
            return self.cell.unroll(3, data, begin_state=[h, c], merge_outputs=True)

    inputs = [("batch", 3, 6), ("batch", 5), ("batch", 5)]
    check(Case("unrolled", Unrolled, inputs, tolerance=5e-6), 21)


def test_lengths_that_mxnet_ignores_are_refused() -> None:
    data, lengths, state = (mx.sym.var(name) for name in ("data", "lengths", "state"))
    vector = mx.sym.var("vector")
    symbol = mx.sym.RNN(
        data,
        vector,
        state,
        sequence_length=lengths,
        mode="gru",
        state_size=3,
        num_layers=1,
        use_sequence_length=True,
    )
    inputs = {"data": ("time", 2, 4), "state": (1, 2, 3), "lengths": (2,)}
    values = {"vector": mx.nd.ones(3 * 3 * (4 + 3) + 2 * 9)}
    with pytest.raises(ExportError, match="does not look at the lengths"):
        to_model(symbol, inputs=inputs, params=values)
