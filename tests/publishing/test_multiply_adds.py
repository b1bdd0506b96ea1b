"""Multiply-adds of networks for which they can be written down."""

from __future__ import annotations

from typing import Any

import onnx
import pytest
from onnx import TensorProto, helper

from zoo.errors import ExportError
from zoo.manifest import TensorSpec
from zoo.publishing.multiply_adds import count_multiply_adds

PICTURES = [TensorSpec("data", ("batch", 1, 28, 28))]
LENET = 24 * 24 * 20 * 25 + 8 * 8 * 50 * 20 * 25 + 800 * 500 + 500 * 10


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("lenet", LENET),
        ("mlp", 784 * 128 + 128 * 64 + 64 * 10),
        ("logistic_regression", 7840),
    ],
)
def test_classifiers(name: str, expected: int) -> None:
    assert count_multiply_adds(_exported(name, PICTURES)) == expected


@pytest.mark.parametrize(("cell", "gates"), [("lstm", 4), ("gru", 3), ("rnn_tanh", 1)])
@pytest.mark.parametrize("tie_weights", [True, False])
def test_a_token_of_a_language_model(cell: str, gates: int, tie_weights: bool) -> None:
    states = ["h", "c"][: 2 if cell == "lstm" else 1]
    inputs = [
        TensorSpec("data", ("time", "batch"), "int64"),
        *(TensorSpec(name, (2, "batch", 6)) for name in states),
    ]
    sizes = {"embed_size": 6, "hidden_size": 6, "layers": 2}
    model = _exported(
        "lstm_lm", inputs, vocabulary_size=50, cell=cell, tie_weights=tie_weights, **sizes
    )
    assert count_multiply_adds(model) == 2 * gates * 6 * (6 + 6) + 6 * 50


def _exported(name: str, inputs: Any, **config: Any) -> bytes:
    pytest.importorskip("zoo._mxnet", reason="networks need MXNet", exc_type=ImportError)
    from zoo.models import build
    from zoo.onnx.export import to_model

    net = build(name, **config)
    net.initialize()
    return bytes(to_model(net, inputs=inputs).SerializeToString())


def test_a_transposed_first_factor() -> None:
    info = helper.make_tensor_value_info
    graph = helper.make_graph(
        [helper.make_node("Gemm", ["a", "b"], ["c"], transA=1)],
        "product",
        [info("a", TensorProto.FLOAT, [7, 2]), info("b", TensorProto.FLOAT, [7, 5])],
        [info("c", TensorProto.FLOAT, [2, 5])],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)])
    assert count_multiply_adds(model.SerializeToString()) == 2 * 7 * 5


def test_a_size_that_the_graph_does_not_tell() -> None:
    info = helper.make_tensor_value_info
    unknown = onnx.ValueInfoProto(name="a")
    unknown.type.tensor_type.elem_type = TensorProto.FLOAT
    graph = helper.make_graph(
        [helper.make_node("MatMul", ["a", "b"], ["c"], name="product")],
        "product",
        [unknown, info("b", TensorProto.FLOAT, [7, 5])],
        [info("c", TensorProto.FLOAT, None)],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)])
    with pytest.raises(ExportError, match=r"'product' \(MatMul\): the shape of 'a' is unknown"):
        count_multiply_adds(model.SerializeToString())
