"""The five architectures: exact, small, the same with weights bound later."""

from __future__ import annotations

import pytest

pytest.importorskip("zoo._mxnet", reason="needs MXNet", exc_type=ImportError)

import json
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from layers import assert_close

from zoo import params
from zoo._mxnet import mx
from zoo.manifest import TensorSpec
from zoo.models import ARCHITECTURES, build
from zoo.onnx import bind, export_onnx, open_session, to_model
from zoo.onnx.binding import read_metadata

VOCABULARY, HIDDEN, LAYERS = 50, 12, 2
IMAGES = [TensorSpec("data", ("batch", 1, 28, 28))]
IDS = TensorSpec("data", ("time", "batch"), "int64")
STATE = (LAYERS, "batch", HIDDEN)
LSTM = [IDS, TensorSpec("h", STATE), TensorSpec("c", STATE)]
CONFIGS: dict[str, tuple[str, dict[str, Any], list[TensorSpec]]] = {
    "linear_regression": ("linear_regression", {}, [TensorSpec("data", ("batch", 8))]),
    "logistic_regression": ("logistic_regression", {}, IMAGES),
    "logistic_regression_binary": (
        "logistic_regression",
        {"classes": 1, "features": 123},
        [TensorSpec("data", ("batch", 123))],
    ),
    "mlp": ("mlp", {}, IMAGES),
    "lenet": ("lenet", {}, IMAGES),
    "lstm_lm": ("lstm_lm", {"cell": "lstm"}, LSTM),
    "lstm_lm_gru": ("lstm_lm", {"cell": "gru"}, LSTM[:2]),
    "lstm_lm_rnn_tanh": ("lstm_lm", {"cell": "rnn_tanh"}, LSTM[:2]),
    "lstm_lm_rnn_relu": ("lstm_lm", {"cell": "rnn_relu"}, LSTM[:2]),
    "lstm_lm_untied": ("lstm_lm", {"tie_weights": False}, LSTM),
}
NODES = {
    "linear_regression": "Gemm",
    "logistic_regression": "Flatten Gemm",
    "mlp": "Flatten Gemm Relu Gemm Relu Gemm",
    "lenet": "Conv Tanh AveragePool Conv Tanh AveragePool Flatten Gemm Tanh Gemm",
    "lstm_lm": "Gather Split Split LSTM Squeeze LSTM Squeeze Concat Concat MatMul Add",
    "lstm_lm_gru": "Gather Split GRU Squeeze GRU Squeeze Concat MatMul Add",
    "lstm_lm_untied": "Gather Split Split LSTM Squeeze LSTM Squeeze Concat Concat MatMul Add",
}


def network(name: str) -> tuple[Any, list[TensorSpec], list[str]]:
    """The network with random weights that float16 can hold, its inputs and its outputs."""
    architecture, config, inputs = CONFIGS[name]
    names = ["output"]
    if architecture == "lstm_lm":
        sizes = {"embed_size": HIDDEN, "hidden_size": HIDDEN, "layers": LAYERS}
        config = {"vocabulary_size": VOCABULARY, **sizes, **config}
        names += [f"{spec.name}_out" for spec in inputs[1:]]
    net = build(architecture, **config)
    net.initialize()
    random = np.random.default_rng(1)
    for parameter in net.collect_params().values():
        values = (0.2 * random.standard_normal(parameter.shape)).astype(np.float16)
        parameter.set_data(mx.nd.array(values.astype(np.float32)))
    return net, inputs, names


def draw(specs: list[TensorSpec], **sizes: int) -> list[np.ndarray]:
    random = np.random.default_rng(2)
    shapes = [[sizes[n] if isinstance(n, str) else n for n in spec.shape] for spec in specs]
    return [
        random.integers(0, VOCABULARY, shape)
        if spec.dtype == "int64"
        else random.standard_normal(shape).astype(np.float32)
        for spec, shape in zip(specs, shapes, strict=True)
    ]


def run(model: bytes, specs: list[TensorSpec], arrays: list[np.ndarray]) -> list[np.ndarray]:
    names = [spec.name for spec in specs]
    return open_session(model).run(None, dict(zip(names, arrays, strict=True)))  # type: ignore[no-any-return]


def test_every_architecture_is_here() -> None:
    assert {architecture for architecture, _, _ in CONFIGS.values()} == set(ARCHITECTURES)


@pytest.mark.parametrize("name", CONFIGS)
@pytest.mark.parametrize("opset", [17, 21])
def test_onnx_runtime_agrees_at_other_sizes(name: str, opset: int) -> None:
    net, specs, names = network(name)
    model = to_model(net, inputs=specs, names=names, opset=opset).SerializeToString()
    for batch, time in ((1, 1), (3, 7)):
        arrays = draw(specs, batch=batch, time=time)
        data, *states = (mx.nd.array(one, dtype=one.dtype) for one in arrays)
        outputs = net(data, states) if states else net(data)
        expected = [outputs[0], *outputs[1]] if states else [outputs]
        for one, other in zip(expected, run(model, specs, arrays), strict=True):
            assert_close(one.asnumpy(), other, 2e-6)


@pytest.mark.parametrize("name", CONFIGS)
def test_the_report_tells_the_file_and_the_differences(name: str, tmp_path: Path) -> None:
    net, specs, names = network(name)
    report = export_onnx(net, tmp_path / "net.onnx", inputs=specs, names=names)
    model = onnx.load(report.path)
    assert 0 <= report.max_abs < 1e-5
    assert 0 <= report.max_rel < 2e-6
    assert report.nodes == len(model.graph.node)
    assert [one.name for one in model.graph.output] == names


@pytest.mark.parametrize(("name", "operators"), NODES.items())
def test_the_fewest_nodes(name: str, operators: str) -> None:
    net, specs, names = network(name)
    model = to_model(net, inputs=specs, names=names)
    assert " ".join(node.op_type for node in model.graph.node) == operators


@pytest.mark.parametrize("name", CONFIGS)
def test_weights_are_initializers_and_never_inputs(name: str) -> None:
    net, specs, names = network(name)
    graph = to_model(net, inputs=specs, names=names).graph
    assert [one.name for one in graph.input] == [spec.name for spec in specs]
    assert not {one.name for one in graph.initializer} & {one.name for one in graph.input}


@pytest.mark.parametrize("name", CONFIGS)
def test_without_weights_every_parameter_is_an_input(name: str) -> None:
    net, specs, names = network(name)
    graph = to_model(net, inputs=specs, names=names, weights=False).graph
    inputs = [one.name for one in graph.input]
    assert inputs == [*(spec.name for spec in specs), *params.parameters(net)]
    assert all(len(one.raw_data) <= 64 for one in graph.initializer)


@pytest.mark.parametrize("name", CONFIGS)
def test_a_graph_with_weights_bound_is_the_direct_export(name: str, tmp_path: Path) -> None:
    net, specs, names = network(name)
    direct = export_onnx(net, tmp_path / "net.onnx", inputs=specs, names=names)
    graph = export_onnx(net, tmp_path / "graph.onnx", inputs=specs, names=names, weights=False)
    exported = direct.path.read_bytes()
    metadata = read_metadata(exported)
    assert metadata.keys() == {"source", "difference_from_mxnet"}
    bound = bind(graph.path.read_bytes(), params.arrays(net), metadata=metadata)
    assert bound == exported
    assert (graph.max_abs, graph.max_rel) == (direct.max_abs, direct.max_rel)


@pytest.mark.parametrize("name", CONFIGS)
def test_a_graph_without_weights_runs_as_it_is(name: str) -> None:
    net, specs, names = network(name)
    arrays = draw(specs, batch=2, time=3)
    given = params.arrays(net)
    graph = to_model(net, inputs=specs, names=names, weights=False).SerializeToString()
    session = open_session(graph)
    feeds = {spec.name: one for spec, one in zip(specs, arrays, strict=True)}
    for one, other in zip(
        session.run(None, {**feeds, **given}), run(bind(graph, given), specs, arrays), strict=True
    ):
        # ONNX Runtime rearranges constant weights, and then sums in another order
        assert_close(other, one, 1e-5)


@pytest.mark.parametrize("name", CONFIGS)
def test_float16_weights_give_the_bits_of_float32_ones(name: str, tmp_path: Path) -> None:
    net, specs, names = network(name)
    report = export_onnx(
        net,
        tmp_path / "graph.onnx",
        inputs=specs,
        names=names,
        weights=False,
        stored_dtype="float16",
    )
    wide = params.arrays(net)
    half = {key: array.astype(np.float16) for key, array in wide.items()}
    plain = to_model(net, inputs=specs, names=names, weights=False).SerializeToString()
    assert bind(report.path.read_bytes(), half) == bind(plain, wide)


@pytest.mark.parametrize("name", ["lenet", "lstm_lm"])
def test_two_instances_give_the_same_bytes(name: str) -> None:
    first, second = (network(name) for _ in range(2))
    assert first[0].prefix != second[0].prefix
    models = [
        to_model(net, inputs=specs, names=names, metadata={"b": "1", "a": "2"}).SerializeToString()
        for net, specs, names in (first, second)
    ]
    assert models[0] == models[1]


def test_a_large_tied_embedding_is_there_once() -> None:
    net = build("lstm_lm", vocabulary_size=500, embed_size=12, hidden_size=12, layers=1)
    net.initialize()
    state = (1, "batch", 12)
    specs = [IDS, TensorSpec("h", state), TensorSpec("c", state)]
    graph = to_model(net, inputs=specs).graph
    large = [one.name for one in graph.initializer if 500 in one.dims]
    assert large == ["decoder.bias", "embedding.weight"]
    kinds = [node.op_type for node in graph.node]
    assert kinds == ["Gather", "LSTM", "Squeeze", "Transpose", "MatMul", "Add"]


def test_a_hybridized_network_exports_the_same() -> None:
    net, specs, names = network("lstm_lm")
    before = to_model(net, inputs=specs, names=names).SerializeToString()
    net.hybridize()
    net(mx.nd.zeros((2, 3)), net.begin_state(3))
    assert to_model(net, inputs=specs, names=names).SerializeToString() == before


def test_metadata_is_read_back_from_the_session() -> None:
    net, specs, names = network("lenet")
    labels = json.dumps([str(digit) for digit in range(10)])
    model = to_model(net, inputs=specs, names=names, metadata={"labels": labels})
    session = open_session(model.SerializeToString())
    assert session.get_modelmeta().custom_metadata_map == {"labels": labels}
    assert session.get_modelmeta().producer_name == "gluon-zoo"
