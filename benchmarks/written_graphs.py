"""LeNet and the language model as somebody writes them in ONNX by hand, node by node."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

Arrays = Mapping[str, np.ndarray]

_GATES = (0, 3, 1, 2)  # ONNX's i o f c, in Gluon's i f g o


def write_graph(network: str, arrays: Arrays, layers: int, target: Path) -> None:
    """Raises KeyError for a network that nobody has written."""
    nodes, weights, inputs, outputs = {"lenet": _lenet, "lstm_lm": _language_model}[network](
        arrays, layers
    )
    initializers = [numpy_helper.from_array(one, name) for name, one in weights.items()]
    graph = helper.make_graph(nodes, network, inputs, outputs, initializers)
    opset = [helper.make_opsetid("", 21)]
    model = helper.make_model(graph, opset_imports=opset, ir_version=10)
    onnx.checker.check_model(model, full_check=True)
    target.write_bytes(model.SerializeToString())


def _values(**shapes: tuple[object, ...]) -> list[onnx.ValueInfoProto]:
    return [
        helper.make_tensor_value_info(
            name,
            TensorProto.INT64 if name == "data" and len(shape) == 2 else TensorProto.FLOAT,
            shape,
        )
        for name, shape in shapes.items()
    ]


def _lenet(arrays: Arrays, layers: int) -> tuple:
    node = helper.make_node
    nodes, value = [], "data"
    for place, layer in enumerate(("features.0", "features.2")):
        names = [value, f"{layer}.weight", f"{layer}.bias"]
        nodes += [
            node("Conv", names, [f"conv{place}"], kernel_shape=[5, 5]),
            node("Tanh", [f"conv{place}"], [f"tanh{place}"]),
            node(
                "AveragePool",
                [f"tanh{place}"],
                [f"pool{place}"],
                kernel_shape=[2, 2],
                strides=[2, 2],
            ),
        ]
        value = f"pool{place}"
    nodes += [
        node("Flatten", [value], ["flat"]),
        node("Gemm", ["flat", "features.5.weight", "features.5.bias"], ["dense"], transB=1),
        node("Tanh", ["dense"], ["hidden"]),
        node("Gemm", ["hidden", "output.weight", "output.bias"], ["output"], transB=1),
    ]
    return nodes, dict(arrays), _values(data=("batch", 1, 28, 28)), _values(output=("batch", 10))


def _language_model(arrays: Arrays, layers: int) -> tuple:
    """The states of the layers are split and joined, as the network has them as one tensor."""
    node = helper.make_node
    table = arrays["embedding.weight"]
    width = table.shape[1]
    weights = {"table": table, "decoder": np.ascontiguousarray(table.T)}
    weights |= {"bias": arrays["decoder.bias"], "one": np.array([1]), "each": np.ones(layers, int)}
    nodes = [node("Gather", ["table", "data"], ["embedded"])]
    for kind in "hc":
        parts = [f"{kind}{layer}" for layer in range(layers)]
        nodes.append(node("Split", [kind, "each"], parts, axis=0))
    value = "embedded"
    for layer in range(layers):
        weights |= _packed(arrays, layer)
        names = [f"{part}{layer}" for part in ("W", "R", "B")]
        results = [f"y{layer}", f"hn{layer}", f"cn{layer}"]
        inputs = [value, *names, "", f"h{layer}", f"c{layer}"]
        nodes.append(node("LSTM", inputs, results, hidden_size=width))
        nodes.append(node("Squeeze", [f"y{layer}", "one"], [f"x{layer}"]))
        value = f"x{layer}"
    for kind in "hc":
        parts = [f"{kind}n{layer}" for layer in range(layers)]
        nodes.append(node("Concat", parts, [f"{kind}_out"], axis=0))
    nodes += [
        node("MatMul", [value, "decoder"], ["product"]),
        node("Add", ["product", "bias"], ["output"]),
    ]
    state = (layers, "batch", width)
    inputs = _values(data=("time", "batch"), h=state, c=state)
    outputs = _values(output=("time", "batch", len(table)), h_out=state, c_out=state)
    return nodes, weights, inputs, outputs


def _packed(arrays: Arrays, layer: int) -> dict[str, np.ndarray]:
    def ordered(name: str) -> np.ndarray:
        return np.concatenate([np.split(arrays[name], 4)[gate] for gate in _GATES])

    prefix = f"rnn.l{layer}"
    biases = [ordered(f"{prefix}_i2h_bias"), ordered(f"{prefix}_h2h_bias")]
    return {
        f"W{layer}": ordered(f"{prefix}_i2h_weight")[None],
        f"R{layer}": ordered(f"{prefix}_h2h_weight")[None],
        f"B{layer}": np.concatenate(biases)[None],
    }
