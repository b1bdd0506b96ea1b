"""Networks in half precision, and those that MXNet's amp made of single ones."""

from __future__ import annotations

import pytest

pytest.importorskip("zoo._mxnet", reason="needs MXNet", exc_type=ImportError)

import importlib
from typing import Any

import numpy as np
from layers import Case, check, function, over

from zoo._mxnet import mx, nn
from zoo.manifest import TensorSpec
from zoo.onnx import open_session, to_model
from zoo.onnx.check import check_structure

HALF = TensorSpec("data", ("batch", 6), "float16")
CALLS = {
    "exp": lambda F, x: F.exp(x),
    "relu": lambda F, x: F.relu(x),
    "plus": lambda F, x: x + 1.5,
    "times": lambda F, x: F.broadcast_mul(x, x),
    "clip": lambda F, x: F.clip(x, -0.5, 0.5),
    "cast": lambda F, x: F.cast(x, "float32"),
    "greater": lambda F, x: x > 0,
    "where": lambda F, x: F.where(x > 0, x, x * 2),
    "sum": lambda F, x: F.sum(x, axis=1),
    "max": lambda F, x: F.max(x, axis=1),
    "mean": lambda F, x: F.mean(x, axis=1),
    "reshape": lambda F, x: F.reshape(x, (-1, 2, 3)),
    "slice": lambda F, x: F.slice_axis(x, axis=1, begin=1, end=4),
    "take": lambda F, x: F.take(x, F.cast(F.abs(x), "int32"), axis=1),
    "zeros_like": lambda F, x: F.zeros_like(x),
}
CASES = [Case(name, function(call), HALF, tolerance=2e-3) for name, call in CALLS.items()]


@over(CASES)
def test_half(case: Case, opset: int) -> None:
    check(case, opset)


def network() -> Any:
    net = nn.HybridSequential()
    net.add(nn.Conv2D(4, 3), nn.BatchNorm(), nn.Activation("relu"), nn.MaxPool2D(2))
    net.add(nn.GlobalAvgPool2D(), nn.Flatten(), nn.Dense(3))
    net.initialize(mx.init.Xavier())
    net(mx.nd.ones((1, 3, 8, 8)))
    return net


@pytest.mark.parametrize("opset", [17, 21])
def test_a_network_cast_to_half(opset: int) -> None:
    """MXNet cannot run it on this CPU: it is held against the same network before the cast."""
    net = network()
    data = np.random.default_rng(0).standard_normal((2, 3, 8, 8)).astype(np.float32)
    expected = net(mx.nd.array(data)).asnumpy()
    net.cast("float16")
    inputs = [TensorSpec("data", ("batch", 3, 8, 8), "float16")]
    model = to_model(net, inputs=inputs, opset=opset).SerializeToString()
    check_structure(model)
    (found,) = open_session(model, threads=1).run(None, {"data": data.astype(np.float16)})
    assert found.dtype == np.float16
    np.testing.assert_allclose(found, expected, atol=5e-3)


def test_what_amp_makes_of_a_symbol() -> None:
    amp = importlib.import_module("mxnet.contrib.amp")
    net = nn.HybridSequential()
    net.add(nn.Dense(4), nn.LayerNorm(), nn.Dense(3))
    net.initialize()
    data = mx.nd.random.normal(shape=(2, 5))
    expected = net(data).asnumpy()
    symbol = amp.convert_symbol(net(mx.sym.var("data")), target_dtype="float16")
    assert "amp_cast" in symbol.tojson()
    params = {name: one.data() for name, one in net.collect_params().items()}
    model = to_model(symbol, inputs={"data": ("batch", 5)}, params=params).SerializeToString()
    (found,) = open_session(model, threads=1).run(None, {"data": data.asnumpy()})
    np.testing.assert_allclose(found, expected, atol=1e-2)
