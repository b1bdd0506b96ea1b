"""A graph without weights -> its layers, as a person would draw them."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from math import prod

import onnx

from zoo.errors import WeightsError
from zoo.onnx.binding import parse
from zoo.onnx.graph import PARAMETER

_PLUMBING = ("Cast", "Identity", "Reshape", "Shape", "Squeeze", "Transpose", "Unsqueeze")


@dataclass(frozen=True)
class Layer:
    """One operator between the first input and the first output, a product with its bias `Gemm`.

    `shape` is that of its first output, a text for a free axis, None where it is not known.
    `parameters` counts those that no layer before it has counted, `shared` says that it uses
    some that are counted there. `kernel` is empty but for convolution and pooling.
    """

    operator: str
    shape: tuple[int | str, ...] | None
    parameters: int
    shared: bool = False
    kernel: tuple[int, ...] = ()


@dataclass
class _Graph:
    graph: onnx.GraphProto
    parameters: dict[str, int] = field(default_factory=dict)
    shapes: dict[str, tuple[int | str, ...]] = field(default_factory=dict)
    integers: set[str] = field(default_factory=set)
    arranged: dict[str, onnx.NodeProto] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for info in self.graph.input:
            if info.doc_string == PARAMETER:
                self.parameters[info.name] = prod(
                    axis.dim_value for axis in info.type.tensor_type.shape.dim
                )
        for info in (*self.graph.value_info, *self.graph.output):
            kind = info.type.tensor_type
            if kind.HasField("shape"):
                axes = kind.shape.dim
                self.shapes[info.name] = tuple(_axis(one) for one in axes)
            if kind.elem_type == onnx.TensorProto.INT64:
                self.integers.add(info.name)
        fixed = {"", *self.parameters, *(one.name for one in self.graph.initializer)}
        for node in self.graph.node:
            if set(node.input) <= fixed | self.arranged.keys():
                self.arranged |= dict.fromkeys(node.output, node)


def _axis(found: onnx.TensorShapeProto.Dimension) -> int | str:
    return int(found.dim_value) if found.dim_value > 0 else str(found.dim_param)


def layers(graph: bytes) -> list[Layer]:
    """The layers of a published graph in the order in which they run.

    Left out is what only re-arranges numbers, and what follows from the weights alone. Raises
    WeightsError for bytes that are no graph with an input and an output.
    """
    model = onnx.shape_inference.infer_shapes(parse(graph))
    if not model.graph.input or not model.graph.output:
        raise WeightsError("The graph has no input or no output.")
    known = _Graph(model.graph)
    counted: set[str] = set()
    found: list[Layer] = []
    before = onnx.NodeProto()
    for node in _between(model.graph):
        if node.op_type in _PLUMBING or node.output[0] in known.integers:
            continue
        layer = _layer(node, known, counted)
        if layer.parameters and _adds_to(node, before):
            layer = _joined(found.pop(), layer)
        found.append(layer)
        before = node
    return found


def _layer(node: onnx.NodeProto, known: _Graph, counted: set[str]) -> Layer:
    """The node as a layer; what it is the first to use is `counted` then."""
    used = _parameters_of(node, known)
    fresh = used - counted
    counted |= used
    return Layer(
        node.op_type,
        known.shapes.get(node.output[0]),
        sum(known.parameters[name] for name in fresh),
        bool(used - fresh),
        _kernel(node),
    )


def _adds_to(node: onnx.NodeProto, product: onnx.NodeProto) -> bool:
    """Whether the node adds something to a matrix product."""
    pair = (product.op_type, node.op_type)
    return pair == ("MatMul", "Add") and product.output[0] in node.input


def _joined(product: Layer, bias: Layer) -> Layer:
    parameters = product.parameters + bias.parameters
    shared = product.shared or bias.shared
    return replace(bias, operator="Gemm", parameters=parameters, shared=shared)


def _between(graph: onnx.GraphProto) -> list[onnx.NodeProto]:
    """The nodes that depend on the first input and that the first output depends on."""
    after = {graph.input[0].name}
    for node in graph.node:
        if after & set(node.input):
            after |= set(node.output)
    before = {graph.output[0].name}
    for node in reversed(graph.node):
        if before & set(node.output):
            before |= set(node.input)
    return [node for node in graph.node if {*node.output} & after and {*node.output} & before]


def _parameters_of(node: onnx.NodeProto, known: _Graph) -> set[str]:
    """The parameters that reach the node through nothing but re-arrangements of weights."""
    found, waiting = set[str](), list(node.input)
    while waiting:
        name = waiting.pop()
        if name in known.parameters:
            found.add(name)
        elif name in known.arranged:
            waiting += known.arranged[name].input
    return found


def _kernel(node: onnx.NodeProto) -> tuple[int, ...]:
    attributes = (one for one in node.attribute if one.name == "kernel_shape")
    return next((tuple(one.ints) for one in attributes), ())
