"""Does a model need nothing but itself? Asked before its numbers are read or a runtime opens it."""

from __future__ import annotations

from collections.abc import Iterator

from onnx import AttributeProto, GraphProto, ModelProto, NodeProto, TensorProto

from zoo.errors import WeightsError

_DOMAINS = ("", "ai.onnx")
_DEEPEST = 20


def check_self_contained(model: ModelProto) -> None:
    """Raises WeightsError unless all data lie in the model and all operators are ONNX's own.

    Refused are tensors in other files, operators and functions of other domains or of the model's
    own, and what trains.
    """
    if model.functions or model.training_info:
        raise WeightsError("The ONNX file brings functions or training of its own: refused.")
    opsets = [one for one in model.opset_import if one.domain in _DOMAINS]
    if len(opsets) != 1:
        raise WeightsError("The ONNX file does not say once which opset it is of.")
    for graph in _graphs(model.graph, _DEEPEST):
        for node in graph.node:
            _check_operator(node)
        for tensor in _tensors(graph):
            _check_tensor(tensor)


def _graphs(graph: GraphProto, deepest: int) -> Iterator[GraphProto]:
    """The graph and the bodies of its nodes."""
    if not deepest:
        raise WeightsError("The ONNX file nests graphs too deeply.")
    yield graph
    for node in graph.node:
        for attribute in node.attribute:
            for inner in _inner(attribute):
                yield from _graphs(inner, deepest - 1)


def _inner(attribute: AttributeProto) -> Iterator[GraphProto]:
    if attribute.HasField("g"):
        yield attribute.g
    yield from attribute.graphs


def _tensors(graph: GraphProto) -> Iterator[TensorProto]:
    yield from graph.initializer
    sparse = [*graph.sparse_initializer]
    for attribute in (one for node in graph.node for one in node.attribute):
        if attribute.HasField("t"):
            yield attribute.t
        yield from attribute.tensors
        sparse += [*([attribute.sparse_tensor] if attribute.HasField("sparse_tensor") else [])]
        sparse += attribute.sparse_tensors
    for one in sparse:
        yield from (one.values, one.indices)


def _check_operator(node: NodeProto) -> None:
    if node.domain not in _DOMAINS:
        raise WeightsError(
            f"The ONNX file uses an operator of the domain {node.domain[:60]!r}, which is not "
            "ONNX's own: refused."
        )


def _check_tensor(tensor: TensorProto) -> None:
    if tensor.data_location == TensorProto.EXTERNAL or tensor.external_data:
        raise WeightsError("The ONNX file takes numbers from another file: refused.")
