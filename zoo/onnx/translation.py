"""A traced network -> an ONNX model whose weights are graph inputs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

import onnx

from zoo.errors import ExportError
from zoo.onnx.context import Walk
from zoo.onnx.folding import prune
from zoo.onnx.graph import OnnxGraph
from zoo.onnx.operators import OPERATORS, supported_operators
from zoo.onnx.scopes import every_node
from zoo.onnx.shapes import TensorType
from zoo.onnx.symbol import VARIABLE, Node
from zoo.onnx.tracing import Trace


def translate(
    traced: Trace, opset: int, metadata: Mapping[str, str], stored_dtype: str | None = None
) -> onnx.ModelProto:
    """The graph without weights: inputs, then every parameter, stored as `stored_dtype`.

    Raises ExportError naming each operator that has no translator.
    """
    symbol = traced.graph
    _check_operators(every_node(symbol, traced.inner))
    graph = OnnxGraph(opset, traced.names())
    inputs = traced.network.inputs
    tensors = {spec.name: spec.name for spec in inputs}
    for spec in inputs:
        graph.add_input(spec.name, TensorType(spec.shape, spec.dtype))
    for variable, weight in traced.weights.items():
        tensors[variable] = _declare(graph, weight.name, weight.type, stored_dtype)
    walk = Walk(graph, symbol, traced.types, inputs, OPERATORS, traced.network.path, traced.inner)
    walk.run(tensors)
    outputs = [
        (walk.value(edge), name, traced.types[edge])
        for edge, name in zip(symbol.outputs, traced.outputs, strict=True)
    ]
    model = graph.model(outputs, metadata)
    prune(model.graph)
    return model


def _declare(graph: OnnxGraph, name: str, kind: TensorType, stored_dtype: str | None) -> str:
    if stored_dtype is None or kind.dtype != "float32":
        graph.add_input(name, kind, parameter=True)
        return name
    graph.add_input(name, TensorType(kind.shape, stored_dtype), parameter=True)
    return graph.add_node("Cast", [name], f"{name}/float32", to=onnx.TensorProto.FLOAT)[0]


def _check_operators(nodes: Sequence[Node]) -> None:
    unknown = [node for node in nodes if node.op not in OPERATORS and node.op != VARIABLE]
    if not unknown:
        return
    counts = Counter(node.op for node in unknown)
    listed = "; ".join(
        f"{op!r} (node {next(node.name for node in unknown if node.op == op)!r}"
        + (f" and {count - 1} more)" if count > 1 else ")")
        for op, count in counts.items()
    )
    raise ExportError(
        f"Cannot be exported: operator {listed}. Supported: {', '.join(supported_operators())}."
    )
