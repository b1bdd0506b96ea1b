"""What the translator of one node sees: its tensors, their types, and ways to append ONNX nodes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import groupby
from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import helper, numpy_helper

from zoo.errors import ExportError
from zoo.manifest import TensorSpec
from zoo.onnx.graph import OnnxGraph
from zoo.onnx.opset import check_kernel
from zoo.onnx.scopes import Scope
from zoo.onnx.shapes import Dimension, Shape, TensorType
from zoo.onnx.symbol import VARIABLE, Edge, Node, SymbolGraph

Translator = Callable[[Node, "Context"], str | Sequence[str]]

END = (1 << 63) - 1  # where a slice ends that goes on to the end

_KEEP_ORDER = ("Flatten", "Reshape", "Squeeze", "Unsqueeze")


class Walk:
    """The nodes of a network on their way to ONNX, and the tensors of those already there.

    `path` gives a symbol's name its readable form; `tensors` are those of the variables by name.
    """

    def __init__(
        self,
        graph: OnnxGraph,
        symbol: SymbolGraph,
        types: Mapping[Edge, TensorType],
        inputs: Sequence[TensorSpec],
        operators: Mapping[str, Translator],
        path: Callable[[str], str],
        inner: Mapping[int, tuple[Scope, ...]],
    ) -> None:
        self.graph = graph
        self.nodes = {node.index: node for node in symbol.nodes}
        self.types = types
        self.uses = symbol.uses()
        self.inputs = inputs
        self.path = path
        self.inner = inner
        self._operators = operators
        self._values: dict[Edge, str] = {}

    def run(self, tensors: Mapping[str, str]) -> None:
        """Translate all nodes; `tensors` are those of the variables, by name."""
        for node in self.nodes.values():
            if node.op == VARIABLE:
                if node.name in tensors:  # the labels of heads are not
                    self._values[node.index, 0] = tensors[node.name]
            elif node.inputs:  # what has none is made when first needed, if ever
                self._translate(node)

    def has(self, edge: Edge) -> bool:
        """Whether there is such a tensor; there is none for labels."""
        return edge in self._values or self.nodes[edge[0]].op != VARIABLE

    def value(self, edge: Edge) -> str:
        """The ONNX tensor of an edge. Raises ExportError for an output that is not translated."""
        node = self.nodes[edge[0]]
        if edge not in self._values and not node.inputs:
            self._translate(node)
        if edge not in self._values:
            raise ExportError(f"{node.label}: its output {edge[1]} cannot be exported.")
        return self._values[edge]

    def within(self, graph: OnnxGraph, scope: Scope) -> Walk:
        """A walk over what a node holds, into `graph`."""
        return Walk(
            graph, scope.graph, scope.types, self.inputs, self._operators, self.path, scope.inner
        )

    def _translate(self, node: Node) -> None:
        result = self._operators[node.op](node, Context(self, node))
        unread = node.attributes.unread()
        if unread:
            text = node.attributes[unread[0]]
            raise ExportError(f"{node.label}: the attribute {unread[0]}={text!r} is not supported.")
        for place, tensor in enumerate([result] if isinstance(result, str) else result):
            self._values[node.index, place] = tensor


class Context:
    """One node of a walk. Places count the node's inputs, from 0."""

    def __init__(self, walk: Walk, node: Node) -> None:
        self.opset = walk.graph.opset
        self._walk = walk
        self._node = node
        self._name = walk.path(node.name)

    @property
    def name(self) -> str:
        """How the node's own ONNX nodes begin."""
        return self._name

    @property
    def label(self) -> str:
        """The node in an error message."""
        return self._node.label

    def scope(self, place: int) -> Scope:
        """One of the graphs that the node holds."""
        return self._walk.inner[self._node.index][place]

    def body(self) -> OnnxGraph:
        """An empty graph for an ONNX node to hold."""
        return self._walk.graph.body()

    def translate_body(
        self, place: int, graph: OnnxGraph, names: Sequence[str]
    ) -> list[tuple[str, TensorType]]:
        """Translate a graph that the node holds; `names` are its arguments' tensors."""
        scope = self.scope(place)
        walk = self._walk.within(graph, scope)
        walk.run(dict(zip(scope.arguments, names, strict=True)))
        return [(walk.value(edge), scope.types[edge]) for edge in scope.graph.outputs]

    def body_in_place(self, place: int, names: Sequence[str]) -> str:
        """The one result of a graph that the node holds, computed outside of it."""
        return self.translate_body(place, self._walk.graph, names)[0][0]

    @property
    def inputs(self) -> list[str]:
        """The ONNX tensors of the node's inputs; labels that inference lacks are not there."""
        return [self.value(edge) for edge in self._node.inputs if self._walk.has(edge)]

    def value(self, edge: Edge) -> str:
        """The ONNX tensor of an edge."""
        return self._walk.value(edge)

    def source(self, edge: Edge) -> Node:
        """The node that an edge leaves."""
        return self._walk.nodes[edge[0]]

    def takers(self, edge: Edge) -> int:
        """How many inputs and outputs take an edge."""
        return self._walk.uses[edge]

    def shape_of(self, edge: Edge) -> Shape:
        return self._walk.types[edge].shape

    def shape(self, place: int = 0) -> Shape:
        return self.shape_of(self._node.inputs[place])

    def rank(self, place: int = 0) -> int:
        return len(self.shape(place))

    def dtype(self, place: int = 0) -> str:
        return self._walk.types[self._node.inputs[place]].dtype

    def output(self, place: int = 0) -> TensorType:
        """The type of the node's output."""
        return self._walk.types[self._node.index, place]

    def emit(self, op_type: str, *inputs: str, label: str | None = None, **attributes: Any) -> str:
        """Append an ONNX node with one output and return that; `label` ends the node's name."""
        return self.emit_many(op_type, *inputs, outputs=1, label=label, **attributes)[0]

    def emit_many(
        self, op_type: str, *inputs: str, outputs: int, label: str | None = None, **attributes: Any
    ) -> list[str]:
        """Append an ONNX node with several outputs and return those."""
        check_kernel(op_type, self.opset, self._node.label)
        name = "/".join(part for part in (self._name, label or op_type) if part)
        return self._walk.graph.add_node(op_type, inputs, name, outputs, **attributes)

    def constant(self, array: NDArray[Any]) -> str:
        return self._walk.graph.constant(array)

    def int64(self, values: Sequence[int]) -> str:
        """A constant vector of axes, sizes or bounds."""
        return self.constant(np.array(values, np.int64))

    def scalar(self, value: float, dtype: str | None = None) -> str:
        """A constant of rank 0, in the dtype of the first input unless another is given."""
        return self.constant(np.array(value, dtype or self.dtype()))

    def cast(self, tensor: str, dtype: str, source: str | None = None) -> str:
        """`tensor` in another dtype; itself where `source`, its own one, is the same."""
        if dtype == source:
            return tensor
        return self.emit("Cast", tensor, to=helper.np_dtype_to_tensor_dtype(np.dtype(dtype)))

    def as_output(self, tensor: str, source: str = "bool") -> str:
        """`tensor`, whose dtype is `source`, in the dtype of the node's output."""
        return self.cast(tensor, self.output().dtype, source)

    def converted(self, dtype: str) -> list[str]:
        """The ONNX tensors of the node's inputs, all in one dtype."""
        return [self.cast(one, dtype, self.dtype(k)) for k, one in enumerate(self.inputs)]

    def filled(self, value: float, like: str | None = None) -> str:
        """A tensor of the output's type, in the shape of `like` if given, with one value."""
        kind = self.output()
        one = numpy_helper.from_array(np.array([value], kind.dtype))
        static = all(isinstance(size, int) for size in kind.shape)
        measured = like is not None and not static
        sizes = self.emit("Shape", like) if measured and like else self.shape_tensor(kind.shape)
        return self.emit("ConstantOfShape", sizes, value=one)

    def size(self, place: int, axis: int) -> str:
        """How long an axis of an input is, as a vector of one integer."""
        length = self.shape(place)[axis]
        if isinstance(length, int):
            return self.int64([length])
        axis %= self.rank(place)
        return self.emit("Shape", self.inputs[place], start=axis, end=axis + 1)

    def slice(
        self,
        tensor: str,
        begin: Sequence[int],
        end: Sequence[int],
        axes: Sequence[int],
        steps: Sequence[int] | None = None,
    ) -> str:
        """A part of `tensor`, whose bounds are numbers."""
        bounds = [self.int64(begin), self.int64(end), self.int64(axes)]
        return self.emit("Slice", tensor, *bounds, *([self.int64(steps)] if steps else []))

    def transpose(self, tensor: str, order: Sequence[int]) -> str:
        if list(order) == sorted(order):
            return tensor
        return self.emit("Transpose", tensor, perm=list(order))

    def reshape(self, tensor: str, target: Shape, source: Shape = ()) -> str:
        """`tensor`, whose shape is `source` where that is known, in the shape `target`.

        Free axes are kept, computed, or measured on the inputs, whichever is enough. Raises
        ExportError where none is.
        """
        if target == source and None not in target:
            return tensor
        if sum(not isinstance(size, int) for size in target) <= 1:
            codes = [size if isinstance(size, int) else -1 for size in target]
            return self.emit("Reshape", self._before_reshapes(tensor), self.int64(codes))
        kept = [_kept(size, place, source) for place, size in enumerate(target)]
        if kept.count(None) <= 1:
            codes = [-1 if code is None else code for code in kept]
            return self.emit("Reshape", tensor, self.int64(codes))
        if target.count(None) > 1:
            raise ExportError(f"{self._node.label}: several axes depend on free axes: {target}.")
        measured = self.shape_tensor([-1 if size is None else size for size in target])
        return self.emit("Reshape", self._before_reshapes(tensor), measured)

    def shape_tensor(self, shape: Sequence[Dimension]) -> str:
        """A shape as a vector of integers; free axes are measured on the inputs."""
        parts = []
        for measured, group in groupby(shape, lambda size: not isinstance(size, int)):
            sizes = list(group)
            parts += self._measure(sizes) if measured else [self.int64(sizes)]  # type: ignore[arg-type]
        return parts[0] if len(parts) == 1 else self.emit("Concat", *parts, axis=0)

    def _measure(self, axes: Sequence[Dimension]) -> list[str]:
        width = len(axes)
        for spec in self._walk.inputs:
            for start in range(len(spec.shape) - width + 1):
                if list(spec.shape[start : start + width]) == list(axes):
                    return [self.emit("Shape", spec.name, start=start, end=start + width)]
        if width > 1:
            return [*self._measure(axes[:1]), *self._measure(axes[1:])]
        raise ExportError(
            f"{self._node.label}: a size depends on free axes in a way not supported."
        )

    def _before_reshapes(self, tensor: str) -> str:
        while (node := self._walk.graph.producer(tensor)) and node.op_type in _KEEP_ORDER:
            tensor = node.input[0]
        return tensor


def _kept(size: Dimension, place: int, source: Shape) -> int | None:
    if isinstance(size, int):
        return size
    return 0 if size is not None and source[place : place + 1] == (size,) else None
