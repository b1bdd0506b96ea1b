"""A network -> the typed graph that is translated, and the sizes at which it is tried."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import Any

from numpy.typing import NDArray

from zoo.errors import ExportError
from zoo.manifest import TensorSpec
from zoo.onnx.scopes import Scope, type_graph
from zoo.onnx.shapes import TensorType, free_axes
from zoo.onnx.symbol import VARIABLE, Edge, SymbolGraph, read_symbol


@dataclass(frozen=True)
class Weight:
    """A parameter: its structural name, and its type, whose unknown sizes are 0."""

    name: str
    type: TensorType


class Network(ABC):
    """A network in MXNet: its symbol, its inputs, its weights by the symbol's variables.

    `origin` says where it came from, for the model's metadata.
    """

    symbol: Any
    inputs: tuple[TensorSpec, ...]
    weights: dict[str, Weight]
    origin: Mapping[str, str]

    @abstractmethod
    def path(self, name: str) -> str:
        """The readable form of a symbol node's name."""

    @abstractmethod
    def load(self, text: str) -> Any:
        """The Symbol of a JSON text."""

    def scope(self) -> AbstractContextManager[Any]:
        """Where shapes are read as the network means them: with `mx.np`, 0 is a size."""
        return nullcontext()

    @abstractmethod
    def arrays(self) -> Mapping[str, NDArray[Any]]:
        """The weights' values by structural name. Raises ExportError for one without a value."""

    @abstractmethod
    def run(self, arrays: Sequence[NDArray[Any]]) -> list[NDArray[Any]]:
        """MXNet's outputs in inference mode, on the CPU or where the parameters are."""


@dataclass(frozen=True)
class Trace:
    """A network's graph with the type of every edge.

    `weights` goes by the names of the symbol's variables, `sizes` holds for every free axis the
    two at which it is tried.
    """

    network: Network
    graph: SymbolGraph
    types: Mapping[Edge, TensorType]
    weights: Mapping[str, Weight]
    outputs: tuple[str, ...]
    sizes: Mapping[str, tuple[int, int]]
    inner: Mapping[int, tuple[Scope, ...]] = field(default_factory=dict)

    def names(self) -> list[str]:
        """The names that the graph's own tensors must not take."""
        inputs = [spec.name for spec in self.network.inputs]
        return [*inputs, *(weight.name for weight in self.weights.values()), *self.outputs]


def trace(
    network: Network,
    names: Sequence[str] | None = None,
    sizes: Mapping[str, Sequence[int]] | None = None,
) -> Trace:
    """Type the network's graph; `names` are the outputs'. Raises ExportError."""
    axes = free_axes(network.inputs, sizes)
    text = network.symbol.tojson()
    graph = read_symbol(text)
    _check_variables(graph, network)
    known = {name: weight.type for name, weight in network.weights.items()}
    known.update({spec.name: TensorType(spec.shape, spec.dtype) for spec in network.inputs})
    with network.scope():
        types, inner = type_graph(text, network.load, known, axes)
    weights = _settled(network.weights, graph, types)
    outputs = _output_names(names, len(graph.outputs))
    traced = Trace(network, graph, types, weights, outputs, axes, inner)
    _check_names(traced.names())
    return traced


def _check_variables(graph: SymbolGraph, network: Network) -> None:
    known = {spec.name for spec in network.inputs} | set(network.weights) | graph.labels()
    variables = Counter(node.name for node in graph.nodes if node.op == VARIABLE)
    for name, count in variables.items():
        if name not in known:
            raise ExportError(
                f"The network needs {name!r}, which is neither an input nor a parameter: "
                "name it in `inputs` (states go into a list: inputs=[data, [h, c]])."
            )
        if count > 1:
            raise ExportError(f"The network has two different variables named {name!r}.")


def _settled(
    weights: Mapping[str, Weight], graph: SymbolGraph, types: Mapping[Edge, TensorType]
) -> dict[str, Weight]:
    """The weights with the shapes that MXNet inferred for them; those of no shape left out."""
    inferred = {node.name: types[node.index, 0] for node in graph.nodes if node.op == VARIABLE}
    settled = {
        variable: Weight(weight.name, inferred.get(variable, weight.type))
        for variable, weight in weights.items()
    }
    return {variable: weight for variable, weight in settled.items() if 0 not in weight.type.shape}


def _output_names(names: Sequence[str] | None, count: int) -> tuple[str, ...]:
    if names is None:
        return ("output",) if count == 1 else tuple(f"output{place}" for place in range(count))
    if isinstance(names, str) or len(names) != count or not all(names):
        raise ExportError(f"names must be {count} output names, not {names!r}.")
    return tuple(names)


def _check_names(names: Sequence[str]) -> None:
    repeated = [name for name, count in Counter(names).items() if count > 1]
    if repeated:
        raise ExportError(
            f"{repeated[0]!r} names two of the network's inputs, outputs and parameters: "
            "choose other names in `inputs` or `names`."
        )
