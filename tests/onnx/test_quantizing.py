"""int8 and float16 by ONNX Runtime's tools: what the models are made of, and what is refused."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper

from zoo.errors import ExportError
from zoo.onnx import open_session, quantizing

KIND = onnx.TensorProto.FLOAT
ROWS = np.random.default_rng(0).standard_normal((64, 8, 10, 10)).astype(np.float32)


def model(
    nodes: Sequence[Any], shape: Sequence[Any], weights: dict[str, np.ndarray], opset: int = 21
) -> bytes:
    graph = helper.make_graph(
        nodes,
        "test",
        [helper.make_tensor_value_info("x", KIND, shape)],
        [helper.make_tensor_value_info("y", KIND, None)],
        [numpy_helper.from_array(one.astype(np.float32), name) for name, one in weights.items()],
    )
    opsets = [helper.make_opsetid("", opset)]
    built = helper.make_model(graph, ir_version=10, opset_imports=opsets, producer_name="test")
    helper.set_model_props(built, {"mine": "yes"})
    return bytes(built.SerializeToString())


@pytest.fixture(scope="module")
def convolutional() -> bytes:
    """Convolution, batch normalization, ReLU, convolution."""
    numbers = np.random.default_rng(1).standard_normal
    return model(
        [
            helper.make_node("Conv", ["x", "first"], ["a"], name="first"),
            helper.make_node("BatchNormalization", ["a", *"gbmv"], ["n"], name="normal"),
            helper.make_node("Relu", ["n"], ["r"], name="relu"),
            helper.make_node("Conv", ["r", "second"], ["y"], name="second"),
        ],
        ["batch", 8, 10, 10],
        {
            "first": numbers((16, 8, 3, 3)),
            "second": numbers((16, 16, 3, 3)),
            "g": np.ones(16),
            "b": numbers(16),
            "m": numbers(16),
            "v": np.ones(16),
        },
    )


@pytest.fixture(scope="module")
def dense() -> bytes:
    weights = {"w": np.random.default_rng(2).standard_normal((800, 50)), "b": np.ones(50)}
    nodes = [
        helper.make_node("Flatten", ["x"], ["f"], name="flat"),
        helper.make_node("Gemm", ["f", "w", "b"], ["y"], name="gemm"),
    ]
    return model(nodes, ["batch", 8, 10, 10], weights)


def run(content: bytes) -> np.ndarray[Any, Any]:
    found: list[np.ndarray[Any, Any]] = open_session(content, threads=1).run(None, {"x": ROWS})
    return found[0]


def error(content: bytes, other: bytes) -> float:
    one = run(content)
    return float(np.abs(run(other) - one).std() / one.std())


def facts(content: bytes) -> tuple[dict[str, str], list[str], str]:
    found = onnx.load_model_from_string(content)
    onnx.checker.check_model(found)
    metadata = {one.key: one.value for one in found.metadata_props}
    return metadata, sorted(one.domain for one in found.opset_import), found.producer_name


def test_static_int8_folds_normalization_and_keeps_what_the_model_tells(
    convolutional: bytes,
) -> None:
    found = quantizing.quantize_static(convolutional, [{"x": ROWS[:32]}, {"x": ROWS[32:]}])
    kinds = quantizing.operators(found)
    assert {"QuantizeLinear", "DequantizeLinear", "Conv"} <= kinds
    assert "BatchNormalization" not in kinds
    assert facts(found) == ({"mine": "yes"}, [""], "test")
    assert len(found) < len(convolutional)
    assert error(convolutional, found) < 0.05


@pytest.mark.parametrize("opset", [9, 12])
def test_static_int8_of_a_model_of_an_older_opset(opset: int) -> None:
    weights = {"w": np.random.default_rng(3).standard_normal((16, 8, 3, 3))}
    nodes = [
        helper.make_node("Conv", ["x", "w"], ["c"], name="conv"),
        helper.make_node("Relu", ["c"], ["y"], name="relu"),
    ]
    old = model(nodes, ["batch", 8, 10, 10], weights, opset)
    assert error(old, quantizing.quantize_static(old, [{"x": ROWS}])) < 0.05


def test_a_model_that_cannot_be_converted_is_refused() -> None:
    nodes = [helper.make_node("Relu", ["nowhere"], ["y"], name="relu")]
    with pytest.raises(ExportError, match="of opset 9, static int8 needs 13, and onnx cannot"):
        quantizing.quantize_static(model(nodes, ["batch", 8, 10, 10], {}, 9), [{"x": ROWS}])


def test_the_same_calibration_gives_the_same_bytes(convolutional: bytes) -> None:
    found = [quantizing.quantize_static(convolutional, [{"x": ROWS}]) for _ in range(2)]
    assert found[0] == found[1]


def test_dynamic_int8_of_dense_layers(dense: bytes) -> None:
    found = quantizing.quantize_dynamic(dense)
    assert "MatMulInteger" in quantizing.operators(found)
    assert facts(found)[0] == {"mine": "yes"}
    assert len(found) < 0.35 * len(dense)
    assert error(dense, found) < 0.05


def test_dynamic_int8_has_a_scale_for_each_channel(dense: bytes) -> None:
    found = onnx.load_model_from_string(quantizing.quantize_dynamic(dense))
    scales = [one for one in found.graph.initializer if one.name.endswith("_scale")]
    assert [list(one.dims) for one in scales] == [[50]]


def test_weights_that_unnamed_layers_share_stay_apart() -> None:
    numbers = np.random.default_rng(4).standard_normal
    weights = {"first": numbers((50, 50)), "second": numbers((50, 50)), "w": numbers((800, 50))}
    steps = [("f", "w", "a"), *zip("abcd", ("first", "second") * 2, "bcde", strict=True)]
    nodes = [helper.make_node("Flatten", ["x"], ["f"])]
    nodes += [helper.make_node("Gemm", [data, weight], [out]) for data, weight, out in steps]
    nodes += [helper.make_node("Identity", ["e"], ["y"])]
    one = model(nodes, ["batch", 8, 10, 10], weights)
    assert error(one, quantizing.quantize_dynamic(one)) < 0.1


def test_dynamic_int8_of_convolutions_is_refused_with_the_reason(convolutional: bytes) -> None:
    with pytest.raises(ExportError, match="makes Conv slower than float32"):
        quantizing.quantize_dynamic(convolutional)


def test_float16_halves_a_model_and_keeps_its_inputs_and_outputs(convolutional: bytes) -> None:
    found = quantizing.to_float16(convolutional)
    assert len(found) < 0.6 * len(convolutional)
    assert run(found).dtype == np.float32
    assert error(convolutional, found) < 0.01


@pytest.mark.parametrize("content", [b"", b"no model", b"\xff" * 9])
def test_what_is_no_model_is_refused(content: bytes) -> None:
    with pytest.raises(ExportError, match="not an ONNX model"):
        quantizing.operators(content)


def test_the_tools_say_nothing_and_logging_goes_on(
    dense: bytes, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    quantizing.quantize_dynamic(dense)
    assert caplog.records == []
    assert capfd.readouterr() == ("", "")
    logging.getLogger("other").warning("heard")
    assert [one.message for one in caplog.records] == ["heard"]


def test_the_ratio_is_of_the_second_model_to_the_first() -> None:
    weights = {"w": np.random.default_rng(5).standard_normal((64, 64)) / 8}
    products = [helper.make_node("MatMul", ["x", "w"], ["a0"])]
    products += [helper.make_node("MatMul", [f"a{i}", "w"], [f"a{i + 1}"]) for i in range(30)]
    few, many = (
        model([*nodes, helper.make_node("Relu", [nodes[-1].output[0]], ["y"])], [4096, 64], weights)
        for nodes in (products[:1], products)
    )
    rows = {"x": np.ones((4096, 64), np.float32)}
    assert quantizing.latency_ratio(few, many, rows, rounds=9) > 2
    assert quantizing.latency_ratio(many, few, rows, rounds=9) < 0.5
