"""Networks of MXNet: blocks, Symbols with parameters, and those that cannot be traced."""

from __future__ import annotations

import pytest

pytest.importorskip("zoo._mxnet", reason="needs MXNet", exc_type=ImportError)

from pathlib import Path
from typing import Any

import numpy as np
import onnx
from layers import ROW

from zoo import params
from zoo._mxnet import gluon, mx, nn
from zoo.errors import ExportError
from zoo.onnx import bind, export_onnx, to_model
from zoo.onnx.network import open_network


def names(values: Any) -> list[str]:
    return [one.name for one in values]


class Twice(gluon.HybridBlock):
    """One layer called twice, and one that is never called."""

    def __init__(self) -> None:
        super().__init__()
        with self.name_scope():
            self.layer = nn.Dense(6, in_units=6, activation="tanh")
            self.spare = nn.Dense(2, in_units=6)

    def hybrid_forward(self, F: Any, data: Any) -> Any:
        return self.layer(self.layer(data))


def test_repeated_names_of_nodes_do_no_harm(tmp_path: Path) -> None:
    net = Twice()
    net.initialize(mx.init.Normal(0.5))
    report = export_onnx(net, tmp_path / "net.onnx", inputs=ROW)
    graph = onnx.load(report.path).graph
    assert names(graph.node) == ["layer/Gemm", "layer.act/Tanh", "layer/Gemm_1", "layer.act/Tanh_1"]
    assert names(graph.initializer) == ["layer.bias", "layer.weight"]


@pytest.mark.parametrize("last", ["second", "first"])
def test_an_output_may_be_computed_from_a_later_one(tmp_path: Path, last: str) -> None:
    """MXNet's own `bind` overwrites such a one, whether or not their names are the same."""
    mx.random.seed(0)
    first = mx.sym.FullyConnected(mx.sym.var("data"), num_hidden=3, no_bias=True, name="first")
    symbol = mx.sym.Group([mx.sym.exp(first, name=last), first])
    values = {"first_weight": mx.nd.random.normal(scale=0.3, shape=(3, 6))}
    report = export_onnx(symbol, tmp_path / "net.onnx", inputs={"data": ROW}, params=values)
    assert report.max_rel < 1e-6


def test_a_parameter_that_nothing_needs_is_bound_and_dropped(tmp_path: Path) -> None:
    net = Twice()
    net.initialize()
    report = export_onnx(net, tmp_path / "net.onnx", inputs=ROW, weights=False)
    graph = onnx.load(report.path).graph
    assert names(graph.input)[1:] == ["layer.weight", "layer.bias", "spare.weight", "spare.bias"]
    arrays = params.arrays(net)
    model = onnx.load_model_from_string(bind(report.path.read_bytes(), arrays))
    assert names(model.graph.initializer) == ["layer.bias", "layer.weight"]


def test_a_checkpoint_of_symbol_and_parameters(tmp_path: Path) -> None:
    data = mx.sym.var("data")
    hidden = mx.sym.BatchNorm(mx.sym.FullyConnected(data, num_hidden=4, name="fc"), name="bn")
    symbol = mx.sym.softmax(hidden, name="softmax")
    random = np.random.default_rng(0)
    shapes = {
        "arg:fc_weight": (4, 6),
        "arg:fc_bias": (4,),
        "arg:bn_gamma": (4,),
        "arg:bn_beta": (4,),
        "aux:bn_moving_mean": (4,),
        "aux:bn_moving_var": (4,),
    }
    values = {key: mx.nd.array(random.uniform(1, 2, shape)) for key, shape in shapes.items()}
    report = export_onnx(symbol, tmp_path / "net.onnx", inputs={"data": ROW}, params=values)
    graph = onnx.load(report.path).graph
    assert names(graph.node) == ["fc/Gemm", "bn/BatchNormalization", "softmax/Softmax"]
    assert report.max_rel < 1e-5


def colons() -> tuple[Any, dict[str, Any]]:
    """A layer whose parameters are named as Keras-MXNet names them."""
    weight, bias = mx.sym.var("dense/kernel:0"), mx.sym.var("dense/bias:0")
    symbol = mx.sym.FullyConnected(mx.sym.var("data"), weight, bias, num_hidden=2)
    return symbol, {"dense/kernel:0": mx.nd.ones((2, 6)), "dense/bias:0": mx.nd.array([1, 2])}


@pytest.mark.parametrize("kind", ["", "arg:"])
def test_names_with_a_colon_stay_as_they_are(tmp_path: Path, kind: str) -> None:
    symbol, values = colons()
    values = {f"{kind}{name}": array for name, array in values.items()}
    report = export_onnx(symbol, tmp_path / "net.onnx", inputs={"data": ROW}, params=values)
    assert report.max_rel < 1e-6
    assert names(onnx.load(report.path).graph.initializer) == ["dense/bias:0", "dense/kernel:0"]


def test_parameters_of_a_symbol_may_be_a_path_or_the_mappings_of_both_kinds(
    tmp_path: Path,
) -> None:
    symbol, values = colons()
    file = tmp_path / "net.params"
    mx.nd.save(str(file), {f"arg:{name}": array for name, array in values.items()})
    written = [
        export_onnx(symbol, tmp_path / f"{place}.onnx", inputs={"data": ROW}, params=given).sha256
        for place, given in enumerate([values, file, str(file), (values, {}), [values, {}]])
    ]
    assert len(set(written)) == 1


def test_parameters_of_a_symbol_that_are_none_are_refused() -> None:
    with pytest.raises(ExportError, match="params must be a path, a mapping"):
        to_model(colons()[0], inputs={"data": ROW}, params=3)  # type: ignore[arg-type]


def test_sparse_and_numpy_parameters_are_taken_too(tmp_path: Path) -> None:
    symbol, values = colons()
    values["dense/kernel:0"] = values["dense/kernel:0"].tostype("row_sparse")
    values["dense/bias:0"] = values["dense/bias:0"].asnumpy()
    report = export_onnx(symbol, tmp_path / "net.onnx", inputs={"data": ROW}, params=values)
    assert report.max_rel < 1e-6


@pytest.mark.parametrize(("function", "numpy"), [(mx.sym.exp, False), (mx.sym.np.exp, True)])
def test_only_operators_of_numpy_switch_its_shapes_on(function: Any, numpy: bool) -> None:
    data = mx.sym.var("data_np")
    data = data.as_np_ndarray() if numpy else data
    network = open_network(function(data).as_nd_ndarray(), {"data_np": ROW}, {})
    with network.scope():
        assert mx.util.is_np_shape() is numpy


class Bare(gluon.HybridBlock):
    """A block without a prefix, in which MXNet names an operator."""

    def __init__(self) -> None:
        super().__init__(prefix="")

    def hybrid_forward(self, F: Any, data: Any) -> Any:
        return F.exp(data)


def test_the_same_block_gives_the_same_bytes_again(tmp_path: Path) -> None:
    net = Bare()
    reports = [export_onnx(net, tmp_path / f"{place}.onnx", inputs=ROW) for place in range(2)]
    assert reports[0].sha256 == reports[1].sha256


@pytest.mark.filterwarnings("ignore::UserWarning")  # of SymbolBlock.imports itself
def test_what_the_gluon_file_format_brings_back(tmp_path: Path) -> None:
    net = nn.Dense(3, in_units=6)
    net.initialize(mx.init.Normal(1))
    net.hybridize()
    net(mx.nd.ones((2, 6)))
    net.export(str(tmp_path / "net"))
    files = [str(tmp_path / name) for name in ("net-symbol.json", "net-0000.params")]
    again = gluon.SymbolBlock.imports(files[0], ["data"], files[1])
    report = export_onnx(again, tmp_path / "net.onnx", inputs=ROW)
    assert (report.nodes, report.max_rel < 1e-5) == (1, True)


def test_a_network_that_needs_shapes_cannot_be_traced() -> None:
    layer = nn.HybridLambda(lambda F, x: x * x.shape[0])
    with pytest.raises(ExportError, match="HybridLambda cannot be traced with symbols"):
        to_model(layer, inputs=ROW)


def test_what_a_network_raises_is_told_in_one_line() -> None:
    def call(F: Any, x: Any) -> Any:
        raise ValueError("much\n  ahead of it\nthe reason itself.\n")

    with pytest.raises(ExportError) as caught:
        to_model(nn.HybridLambda(call), inputs=ROW)
    text = "HybridLambda cannot be traced with symbols: the reason itself. States go into a list"
    assert str(caught.value).startswith(text)
    assert "\n" not in str(caught.value)


def test_what_is_no_network_is_refused() -> None:
    with pytest.raises(ExportError, match="int is neither a HybridBlock nor a Symbol"):
        to_model(7, inputs=ROW)


def test_parameters_without_values_are_refused() -> None:
    with pytest.raises(ExportError, match="weight has no value"):
        to_model(nn.Dense(3, in_units=6), inputs=ROW)


def test_shapes_that_are_not_settled_are_refused_with_the_way_out() -> None:
    net = nn.Dense(3)
    net.initialize()
    with pytest.raises(ExportError, match="run it once, then export it"):
        to_model(net, inputs=ROW)


def test_a_graph_without_weights_needs_no_values() -> None:
    graph = to_model(nn.Dense(3), inputs=ROW, weights=False).graph
    assert [axis.dim_value for axis in graph.input[1].type.tensor_type.shape.dim] == [3, 6]


def test_a_state_that_is_missing_is_told() -> None:
    net = gluon.rnn.LSTM(4, input_size=6)
    net.initialize()
    inputs = {"data": ("time", "batch", 6), "h": (1, "batch", 4)}
    with pytest.raises(ExportError, match=r"cannot be traced|neither an input nor a parameter"):
        to_model(net, inputs=inputs)
