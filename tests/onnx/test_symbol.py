"""Reading symbol JSON; MXNet is not needed."""

from __future__ import annotations

import json
from typing import Any

import pytest

from zoo.errors import ExportError
from zoo.onnx.symbol import Attributes, operators, read_symbol


def node(op: str, name: str, inputs: list[list[int]], **attributes: str) -> dict[str, Any]:
    return {"op": op, "name": name, "inputs": inputs, "attrs": attributes}


def test_nodes_go_by_index_and_outputs_keep_their_order() -> None:
    nodes = [
        {"op": "null", "name": "data", "inputs": []},
        node("exp", "same", [[0, 0, 0]]),
        node("split", "same", [[1, 0, 0]], axis="1"),
        node("log", "lost", [[0, 0, 0]]),
        node("add", "same", [[2, 1, 0], [2, 0, 0]]),
    ]
    graph = read_symbol(json.dumps({"nodes": nodes, "heads": [[4, 0, 0], [2, 1, 0]]}))
    assert [(one.index, one.op) for one in graph.nodes] == [
        (0, "null"),
        (1, "exp"),
        (2, "split"),
        (4, "add"),
    ]
    assert graph.outputs == ((4, 0), (2, 1))
    assert graph.nodes[3].inputs == ((2, 1), (2, 0))
    assert graph.uses() == {(0, 0): 1, (1, 0): 1, (2, 1): 2, (2, 0): 1, (4, 0): 1}


def test_a_deep_graph_needs_no_recursion() -> None:
    nodes = [{"op": "null", "name": "data", "inputs": []}]
    nodes += [node("exp", f"exp{place}", [[place, 0, 0]]) for place in range(20000)]
    graph = read_symbol(json.dumps({"nodes": nodes, "heads": [[20000, 0, 0]]}))
    assert len(graph.nodes) == 20001


def test_operators_are_those_within_others_too() -> None:
    inner = {"nodes": [node("_npi_exp", "exp", [])]}
    loop = {**node("_foreach", "loop_np", []), "subgraphs": [inner]}
    assert operators(json.dumps({"nodes": [loop]})) == {"_foreach", "_npi_exp"}


@pytest.fixture
def attributes() -> Attributes:
    texts = {
        "axis": "-1",
        "eps": "1e-05",
        "kernel": "(3, 2)",
        "long": "(3L, -2L)",
        "flatten": "False",
        "layout": "NCHW",
        "none": "None",
        "one": "1",
        "__init__": "zeros",
        "cudnn_off": "True",
    }
    return Attributes("Operator 'X' (node 'x')", texts)


def test_attributes_are_read_by_type(attributes: Attributes) -> None:
    assert attributes.integer("axis", 0) == -1
    assert attributes.number("eps", 0) == 1e-5
    assert attributes.integers("kernel") == (3, 2)
    assert attributes.integers("long") == (3, -2)
    assert attributes.integers("one") == (1,)
    assert attributes.integers("none", (7,)) == (7,)
    assert attributes.flag("flatten", True) is False
    assert attributes.flag("one", False) is True
    assert attributes.text("layout") == "NCHW"
    assert attributes.value("none") is None


def test_attributes_that_are_absent_have_the_default(attributes: Attributes) -> None:
    assert attributes.integer("absent", 4) == 4
    assert attributes.flag("absent", True) is True
    assert attributes.integers("absent") == ()
    assert attributes.text("absent") == "None"


def test_what_nobody_looked_at_is_told(attributes: Attributes) -> None:
    attributes.integer("axis", 0)
    attributes.ignore("eps", "kernel", "long", "flatten", "none", "one")
    assert attributes.unread() == ["layout"]


@pytest.mark.parametrize("read", ["value", "integers"])
def test_a_text_that_does_not_parse_is_refused(attributes: Attributes, read: str) -> None:
    with pytest.raises(ExportError, match=r"Operator 'X' \(node 'x'\): cannot read layout='NCHW'"):
        getattr(attributes, read)("layout")


def test_a_text_that_is_no_number_is_refused(attributes: Attributes) -> None:
    with pytest.raises(ExportError, match="layout='NCHW' is not a number"):
        attributes.integer("layout", 0)
