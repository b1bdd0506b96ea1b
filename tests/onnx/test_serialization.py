"""A model's bytes, and weights in a second file beside it."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper

from zoo.errors import ExportError
from zoo.onnx import external, open_session
from zoo.onnx.serialization import pieces, serialize

WEIGHT = np.arange(1024, dtype=np.float32).reshape(4, 256)


def product(weight: np.ndarray[Any, Any] = WEIGHT) -> onnx.ModelProto:
    """y = x W + 1."""
    kind = onnx.TensorProto.FLOAT
    graph = helper.make_graph(
        [
            helper.make_node("MatMul", ["x", "weight"], ["product"]),
            helper.make_node("Add", ["product", "one"], ["y"]),
        ],
        "product",
        [helper.make_tensor_value_info("x", kind, ["batch", 4])],
        [helper.make_tensor_value_info("y", kind, ["batch", 256])],
        [
            numpy_helper.from_array(weight, "weight"),
            numpy_helper.from_array(np.ones(1, np.float32), "one"),
        ],
        value_info=[helper.make_tensor_value_info("product", kind, ["batch", 256])],
        doc_string="a product",
    )
    opsets = [helper.make_opsetid("", 21)]
    model = helper.make_model(graph, ir_version=10, opset_imports=opsets, producer_name="test")
    helper.set_model_props(model, {"b": "1", "a": "2"})
    return model


def write(target: Path, weight: np.ndarray[Any, Any] = WEIGHT) -> Path:
    """The model at `target` with its data beside it; returns the data's path."""
    with external.pair_of_files(product(weight), target) as (_, data):
        pass
    return target.with_name(data.name)


def result(target: Path) -> np.ndarray[Any, Any]:
    found: list[np.ndarray[Any, Any]] = open_session(target).run(
        None, {"x": np.ones((1, 4), np.float32)}
    )
    return found[0]


def test_the_bytes_are_those_of_protobuf() -> None:
    assert serialize(product()) == product().SerializeToString(deterministic=True)


@pytest.mark.parametrize("dtype", ["float32", "float16", "int64", "bool"])
def test_bytes_that_are_elsewhere_come_into_their_place(dtype: str) -> None:
    whole, left = product(WEIGHT.astype(dtype)), product(WEIGHT.astype(dtype))
    for one in (whole, left):
        one.graph.initializer[0].doc_string = "what follows the bytes"
    left.graph.initializer[0].ClearField("raw_data")
    arrays = {"weight": WEIGHT.astype(np.dtype(dtype).newbyteorder(">"))}
    assert serialize(left, arrays) == serialize(whole)
    assert b"".join(pieces(left, arrays)) == serialize(whole)
    with pytest.raises(ExportError, match="too large"):
        pieces(left, arrays, largest=len(serialize(whole)) - 1)


def test_a_weight_that_changes_meanwhile_is_refused() -> None:
    model = product()
    model.graph.initializer[0].ClearField("raw_data")
    with pytest.raises(ExportError, match="weight changed while it was written"):
        serialize(model, {"weight": WEIGHT.astype(np.float64)})


def test_what_protobuf_cannot_hold_is_refused_with_the_way_out() -> None:
    size = len(product().SerializeToString())
    assert len(serialize(product(), largest=size)) == size
    with pytest.raises(ExportError, match=r"too large: .* 2 GiB.*--external-data"):
        serialize(product(), largest=size - 1)


def test_two_files_are_one_model(tmp_path: Path) -> None:
    target = tmp_path / "net.onnx"
    data = write(target)
    digest = hashlib.sha256(data.read_bytes()).hexdigest()
    assert sorted(tmp_path.iterdir()) == [target, data]
    assert data.name == f"net.onnx.{digest[:16]}.data"
    model = onnx.load(target, load_external_data=False)
    assert {one.key: one.value for one in model.metadata_props}[external.DIGEST] == digest
    places = [{e.key: e.value for e in one.external_data} for one in model.graph.initializer]
    assert places == [{"location": data.name, "offset": "0", "length": "4096"}, {}]
    onnx.checker.check_model(target, full_check=True)
    np.testing.assert_array_equal(result(target), 1 + WEIGHT.sum(0, keepdims=True))


def test_the_same_model_gives_the_same_two_files(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    one, other = write(tmp_path / "a" / "net.onnx"), write(tmp_path / "b" / "net.onnx")
    assert one.name == other.name
    for path in (one, one.with_name("net.onnx")):
        assert path.read_bytes() == (tmp_path / "b" / path.name).read_bytes()


def test_a_new_model_takes_the_old_data_away_and_nothing_else(tmp_path: Path) -> None:
    target = tmp_path / "net.onnx"
    old = write(target)
    stranger = tmp_path / "net.onnx.0000000000000000.data"
    stranger.write_bytes(b"not mine")
    new = write(target, WEIGHT + 1)
    assert sorted(tmp_path.iterdir()) == sorted([target, new, stranger])
    assert old != new
    np.testing.assert_array_equal(result(target), 5 + WEIGHT.sum(0, keepdims=True))


def test_a_model_in_one_file_takes_the_old_data_away(tmp_path: Path) -> None:
    target = tmp_path / "net.onnx"
    write(target)
    external.write_one_file(target, [serialize(product())])
    assert list(tmp_path.iterdir()) == [target]
    np.testing.assert_array_equal(result(target), 1 + WEIGHT.sum(0, keepdims=True))


def test_what_a_killed_process_left_is_removed(tmp_path: Path) -> None:
    target = tmp_path / "net.onnx"
    code = (
        "import os, pathlib, onnx, sys; from zoo.onnx import external\n"
        "with external.pair_of_files(onnx.load(sys.argv[1]), pathlib.Path(sys.argv[2])):\n"
        "    os.kill(os.getpid(), 9)"
    )
    (tmp_path / "source").write_bytes(serialize(product()))
    subprocess.run([sys.executable, "-c", code, tmp_path / "source", target])
    (left,) = set(tmp_path.iterdir()) - {tmp_path / "source"}
    assert left.is_dir()
    assert left.name.endswith(".part")
    data = write(target)
    assert sorted(tmp_path.iterdir()) == sorted([target, data, tmp_path / "source"])


def test_tensors_begin_at_pages(tmp_path: Path) -> None:
    model, target = product(), tmp_path / "net.onnx"
    more = np.ones(300, np.float32)
    model.graph.initializer.append(numpy_helper.from_array(more, "more"))
    model.graph.initializer.append(numpy_helper.from_array(more, "again"))
    with external.pair_of_files(model, target):
        pass
    tensors = onnx.load(target, load_external_data=False).graph.initializer
    entries = [{e.key: e.value for e in one.external_data} for one in tensors]
    assert [one.get("offset") for one in entries] == ["0", None, "4096", "8192"]
    loaded = {one.name: numpy_helper.to_array(one) for one in onnx.load(target).graph.initializer}
    np.testing.assert_array_equal(loaded["again"], more)


def test_a_failure_within_leaves_nothing_new(tmp_path: Path) -> None:
    target = tmp_path / "net.onnx"
    old = write(target)
    before = target.read_bytes()

    def fail() -> None:
        with external.pair_of_files(product(WEIGHT + 1), target) as (model, _):
            assert result(model).shape == (1, 256)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert sorted(tmp_path.iterdir()) == [target, old]
    assert target.read_bytes() == before


def test_a_model_that_cannot_get_its_name_takes_its_data_away(tmp_path: Path) -> None:
    target = tmp_path / "net.onnx"
    target.mkdir()
    with pytest.raises(OSError, match=r"net\.onnx"):
        write(target)
    assert list(tmp_path.iterdir()) == [target]
