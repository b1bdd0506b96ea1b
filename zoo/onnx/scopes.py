"""Types of every edge, also within the bodies of control flow.

MXNet infers what foreach returns, but not what while_loop and cond do. A graph with those is typed
piece by piece: what such a node takes, then its bodies, then its outputs as if they were inputs.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from zoo.errors import ExportError
from zoo.manifest import TensorSpec
from zoo.onnx.shapes import Sizes, TensorType, infer_types
from zoo.onnx.symbol import VARIABLE, Body, Edge, Node, SymbolGraph, read_symbol

Load = Callable[[str], Any]  # the Symbol of a JSON text
Types = dict[Edge, TensorType]

_BODIES = {"_cond": ("cond", "then", "else"), "_while_loop": ("cond", "func")}


@dataclass(frozen=True)
class Scope:
    """A graph within a node: its types, and the scopes within itself by the node's index."""

    graph: SymbolGraph
    types: Mapping[Edge, TensorType]
    inner: Mapping[int, tuple[Scope, ...]]
    arguments: tuple[str, ...]

    def argument_type(self, place: int) -> TensorType:
        name = self.arguments[place]
        node = next(one for one in self.graph.nodes if one.op == VARIABLE and one.name == name)
        return self.types[node.index, 0]

    def results(self) -> list[TensorType]:
        return [self.types[edge] for edge in self.graph.outputs]


def every_node(graph: SymbolGraph, inner: Mapping[int, tuple[Scope, ...]]) -> list[Node]:
    """The nodes of a graph, those within others too."""
    scopes = [scope for held in inner.values() for scope in held]
    nested = [node for scope in scopes for node in every_node(scope.graph, scope.inner)]
    return [*graph.nodes, *nested]


def type_graph(
    text: str, load: Load, known: Mapping[str, TensorType], sizes: Sizes
) -> tuple[Types, dict[int, tuple[Scope, ...]]]:
    """The type of every edge of a symbol's JSON, and what is within each node.

    `known` holds variables by name. Raises ExportError when MXNet cannot infer the types.
    """
    graph = read_symbol(text)
    inner: dict[int, tuple[Scope, ...]] = {}
    types: Types = {}
    pinned: Types = {}
    for node in graph.nodes:
        if node.op in _BODIES:
            types.update(_infer(text, load, known, pinned, sizes, node.inputs))
            inner[node.index] = _scopes(node, types, load, sizes)
            results = _results(node, inner[node.index])
            pinned.update({(node.index, place): kind for place, kind in enumerate(results)})
    types.update(_infer(text, load, known, pinned, sizes, graph.outputs))
    types.update(pinned)
    for node in graph.nodes:
        if node.bodies and node.index not in inner:
            inner[node.index] = _scopes(node, types, load, sizes)
    return types, inner


def _infer(
    text: str,
    load: Load,
    known: Mapping[str, TensorType],
    pinned: Types,
    sizes: Sizes,
    heads: Sequence[Edge],
) -> Types:
    """The types of what `heads` need, where pinned outputs are variables.

    MXNet orders nodes as it likes: they are found again by name, which is made of their index
    where names repeat.
    """
    document = json.loads(text)
    nodes = document["nodes"]
    variables = {
        place: known[node["name"]]
        for place, node in enumerate(nodes)
        if node["op"] == VARIABLE and node["name"] in known
    }
    labels = _labels(nodes)
    specs = [_spec(labels[place], kind) for place, kind in variables.items()]
    places = {}
    for edge, kind in pinned.items():
        places[edge] = len(nodes)
        specs.append(_spec(f"pinned {edge}", kind))
        nodes.append({"op": VARIABLE, "name": specs[-1].name, "inputs": []})
    for node in nodes:
        node["inputs"] = [_moved(one, places) for one in node["inputs"]]
    document["heads"] = [_moved([*edge, 0], places) for edge in heads]
    document["arg_nodes"] = [k for k, node in enumerate(nodes) if node["op"] == VARIABLE]
    document.pop("node_row_ptr", None)
    internals = load(json.dumps(document)).get_internals()
    needed = set(internals.list_inputs())
    found = infer_types(internals, [one for one in specs if one.name in needed], {}, sizes)
    names = [node["name"] for node in json.loads(internals.tojson())["nodes"]]
    own = {label: place for place, label in enumerate(labels)}
    return {
        (own[names[edge[0]]], edge[1]): kind
        for edge, kind in found.items()
        if names[edge[0]] in own
    }


def _labels(nodes: list[dict[str, Any]]) -> list[str]:
    """A name for each node that no other has; it is the node's name afterwards."""
    names = [node["name"] for node in nodes]
    if len(set(names)) < len(names):
        names = [f"{name} (node {place})" for place, name in enumerate(names)]
    for node, name in zip(nodes, names, strict=True):
        node["name"] = name
    return names


def _spec(name: str, kind: TensorType) -> TensorSpec:
    """An unknown size is 0, as MXNet has it."""
    return TensorSpec(name, tuple(0 if size is None else size for size in kind.shape), kind.dtype)


def _moved(entry: Sequence[int], places: Mapping[Edge, int]) -> list[int]:
    edge = (entry[0], entry[1])
    return [places[edge], 0, 0] if edge in places else [*entry[:2], 0]


def _results(node: Node, scopes: tuple[Scope, ...]) -> list[TensorType]:
    """The types of a node's outputs; those of all steps of a loop are stacked."""
    if node.op == "_cond":
        return scopes[1].results()
    results = scopes[1].results()
    steps = node.attributes.integer("max_iterations", 0)
    stacked = node.attributes.integer("num_out_data", 0)
    whole = [TensorType((steps, *one.shape), one.dtype) for one in results[:stacked]]
    return [*whole, *results[stacked:]]


def _scopes(node: Node, types: Types, load: Load, sizes: Sizes) -> tuple[Scope, ...]:
    """What is within a node, typed by what that takes."""
    pairs = zip(node.bodies, _given(node, types), strict=True)
    return tuple(_scope(body, given, load, sizes) for body, given in pairs)


def _given(node: Node, types: Types) -> list[list[TensorType]]:
    """The types of each body's arguments."""
    taken = [types[edge] for edge in node.inputs]
    if node.op in _BODIES:
        places = [node.attributes.integers(f"{name}_input_locs") for name in _BODIES[node.op]]
        return [[taken[place] for place in one] for one in places]
    if node.op != "_foreach":
        raise ExportError(f"{node.label} cannot be exported: it holds graphs of its own.")
    parts, states, others = (
        node.attributes.integers(f"{name}_locs") for name in ("in_data", "in_state", "remain")
    )
    kinds = [TensorType(one.shape[1:], one.dtype) for one in taken[: len(parts)]]
    placed = dict(zip((*parts, *states, *others), [*kinds, *taken[len(parts) :]], strict=True))
    return [[placed[place] for place in sorted(placed)]]


def _scope(body: Body, given: Sequence[TensorType], load: Load, sizes: Sizes) -> Scope:
    known = dict(zip(body.arguments, given, strict=True))
    types, inner = type_graph(body.text, load, known, sizes)
    return Scope(read_symbol(body.text), types, inner, body.arguments)
