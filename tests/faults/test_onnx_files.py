"""ONNX files of every bad kind: refused before a parser or ONNX Runtime sees them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from bounds import Seen, one_byte_changed, refused_within_bounds
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper

from zoo.errors import WeightsError
from zoo.onnx import bind, check_model, open_session


def _value(name: str) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n"])


def _model(
    *nodes: onnx.NodeProto, weights: Any = (), opsets: Any = (("", 21),), **fields: Any
) -> onnx.ModelProto:
    graph = helper.make_graph(
        nodes or [helper.make_node("Neg", ["x"], ["y"])], "g", [_value("x")], [_value("y")], weights
    )
    imports = [helper.make_opsetid(*one) for one in opsets]
    return helper.make_model(graph, ir_version=10, opset_imports=imports, **fields)


def _bytes(model: onnx.ModelProto) -> bytes:
    return bytes(model.SerializeToString())


def _field(number: int, content: bytes) -> bytes:
    return _number(number << 3 | 2) + _number(len(content)) + content


def _hidden(number: int, content: bytes) -> bytes:
    """A field whose tag is one of 32 bits to parsers that drop the 33rd."""
    return _number(1 << 32 | number << 3 | 2) + _number(len(content)) + content


def _number(value: int) -> bytes:
    found = bytearray()
    while value > 127:
        found.append(value & 127 | 128)
        value >>= 7
    return bytes([*found, value])


def _tensor(**changes: Any) -> onnx.TensorProto:
    tensor = numpy_helper.from_array(np.ones(4, np.float32), "w")
    for name, value in changes.items():
        if isinstance(value, list):
            del getattr(tensor, name)[:]
            getattr(tensor, name).extend(value)
        else:
            setattr(tensor, name, value)
    return tensor


def _external(location: str, *, marked: bool = True) -> bytes:
    tensor = _tensor()
    tensor.ClearField("raw_data")
    tensor.external_data.add(key="location", value=location)
    if marked:
        tensor.data_location = TensorProto.EXTERNAL
    return _bytes(_model(weights=[tensor]))


def _in_attribute(tensor: onnx.TensorProto) -> bytes:
    constant = helper.make_node("Constant", [], ["c"], value=tensor)
    return _bytes(_model(constant, helper.make_node("Add", ["x", "c"], ["y"])))


def _in_branch() -> bytes:
    tensor = _tensor(data_location=TensorProto.EXTERNAL)
    inner = helper.make_graph([helper.make_node("Neg", ["x"], ["z"])], "b", [], [], [tensor])
    node = helper.make_node("If", ["x"], ["y"], then_branch=inner, else_branch=inner)
    return _bytes(_model(node))


def _deep(depth: int) -> bytes:
    """Graphs within attributes of nodes of graphs, by hand: no library writes them so deep."""
    content = b""
    for _ in range(depth):
        content = _field(1, _field(5, _field(6, content)))
    return _field(7, content)


def _deep_type(depth: int) -> bytes:
    content = b""
    for _ in range(depth):
        content = _field(4, _field(1, content))
    return _field(7, _field(11, _field(2, content)))


def _function() -> bytes:
    imports = [helper.make_opsetid("", 21)]
    neg = helper.make_node("Neg", ["x"], ["y"])
    function = helper.make_function("mine", "F", ["x"], ["y"], [neg], imports)
    return _bytes(_model(opsets=[("", 21)], functions=[function]))


_GOOD = _bytes(_model(weights=[_tensor()]))
_RUN = helper.make_node("Neg", ["x"], ["y"], domain="evil.example")
_SPARSE = onnx.SparseTensorProto(values=_tensor(data_location=TensorProto.EXTERNAL))

FILES: dict[str, bytes | Callable[[], bytes]] = {
    "empty": b"",
    "text": b"this is no model",
    "zeros": bytes(1000),
    "safetensors_inside": b"\x02\0\0\0\0\0\0\0{}",
    "zip_inside": b"PK\x03\x04" + bytes(40),
    "cut": _GOOD[:-5],
    "trailing_group": _GOOD + b"\x0b",
    "without_a_graph": _GOOD[:2],
    "field_zero": _GOOD + b"\0\0",
    "length_of_2_to_the_62": _GOOD + b"\x3a" + _number(1 << 62),
    "integer_without_end": _GOOD + b"\xff" * 20,
    "external_data": _external("weights.bin"),
    "external_data_a_path_up": _external("../../secret"),
    "external_data_absolute": _external("/etc/hostname"),
    "external_data_unmarked": _external("weights.bin", marked=False),
    "external_data_in_an_attribute": _in_attribute(_tensor(data_location=TensorProto.EXTERNAL)),
    "external_data_in_a_branch": _in_branch,
    "external_data_in_a_sparse_weight": _GOOD + _field(7, _field(15, _bytes(_SPARSE))),
    "external_data_in_a_second_graph": _GOOD
    + _field(7, _field(5, _bytes(_tensor(data_location=TensorProto.EXTERNAL)))),
    "external_data_in_training": _GOOD
    + _field(20, _field(1, _field(5, _bytes(_tensor(data_location=TensorProto.EXTERNAL))))),
    "custom_domain": _bytes(_model(_RUN, opsets=[("", 21), ("evil.example", 1)])),
    "custom_domain_of_a_node_alone": _bytes(_model(_RUN)),
    "custom_domain_imported_alone": _bytes(_model(opsets=[("", 21), ("evil.example", 1)])),
    "contributed_domain": _bytes(_model(opsets=[("", 21), ("com.microsoft", 1)])),
    "domain_with_an_escape": _bytes(_model(opsets=[("", 21), ("\x1b[31m", 1)])),
    "domain_of_a_mebibyte": _bytes(_model(opsets=[("", 21), ("a" * (1 << 20), 1)])),
    "tag_of_33_bits_hides_a_graph": _GOOD + _hidden(7, _field(8, b"")),
    "tag_of_33_bits_hides_external_data": _GOOD
    + _field(7, _hidden(5, _bytes(_tensor(data_location=TensorProto.EXTERNAL)))),
    "tag_of_33_bits_hides_a_domain": _GOOD + _hidden(8, _field(1, b"evil.example")),
    "function": _function,
    "graphs_49_deep": _deep(17),
    "graphs_10000_deep": lambda: _deep(10_000),
    "types_10000_deep": lambda: _deep_type(10_000),
    "a_million_nodes": lambda: _field(7, _field(1, b"") * 1_000_000),
    "shape_of_a_terabyte": _bytes(_model(weights=[_tensor(dims=[1 << 40])])),
    "shape_negative": _bytes(_model(weights=[_tensor(dims=[-4])])),
    "shape_overflows_to_the_size": _bytes(_model(weights=[_tensor(dims=[1 << 32, 1 << 32, 4])])),
    "shape_in_an_attribute": _in_attribute(_tensor(dims=[1 << 40])),
    "rank_5000": _bytes(_model(weights=[_tensor(dims=[1] * 5000)])),
}


@pytest.mark.parametrize("name", FILES)
def test_onnx(name: str, seen: Seen) -> None:
    """WeightsError in a second and 64 MiB, from `check_model`, `open_session` and `bind`"""
    found = FILES[name]
    content = found if isinstance(found, bytes) else found()
    message = refused_within_bounds(lambda: check_model(content), WeightsError)
    pytest.importorskip("onnxruntime")
    for act in (lambda: open_session(content), lambda: bind(content, {})):
        assert refused_within_bounds(act, WeightsError) == message
    assert message.isprintable()
    seen(message[:110])


def test_onnx_oversize(seen: Seen) -> None:
    """a file above the bound is refused before it is looked at"""
    act = lambda: check_model(_GOOD, most_bytes=len(_GOOD) - 1)  # noqa: E731
    seen(refused_within_bounds(act, WeightsError))
    check_model(_GOOD, most_bytes=len(_GOOD))


def test_onnx_good_files_pass() -> None:
    """what the package publishes, scalars, texts, branches and allowed domains are not refused"""
    weights = [_tensor(), numpy_helper.from_array(np.array(0, np.int64), "scalar")]
    weights.append(helper.make_tensor("text", TensorProto.STRING, [2], [b"", b""]))
    weights.append(numpy_helper.from_array(np.zeros((0, 3), np.float32), "nothing"))
    weights.append(helper.make_tensor("packed", TensorProto.FLOAT, [3], [0.0] * 3))
    check_model(_bytes(_model(weights=weights, opsets=[("", 21), ("ai.onnx.ml", 3)])))
    check_model(_bytes(_model(opsets=[("", 21), ("mine", 3)])), domains={"", "mine"})
    check_model(_bytes(_model(helper.make_node("Elu", ["x"], ["y"], alpha=0.5))))
    check_model(_GOOD + b"\x99\x06" + bytes(8))  # a field of 8 bytes that nobody knows
    check_model(_deep(10))
    published = Path(check_model.__code__.co_filename).parents[1] / "weights"
    for path in sorted(published.glob("*.onnx")):
        check_model(path.read_bytes())


def test_onnx_that_looks_like_ort() -> None:
    """a good file that begins like ONNX Runtime's own format is read as ONNX, as it was judged"""
    pytest.importorskip("onnxruntime")
    name = b"ORTM".ljust(1 << 14)  # bytes 4 to 7 of the file
    content = b"\x12\x80\x80\x01" + name + _GOOD
    session = open_session(content)
    (found,) = session.run(None, {"x": np.ones(2, np.float32)})
    assert found.tolist() == [-1, -1]


def test_onnx_one_byte_changed() -> None:
    """every byte of a good file changed in turn: passed or WeightsError, nothing else"""
    for changed in one_byte_changed(_GOOD):
        _passed_or_refused(changed)


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=200))
def test_onnx_random_bytes(body: bytes) -> None:
    """passed or WeightsError, nothing else, from random bytes in every message"""
    for content in (body, _field(7, body), _field(7, _field(1, body)), _field(7, _field(5, body))):
        _passed_or_refused(content)


def _passed_or_refused(content: bytes) -> None:
    try:
        check_model(content)
    except WeightsError as error:
        message = str(error)
    else:
        message = ""
    assert message.isprintable()
