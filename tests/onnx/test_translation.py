"""From a symbol's JSON to a running model, held against NumPy; MXNet is not needed."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import numpy as np
import onnx
import pytest

from zoo.errors import ExportError
from zoo.manifest import TensorSpec
from zoo.onnx import bind, open_session
from zoo.onnx.serialization import serialize
from zoo.onnx.shapes import TensorType
from zoo.onnx.symbol import read_symbol
from zoo.onnx.tracing import Network, Trace, Weight
from zoo.onnx.translation import translate

SIZE, HIDDEN = 3, 2


class Nowhere(Network):
    """A network that only has inputs: what is translated is given as JSON."""

    def __init__(self, *inputs: TensorSpec) -> None:
        self.inputs = inputs

    def load(self, text: str) -> Any:
        raise NotImplementedError

    def path(self, name: str) -> str:
        return name

    def arrays(self) -> dict[str, Any]:
        raise NotImplementedError

    def run(self, arrays: Sequence[Any]) -> list[Any]:
        raise NotImplementedError


def traced(
    nodes: Sequence[tuple[Any, ...]], heads: Any, shapes: dict[str, Any], inputs: Sequence[str]
) -> Trace:
    """`nodes` are (op, name, inputs, attributes); `shapes` those of each node's outputs."""
    records = [
        {"op": op, "name": name, "inputs": [[*edge, 0] for edge in edges], "attrs": attributes}
        for op, name, edges, attributes in nodes
    ]
    graph = read_symbol(json.dumps({"nodes": records, "heads": [[*head, 0] for head in heads]}))
    types = {
        (place, output): TensorType(shape, "float32")
        for place, (_, name, _, _) in enumerate(nodes)
        for output, shape in enumerate(shapes[name])
    }
    weights = {
        name: Weight(name, TensorType(shapes[name][0], "float32"))
        for op, name, _, _ in nodes
        if op == "null" and name not in inputs
    }
    network = Nowhere(*(TensorSpec(name, shapes[name][0]) for name in inputs))
    outputs = tuple(f"output{place}" for place in range(len(heads)))
    return Trace(network, graph, types, weights, outputs, {})


def recurrent(mode: str, gates: int) -> Trace:
    """One layer with states, as Gluon's fused layers are written."""
    states = ["h", "c"] if mode == "lstm" else ["h"]
    variables = ["data", "i2h_weight", "h2h_weight", "i2h_bias", "h2h_bias", *states]
    nodes: list[tuple[Any, ...]] = [("null", name, [], {}) for name in variables]
    start = len(nodes)
    nodes += [("Reshape", f"flat{k}", [(k, 0)], {"shape": "-1"}) for k in range(1, 5)]
    joined = [(start + k, 0) for k in range(4)]
    nodes.append(("_rnn_param_concat", "joined", joined, {"dim": "0", "num_args": "4"}))
    edges = [(0, 0), (start + 4, 0), *((5 + k, 0) for k in range(len(states)))]
    attributes = {
        "mode": mode,
        "num_layers": "1",
        "state_size": str(HIDDEN),
        "state_outputs": "True",
    }
    nodes.append(("RNN", "rnn", edges, attributes))
    rows, state = gates * HIDDEN, (1, "batch", HIDDEN)
    parameters = [(rows, SIZE), (rows, HIDDEN), (rows,), (rows,)]
    shapes: dict[str, Any] = {"data": [("time", "batch", SIZE)], "h": [state], "c": [state]}
    shapes |= {name: [shape] for name, shape in zip(variables[1:5], parameters, strict=True)}
    shapes |= {f"flat{k}": [(int(np.prod(shape)),)] for k, shape in enumerate(parameters, 1)}
    shapes["joined"] = [(sum(int(np.prod(shape)) for shape in parameters),)]
    shapes["rnn"] = [("time", "batch", HIDDEN), *[state] * len(states)]
    heads = [(len(nodes) - 1, output) for output in range(1 + len(states))]
    return traced(nodes, heads, shapes, ["data", *states])


def sigmoid(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-x))


def lstm_step(x: np.ndarray, r: np.ndarray, h: np.ndarray, c: np.ndarray) -> tuple[Any, ...]:
    """Gluon's order of gates: input, forget, cell, output."""
    i, f, g, o = np.split(x + r, 4, axis=1)
    c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
    return sigmoid(o) * np.tanh(c), c


def gru_step(x: np.ndarray, r: np.ndarray, h: np.ndarray) -> tuple[Any, ...]:
    """Gluon's order of gates: reset, update, new."""
    (xr, xz, xn), (rr, rz, rn) = np.split(x, 3, axis=1), np.split(r, 3, axis=1)
    z = sigmoid(xz + rz)
    return ((1 - z) * np.tanh(xn + sigmoid(xr + rr) * rn) + z * h,)


def rnn_step(x: np.ndarray, r: np.ndarray, h: np.ndarray) -> tuple[Any, ...]:
    return (np.maximum(x + r, 0),)


@pytest.mark.parametrize(
    ("mode", "gates", "step"),
    [("lstm", 4, lstm_step), ("gru", 3, gru_step), ("rnn_relu", 1, rnn_step)],
)
def test_recurrent_layers_are_their_equations(mode: str, gates: int, step: Any) -> None:
    trace = recurrent(mode, gates)
    random = np.random.default_rng(0)
    arrays = {
        weight.name: random.standard_normal(weight.type.shape).astype(np.float32)
        for weight in trace.weights.values()
    }
    graph = serialize(translate(trace, 21, {}))
    data = random.standard_normal((4, 5, SIZE)).astype(np.float32)
    states = [random.standard_normal((1, 5, HIDDEN)).astype(np.float32) for _ in trace.outputs[1:]]
    feeds = dict(zip(("data", "h", "c"), [data, *states], strict=False))
    outputs, *final = open_session(bind(graph, arrays)).run(None, feeds)
    current, expected = tuple(state[0] for state in states), []
    for x in data:
        inner = x @ arrays["i2h_weight"].T + arrays["i2h_bias"]
        outer = current[0] @ arrays["h2h_weight"].T + arrays["h2h_bias"]
        current = step(inner, outer, *current)
        expected.append(current[0])
    np.testing.assert_allclose(outputs, expected, atol=1e-6)
    for found, state in zip(final, current, strict=True):
        np.testing.assert_allclose(found[0], state, atol=1e-6)


def test_weights_fold_into_one_node() -> None:
    trace = recurrent("lstm", 4)
    graph = translate(trace, 21, {})
    assert len(graph.graph.node) > 2
    arrays = {
        weight.name: np.zeros(weight.type.shape, np.float32) for weight in trace.weights.values()
    }
    model = onnx.load_model_from_string(bind(serialize(graph), arrays))
    assert [node.op_type for node in model.graph.node] == ["LSTM", "Squeeze"]


def test_repeated_node_names_are_made_unique() -> None:
    nodes = [
        ("null", "data", [], {}),
        ("exp", "same", [(0, 0)], {}),
        ("exp", "same", [(1, 0)], {}),
    ]
    trace = traced(nodes, [(2, 0)], {"data": [(2,)], "same": [(2,)]}, ["data"])
    names = [node.name for node in translate(trace, 21, {}).graph.node]
    assert names == ["same/Exp", "same/Exp_1"]


def test_an_output_that_is_not_translated_is_refused() -> None:
    nodes = [("null", "data", [], {}), ("exp", "grown", [(0, 0)], {})]
    shapes = {"data": [(2,)], "grown": [(2,), (2,)]}
    with pytest.raises(ExportError, match=r"'grown'\): its output 1 cannot be exported"):
        translate(traced(nodes, [(1, 1)], shapes, ["data"]), 21, {})
