"""Models that need something else than themselves are refused before anything is read of it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from zoo.errors import WeightsError
from zoo.manifest import embedded_folder
from zoo.onnx import bind
from zoo.onnx.self_contained import check_self_contained

GRAPHS = sorted(embedded_folder().glob("*.graph.onnx"))


def model() -> onnx.ModelProto:
    """One addition, and a branch with a constant of its own."""
    kind = helper.make_tensor_type_proto(TensorProto.FLOAT, [1])
    inner = numpy_helper.from_array(np.ones(1, np.float32), "inner")
    constant = helper.make_node("Constant", [], ["c"], value=inner)
    branch = helper.make_graph([constant], "branch", [], [helper.make_value_info("c", kind)])
    nodes = [
        helper.make_node("Add", ["x", "w"], ["sum"]),
        helper.make_node("If", ["yes"], ["y"], then_branch=branch, else_branch=branch),
    ]
    initializers = [
        numpy_helper.from_array(np.ones(1, np.float32), "w"),
        numpy_helper.from_array(np.array(True), "yes"),
    ]
    inputs = [helper.make_value_info("x", kind)]
    outputs = [helper.make_value_info("y", kind)]
    graph = helper.make_graph(nodes, "graph", inputs, outputs, initializers)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])


def _outside(tensor: TensorProto) -> None:
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="secret.bin")


def _external(one: onnx.ModelProto) -> None:
    _outside(one.graph.initializer[0])


def _external_in_a_branch(one: onnx.ModelProto) -> None:
    _outside(one.graph.node[1].attribute[0].g.node[0].attribute[0].t)


def _external_and_not_said(one: onnx.ModelProto) -> None:
    _external(one)
    one.graph.initializer[0].data_location = TensorProto.DEFAULT


def _external_sparse(one: onnx.ModelProto) -> None:
    _outside(one.graph.sparse_initializer.add().values)


def _custom_domain(one: onnx.ModelProto) -> None:
    one.graph.node[0].domain = "com.microsoft"


def _custom_domain_in_a_branch(one: onnx.ModelProto) -> None:
    one.graph.node[1].attribute[0].g.node[0].domain = "evil"


def _function(one: onnx.ModelProto) -> None:
    one.functions.add(name="Add", domain="")


def _training(one: onnx.ModelProto) -> None:
    one.training_info.add()


def _no_opset(one: onnx.ModelProto) -> None:
    one.opset_import[0].domain = "ai.onnx.ml"


def _nested(one: onnx.ModelProto) -> None:
    for _ in range(25):
        inner = onnx.GraphProto()
        inner.CopyFrom(one.graph)
        del one.graph.node[:]
        one.graph.node.append(helper.make_node("If", ["yes"], ["y"], then_branch=inner))


REFUSED: dict[Callable[[onnx.ModelProto], None], str] = {
    _external: "another file",
    _external_in_a_branch: "another file",
    _external_and_not_said: "another file",
    _external_sparse: "another file",
    _custom_domain: r"domain 'com\.microsoft'",
    _custom_domain_in_a_branch: "domain 'evil'",
    _function: "functions or training",
    _training: "functions or training",
    _no_opset: "which opset",
    _nested: "nests graphs too deeply",
}


def test_the_model_itself_passes() -> None:
    check_self_contained(model())


@pytest.mark.parametrize("change", REFUSED, ids=lambda one: one.__name__.strip("_"))
def test_what_needs_more_than_itself(
    change: Callable[[onnx.ModelProto], None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "secret.bin").write_bytes(b"1234")
    one = model()
    change(one)
    with pytest.raises(WeightsError, match=REFUSED[change]):
        bind(one.SerializeToString(), {})


@pytest.mark.parametrize("path", GRAPHS, ids=lambda one: one.name)
def test_published_graphs_pass(path: Path) -> None:
    check_self_contained(onnx.load_model(path))
