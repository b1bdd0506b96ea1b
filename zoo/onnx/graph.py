"""The ONNX graph while it is built: nodes, constants and unique readable names."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper, numpy_helper

from zoo import __version__
from zoo.onnx.bodies import rename
from zoo.onnx.opset import IR_VERSIONS, check_opset
from zoo.onnx.shapes import TensorType

PRODUCER = "gluon-zoo"
PARAMETER = "parameter"  # doc_string of the graph inputs that are weights


class OnnxGraph:
    """Nodes in topological order, named after `names` that are already taken.

    Raises ExportError for an opset that is not honoured.
    """

    def __init__(self, opset: int, names: Iterable[str] = ()) -> None:
        check_opset(opset)
        self.opset = opset
        self._nodes: list[Any] = []
        self._producers: dict[str, Any] = {}
        self._constants: dict[tuple[str, tuple[int, ...], bytes], str] = {}
        self._initializers: list[Any] = []
        self._inputs: list[Any] = []
        self._taken = set(names)
        self._repeats: dict[str, int] = {}

    def unique(self, name: str) -> str:
        """`name`, with a number added where it is taken."""
        wanted = name
        while name in self._taken:
            self._repeats[wanted] = self._repeats.get(wanted, 0) + 1
            name = f"{wanted}_{self._repeats[wanted]}"
        self._taken.add(name)
        return name

    def add_input(self, name: str, kind: TensorType, *, parameter: bool = False) -> None:
        """Declare a graph input; a parameter is one that binding replaces by its weights."""
        self._taken.add(name)
        self._inputs.append(_value_info(name, kind, PARAMETER if parameter else ""))

    def add_node(
        self, op_type: str, inputs: Sequence[str], name: str, outputs: int = 1, **attributes: Any
    ) -> list[str]:
        """Append a node; returns the names of its outputs. Attributes that are None are absent."""
        given = {key: value for key, value in attributes.items() if value is not None}
        name = self.unique(name)
        results = [name, *(self.unique(f"{name}.{place}") for place in range(1, outputs))]
        node = helper.make_node(op_type, inputs, results, name=name, **given)
        self._nodes.append(node)
        self._producers.update((result, node) for result in results)
        return results

    def constant(self, array: NDArray[Any]) -> str:
        """The name of an initializer with these values, made once for equal arrays."""
        key = (array.dtype.str, array.shape, array.tobytes())
        if key not in self._constants:
            name = self.unique(f"constant_{len(self._constants)}")
            self._constants[key] = name
            self._initializers.append(numpy_helper.from_array(np.asarray(array, order="C"), name))
        return self._constants[key]

    def body(self) -> OnnxGraph:
        """An empty graph for a node to hold; constants and names are those of the whole."""
        graph = OnnxGraph(self.opset)
        graph._constants, graph._initializers = self._constants, self._initializers
        graph._taken, graph._repeats = self._taken, self._repeats
        return graph

    def add_argument(self, name: str, kind: TensorType) -> str:
        """An input of a body; returns the name it gets."""
        name = self.unique(name)
        self._inputs.append(_value_info(name, kind))
        return name

    def own(self, tensor: str, name: str) -> str:
        """`tensor` by another name, made by a node of this graph."""
        return self.add_node("Identity", [tensor], f"{name}/Identity")[0]

    def body_proto(self, outputs: Sequence[tuple[str, TensorType]]) -> onnx.GraphProto:
        """The finished body."""
        results = [_value_info(name, kind) for name, kind in outputs]
        return helper.make_graph(self._nodes, "body", self._inputs, results)

    def producer(self, tensor: str) -> Any:
        """The node that makes `tensor`, or None for inputs and constants."""
        return self._producers.get(tensor)

    def model(
        self,
        outputs: Sequence[tuple[str, str, TensorType]],
        metadata: Mapping[str, str],
        name: str = PRODUCER,
    ) -> onnx.ModelProto:
        """The finished model; each output is (tensor, the name it gets, its type)."""
        self._name_outputs(outputs)
        results = [_value_info(public, kind) for _, public, kind in outputs]
        graph = helper.make_graph(self._nodes, name, self._inputs, results, self._initializers)
        model = helper.make_model(
            graph,
            ir_version=IR_VERSIONS[self.opset],
            opset_imports=[helper.make_opsetid("", self.opset)],
            producer_name=PRODUCER,
            producer_version=__version__,
        )
        set_metadata(model, metadata)
        return model

    def _name_outputs(self, outputs: Sequence[tuple[str, str, TensorType]]) -> None:
        renamed: dict[str, str] = {}
        for tensor, public, _ in outputs:
            if tensor in renamed or tensor not in self._producers:  # a repeat, input or constant
                source = renamed.get(tensor, tensor)
                self._nodes.append(helper.make_node("Identity", [source], [public], name=public))
            else:
                renamed[tensor] = public
        for node in self._nodes:
            rename(node, renamed)
            node.output[:] = [renamed.get(one, one) for one in node.output]


def set_metadata(model: onnx.ModelProto, metadata: Mapping[str, str]) -> None:
    """Add to the model's metadata_props, replacing equal keys; sorted, so bytes stay the same."""
    merged = {one.key: one.value for one in model.metadata_props}
    merged.update(metadata)
    del model.metadata_props[:]
    helper.set_model_props(model, dict(sorted(merged.items())))


def _value_info(name: str, kind: TensorType, doc: str = "") -> Any:
    element = helper.np_dtype_to_tensor_dtype(np.dtype(kind.dtype))
    return helper.make_tensor_value_info(name, element, list(kind.shape), doc_string=doc)
