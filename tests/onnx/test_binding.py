"""Binding weights to a graph: strict, packed once, the same bytes; MXNet is not needed."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from zoo.errors import WeightsError
from zoo.onnx import bind, open_session
from zoo.onnx.check import check_structure
from zoo.onnx.graph import OnnxGraph
from zoo.onnx.serialization import serialize
from zoo.onnx.shapes import TensorType

ARRAYS: Mapping[str, np.ndarray] = {
    "weight": np.arange(12, dtype=np.float16).reshape(4, 3) / 8,
    "bias": np.array([1, 2, 3, 4], np.float32),
    "unused": np.zeros(7, np.float32),
}
DATA = np.array([[1, 2, 3], [4, 5, 6]], np.float32)


@pytest.fixture
def graph() -> bytes:
    """relu(data weight^T + bias), the weight stored in float16 and turned in the graph."""
    built = OnnxGraph(21, ["output"])
    built.add_input("data", TensorType(("batch", 3), "float32"))
    built.add_input("weight", TensorType((4, 3), "float16"), parameter=True)
    built.add_input("bias", TensorType((4,), "float32"), parameter=True)
    built.add_input("unused", TensorType((7,), "float32"), parameter=True)
    (wide,) = built.add_node("Cast", ["weight"], "weight/float32", to=onnx.TensorProto.FLOAT)
    (turned,) = built.add_node("Transpose", [wide], "dense/turned", perm=[1, 0])
    (product,) = built.add_node("MatMul", ["data", turned], "dense/MatMul")
    (total,) = built.add_node("Add", [product, "bias"], "dense/Add")
    output = TensorType(("batch", 4), "float32")
    return serialize(built.model([(total, "output", output)], {"task": "test"}))


def test_the_result_is_self_contained_and_right(graph: bytes) -> None:
    content = bind(graph, ARRAYS)
    check_structure(content)
    (found,) = open_session(content).run(None, {"data": DATA})
    np.testing.assert_array_equal(found, DATA @ ARRAYS["weight"].T + ARRAYS["bias"])


def test_weights_become_initializers_packed_once(graph: bytes) -> None:
    model = onnx.load_model_from_string(bind(graph, ARRAYS))
    assert [node.op_type for node in model.graph.node] == ["MatMul", "Add"]
    assert [one.name for one in model.graph.input] == ["data"]
    assert [one.name for one in model.graph.initializer] == ["bias", "dense/turned"]


def test_the_same_arguments_give_the_same_bytes(graph: bytes) -> None:
    backwards = dict(reversed(list(ARRAYS.items())))
    assert bind(graph, ARRAYS) == bind(graph, backwards)


def test_metadata_is_added_and_replaced(graph: bytes) -> None:
    model = onnx.load_model_from_string(bind(graph, ARRAYS, metadata={"sha256": "0", "a": "b"}))
    assert [(one.key, one.value) for one in model.metadata_props] == [
        ("a", "b"),
        ("sha256", "0"),
        ("task", "test"),
    ]


def test_the_arrays_given_stay_as_they_are(graph: bytes) -> None:
    arrays = {name: one.copy() for name, one in ARRAYS.items()}
    for one in arrays.values():
        one.flags.writeable = False
    bind(graph, arrays)
    for name, one in arrays.items():
        np.testing.assert_array_equal(one, ARRAYS[name])


def test_a_weight_takes_the_place_of_its_default(graph: bytes) -> None:
    model = onnx.load_model_from_string(graph)
    model.graph.initializer.append(numpy_helper.from_array(np.zeros(4, np.float32), "bias"))
    assert bind(serialize(model), ARRAYS) == bind(graph, ARRAYS)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"bias": None}, "missing: bias"),
        ({"extra": np.zeros(2, np.float32)}, "unknown: extra"),
        ({"bias": np.zeros(5, np.float32)}, r"wrong shape: bias is \(5,\), expected \(4,\)"),
        ({"weight": np.zeros((4, 3), np.float32)}, "wrong dtype: weight is float32"),
    ],
)
def test_arrays_that_do_not_fit_are_refused(
    graph: bytes, change: dict[str, Any], message: str
) -> None:
    arrays = {name: one for name, one in {**ARRAYS, **change}.items() if one is not None}
    with pytest.raises(WeightsError, match=message):
        bind(graph, arrays)


@pytest.mark.parametrize("content", [b"", b"not ONNX", b"\xff" * 100])
def test_bytes_that_are_no_graph_are_refused(content: bytes) -> None:
    with pytest.raises(WeightsError, match="not an ONNX file"):
        bind(content, {})


def test_a_self_contained_model_takes_no_weights(graph: bytes) -> None:
    content = bind(graph, ARRAYS)
    assert bind(content, {}) == content
    with pytest.raises(WeightsError, match="unknown: bias"):
        bind(content, {"bias": ARRAYS["bias"]})


def test_neither_mxnet_nor_onnx_runtime_is_imported() -> None:
    code = (
        "import sys; sys.modules['mxnet'] = None; import zoo.onnx; "
        "assert not {'onnx', 'onnxruntime'} & set(sys.modules); "
        "import zoo.onnx.binding, zoo.onnx.sessions, zoo.onnx.check, zoo.onnx.translation; "
        "assert 'onnxruntime' not in sys.modules; print(len(zoo.onnx.supported_operators()) > 50)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("True\n", "")


def test_a_file_without_an_opset_is_refused(graph: bytes) -> None:
    model = onnx.load_model_from_string(graph)
    model.opset_import[0].domain = "ai.onnx.ml"
    with pytest.raises(WeightsError, match="names no opset"):
        bind(model.SerializeToString(), ARRAYS)
