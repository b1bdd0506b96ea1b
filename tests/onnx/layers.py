"""Layers tried one by one: ONNX Runtime against MXNet, with every free axis at two sizes."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
import pytest

from zoo._mxnet import mx, nn
from zoo.manifest import TensorSpec
from zoo.onnx import open_session, to_model
from zoo.onnx.check import check_structure
from zoo.onnx.specs import flatten, read_specs, rebuild

OPSETS = (17, 21)
SIZES = ({"batch": 1, "time": 6}, {"batch": 4, "time": 3})
TOLERANCE = 2e-6  # of the largest number of an output

IDS = TensorSpec("data", ("batch", 5), "int64")
ACTIVATIONS = {  # MXNet's name, and the operator
    "relu": "Relu",
    "sigmoid": "Sigmoid",
    "tanh": "Tanh",
    "softrelu": "Softplus",
    "softsign": "Softsign",
}
ROW, CUBE = ("batch", 6), ("batch", "time", 6)
LINE, IMAGE, VOLUME = ("batch", 4, 11), ("batch", 4, 9, 11), ("batch", 4, 5, 6, 7)


@dataclass(frozen=True)
class Case:
    """A layer, the shapes or specs of its inputs, and the ONNX operators it must become."""

    name: str
    build: Callable[[], Any]
    inputs: Any
    operators: str | None = None
    tolerance: float = TOLERANCE


def function(call: Callable[..., Any]) -> Callable[[], Any]:
    """A layer of a function of (F, x...)."""
    return lambda: nn.HybridLambda(call)


def chain(*layers: Callable[[], Any]) -> Callable[[], Any]:
    """The layers one after the other."""

    def build() -> Any:
        net = nn.HybridSequential()
        net.add(*(layer() for layer in layers))
        return net

    return build


def over(cases: Sequence[Case]) -> Any:
    """Parametrize a test of `case` and `opset`."""
    rows = [
        pytest.param(case, opset, id=f"{case.name}-{opset}") for case in cases for opset in OPSETS
    ]
    return pytest.mark.parametrize(("case", "opset"), rows)


def check(case: Case, opset: int) -> onnx.ModelProto:
    """Export the case's layer and hold it against MXNet; returns the model."""
    arguments = read_specs(case.inputs)
    net, random = case.build(), np.random.default_rng(zlib.crc32(case.name.encode()))
    settle(net, arguments, random)
    model = to_model(net, inputs=arguments, opset=opset)
    content = model.SerializeToString()
    check_structure(content)
    session = open_session(content, threads=1)
    for at in SIZES:
        arrays = {spec.name: draw(spec, at, random) for spec in flatten(arguments)}
        expected = call(net, arguments, arrays)
        found = session.run(None, arrays)
        for one, other in zip(expected, found, strict=True):
            assert_close(one, other, case.tolerance)
    if case.operators is not None:
        assert " ".join(node.op_type for node in model.graph.node) == case.operators
    assert model.opset_import[0].version == opset
    return model


def assert_close(expected: np.ndarray, found: np.ndarray, tolerance: float) -> None:
    """The same shape, dtype and, within the tolerance of the largest number, values."""
    assert (found.shape, found.dtype) == (expected.shape, expected.dtype)
    assert np.isfinite(expected).all()
    scale = max(float(np.abs(expected).max()), 1e-6)
    assert np.abs(found.astype(np.float64) - expected).max() <= tolerance * scale


def settle(net: Any, arguments: Any, random: np.random.Generator) -> None:
    """Give every parameter random values; variances and gammas positive ones."""
    net.initialize()
    call(net, arguments, {spec.name: draw(spec, SIZES[1], random) for spec in flatten(arguments)})
    for name, parameter in net.collect_params().items():
        positive = name.endswith(("gamma", "running_var"))
        spread = random.uniform(0.5, 1.5, parameter.shape)
        values = spread if positive else 0.4 * random.standard_normal(parameter.shape)
        array = mx.np.array if mx.util.is_np_array() else mx.nd.array
        parameter.set_data(array(values, dtype=parameter.dtype))


def call(net: Any, arguments: Any, arrays: dict[str, np.ndarray]) -> list[np.ndarray]:
    """MXNet's outputs."""
    array = mx.np.array if mx.util.is_np_array() else mx.nd.array
    tensors = {name: array(one, dtype=one.dtype) for name, one in arrays.items()}
    return [one.asnumpy() for one in flatten(net(*rebuild(arguments, tensors)))]


def draw(spec: TensorSpec, at: dict[str, int], random: np.random.Generator) -> np.ndarray:
    """Normal numbers, or ids below 8."""
    shape = [at[size] if isinstance(size, str) else size for size in spec.shape]
    if spec.dtype.startswith("int"):
        return random.integers(0, 8, shape).astype(spec.dtype)
    return random.standard_normal(shape).astype(spec.dtype)
