"""How much a network computes: multiply-adds of one row, or of one token, counted from its graph.

One multiply-add is one product of a weight or an activation and its addition to a sum; what costs
less by a factor of the layer's width (activations, pooling, biases, look-ups) is not counted.
"""

from __future__ import annotations

import math
from typing import Any

from zoo.errors import ExportError

Shape = tuple[int, ...]

_RECURRENT = ("LSTM", "GRU", "RNN")


def count_multiply_adds(model: bytes) -> int:
    """Multiply-adds of a self-contained ONNX model at size 1 of every free axis.

    Raises ExportError where the graph does not tell the size of a product.
    """
    import onnx

    graph = _at_size_one(onnx.load_model_from_string(model))
    shapes = _shapes(graph)
    counted = (node for node in graph.node if node.op_type in _COUNTS)
    return sum(_COUNTS[node.op_type](node, shapes) for node in counted)


def _at_size_one(model: Any) -> Any:
    import onnx

    for one in model.graph.input:
        for axis in one.type.tensor_type.shape.dim:
            axis.dim_value = axis.dim_value or 1
    for one in model.graph.output:
        one.type.tensor_type.ClearField("shape")
    del model.graph.value_info[:]
    return onnx.shape_inference.infer_shapes(model, strict_mode=True, data_prop=True).graph


def _shapes(graph: Any) -> dict[str, Shape]:
    shapes = {one.name: tuple(one.dims) for one in graph.initializer}
    for one in (*graph.input, *graph.value_info, *graph.output):
        kind = one.type.tensor_type
        if kind.HasField("shape"):
            shapes[one.name] = tuple(axis.dim_value or 1 for axis in kind.shape.dim)
    return shapes


def _shape(node: Any, name: str, shapes: dict[str, Shape]) -> Shape:
    if name not in shapes:
        raise ExportError(f"Node {node.name!r} ({node.op_type}): the shape of {name!r} is unknown.")
    return shapes[name]


def _matrix_product(node: Any, shapes: dict[str, Shape]) -> int:
    """Every element of the result is a sum over the axis that the two factors share."""
    shared = _shape(node, node.input[0], shapes)[-1]
    if node.op_type == "Gemm" and any(one.name == "transA" and one.i for one in node.attribute):
        shared = _shape(node, node.input[0], shapes)[0]
    return math.prod(_shape(node, node.output[0], shapes)) * shared


def _convolution(node: Any, shapes: dict[str, Shape]) -> int:
    """Every element of the result is a sum over one filter."""
    _, *filter_shape = _shape(node, node.input[1], shapes)
    return math.prod(_shape(node, node.output[0], shapes)) * math.prod(filter_shape)


def _recurrence(node: Any, shapes: dict[str, Shape]) -> int:
    """Every weight, of the input and of the state, is used once a token."""
    return sum(math.prod(_shape(node, name, shapes)) for name in node.input[1:3])


_COUNTS = {
    "Conv": _convolution,
    "Gemm": _matrix_product,
    "MatMul": _matrix_product,
    **dict.fromkeys(_RECURRENT, _recurrence),
}
