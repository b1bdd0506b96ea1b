"""Folding constants, and dropping what nobody needs; MXNet is not needed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from onnx import GraphProto, TensorProto, helper, numpy_helper

from zoo.onnx.folding import FOLDABLE, fill, fold, prune

TABLE = np.arange(6000, dtype=np.float32).reshape(2000, 3)
SMALL = np.arange(6, dtype=np.float32).reshape(2, 3)


def graph(nodes: Sequence[Any], outputs: Sequence[str], **constants: np.ndarray) -> GraphProto:
    made = [helper.make_node(op, inputs, results, **a) for op, inputs, results, a in nodes]
    values = [numpy_helper.from_array(array, name) for name, array in constants.items()]
    results = [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in outputs]
    return helper.make_graph(made, "test", [], results, values)


def operators(of: GraphProto) -> list[str]:
    return [node.op_type for node in of.node]


def initializers(of: GraphProto) -> dict[str, np.ndarray]:
    return {one.name: numpy_helper.to_array(one) for one in of.initializer}


def test_a_chain_of_constants_becomes_one() -> None:
    made = graph(
        [
            ("Reshape", ["small", "shape"], ["row"], {}),
            ("Gather", ["row", "order"], ["turned"], {"axis": 0}),
            ("Add", ["data", "turned"], ["output"], {}),
        ],
        ["output"],
        shape=np.array([6]),
        order=np.array([5, 4, 3, 2, 1, 0]),
    )
    fill(made, fold(made, {"small": SMALL}, 21))
    assert operators(made) == ["Add"]
    np.testing.assert_array_equal(initializers(made)["turned"], [5, 4, 3, 2, 1, 0])
    assert list(initializers(made)) == ["turned"]


def test_several_outputs_fold_and_only_the_needed_ones_stay() -> None:
    made = graph(
        [
            ("Split", ["small", "sizes"], ["first", "second"], {"axis": 0}),
            ("Add", ["data", "second"], ["output"], {}),
        ],
        ["output"],
        sizes=np.array([1, 1]),
    )
    fill(made, fold(made, {"small": SMALL}, 21))
    assert list(initializers(made)) == ["second"]
    np.testing.assert_array_equal(initializers(made)["second"], SMALL[1:])


def test_a_large_constant_that_others_need_is_not_held_twice() -> None:
    nodes = [
        ("Gather", ["table", "ids"], ["rows"], {"axis": 0}),
        ("Transpose", ["table"], ["turned"], {"perm": [1, 0]}),
        ("MatMul", ["rows", "turned"], ["output"], {}),
    ]
    made = graph(nodes, ["output"])
    fill(made, fold(made, {"table": TABLE}, 21))
    assert operators(made) == ["Gather", "Transpose", "MatMul"]
    assert list(initializers(made)) == ["table"]
    alone = graph([nodes[1], ("MatMul", ["data", "turned"], ["output"], {})], ["output"])
    fill(alone, fold(alone, {"table": TABLE}, 21))
    assert list(initializers(alone)) == ["turned"]


def test_a_widened_constant_keeps_its_name() -> None:
    made = graph(
        [
            ("Cast", ["table"], ["wide"], {"to": TensorProto.FLOAT}),
            ("Gather", ["wide", "ids"], ["rows"], {"axis": 0}),
            ("Transpose", ["wide"], ["turned"], {"perm": [1, 0]}),
            ("MatMul", ["rows", "turned"], ["output"], {}),
        ],
        ["output"],
    )
    fill(made, fold(made, {"table": TABLE.astype(np.float16)}, 21))
    assert operators(made) == ["Gather", "Transpose", "MatMul"]
    assert initializers(made)["table"].dtype == np.float32
    assert made.node[0].input[0] == made.node[1].input[0] == "table"


def test_what_the_graph_returns_is_computed() -> None:
    made = graph([("Neg", ["small"], ["output"], {})], ["output"])
    fill(made, fold(made, {"small": SMALL}, 21))
    assert operators(made) == ["Neg"]


@pytest.mark.parametrize("op_type", ["RandomNormal", "ConstantOfShape", "Expand", "QuantizeLinear"])
def test_what_is_random_or_grows_stays(op_type: str) -> None:
    assert op_type not in FOLDABLE


def test_pruning_drops_nodes_constants_and_optional_outputs() -> None:
    made = graph(
        [
            ("Relu", ["data"], ["lonely"], {}),
            ("LSTM", ["data", "w", "r"], ["all", "h", "c"], {"hidden_size": 1}),
            ("GRU", ["all", "w", "r"], ["sequence", "last"], {"hidden_size": 1}),
            ("Split", ["last"], ["output", "rest"], {"num_outputs": 2}),
        ],
        ["output"],
        w=SMALL,
        lost=SMALL,
    )
    prune(made)
    assert operators(made) == ["LSTM", "GRU", "Split"]
    assert [list(node.output) for node in made.node] == [["all"], ["", "last"], ["output", "rest"]]
    assert list(initializers(made)) == ["w"]
