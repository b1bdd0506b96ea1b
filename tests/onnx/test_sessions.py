"""Sessions on the CPU; MXNet is not needed."""

from __future__ import annotations

import sys

import numpy as np
import pytest
from onnx import TensorProto, helper

from zoo.errors import MissingDependencyError, WeightsError
from zoo.onnx import open_session


@pytest.fixture
def model() -> bytes:
    tensors = [helper.make_tensor_value_info(n, TensorProto.FLOAT, ["n"]) for n in ("x", "y")]
    graph = helper.make_graph(
        [helper.make_node("Neg", ["x"], ["y"])], "neg", *([t] for t in tensors)
    )
    opset = helper.make_opsetid("", 21)
    return bytes(helper.make_model(graph, ir_version=10, opset_imports=[opset]).SerializeToString())


@pytest.mark.parametrize("threads", [None, 1])
def test_a_session_runs(model: bytes, threads: int | None) -> None:
    session = open_session(model, threads=threads)
    (found,) = session.run(None, {"x": np.array([1, -2], np.float32)})
    assert found.tolist() == [-1, 2]
    assert session.get_session_options().intra_op_num_threads == (threads or 0)


def test_bytes_that_are_no_model_are_refused() -> None:
    with pytest.raises(WeightsError, match="not an ONNX file"):
        open_session(b"no model")


def test_without_onnx_runtime_the_message_says_so(
    model: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(MissingDependencyError, match="pip install onnxruntime"):
        open_session(model)


def test_what_onnx_runtime_refuses_is_one_error(model: bytes) -> None:
    with pytest.raises(WeightsError, match="ONNX Runtime cannot load the model"):
        open_session(model.replace(b"Neg", b"Nag"))
