"""Constant folding and dead nodes: what need not be computed at every run."""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Mapping, Set
from functools import partial
from typing import Any

from numpy.typing import NDArray
from onnx import GraphProto, NodeProto, helper, numpy_helper

from zoo.byte_order import little_endian
from zoo.onnx.bodies import references, rename
from zoo.onnx.weights import LazyArrays

Constants = Mapping[str, NDArray[Any]]

FOLDABLE = {  # none of them multiplies the size of its inputs
    "Add",
    "Cast",
    "Concat",
    "Div",
    "Equal",
    "Floor",
    "Gather",
    "Identity",
    "Less",
    "Max",
    "Min",
    "Mul",
    "Neg",
    "Not",
    "Reshape",
    "Shape",
    "Slice",
    "Split",
    "Sqrt",
    "Squeeze",
    "Sub",
    "Transpose",
    "Unsqueeze",
    "Where",
}
_SMALL = 4096  # bytes that may be held twice, and lie in the graph at once
_OPTIONAL_OUTPUTS = ("GRU", "LSTM", "RNN")


def fold(graph: GraphProto, weights: Constants, opset: int) -> LazyArrays:
    """Make initializers of `weights`, and of everything that follows from constants alone.

    A node whose large input is needed by others too stays: folding it would hold that input
    twice. A widened weight keeps its name. Initializers end sorted by name, unused ones dropped.
    Large weights that nothing was computed from are left without bytes in the graph: returns
    them, by the initializers' names.
    """
    inner = (one for one in graph.initializer if one.name not in weights)
    computed = {one.name: numpy_helper.to_array(one) for one in inner}
    constants = ChainMap(computed, weights)  # type: ignore[arg-type]  # the second is only read
    places = _choose(graph, {name: constants[name].nbytes for name in constants})
    renamed = _renamed(graph, places)
    kept = []
    for place, node in enumerate(graph.node):
        if place in places:
            computed.update(_evaluate(node, constants, opset))
        else:
            kept.append(node)
    for node in kept:
        rename(node, renamed)
    computed.update({new: constants[old] for old, new in renamed.items()})
    empty = _replace(graph, kept, constants, weights.keys() - computed.keys())
    prune(graph)
    return LazyArrays({name: partial(weights.__getitem__, name) for name in empty})


def fill(graph: GraphProto, arrays: Constants) -> None:
    """Give those initializers their bytes that `fold` left without."""
    for tensor in graph.initializer:
        if tensor.name in arrays:
            tensor.raw_data = little_endian(arrays[tensor.name])


def prune(graph: GraphProto) -> None:
    """Drop nodes, optional outputs and initializers that no output of the graph needs."""
    needed = {output.name for output in graph.output}
    kept = []
    for node in reversed(graph.node):
        if needed.isdisjoint(node.output):
            continue
        if node.op_type in _OPTIONAL_OUTPUTS:
            _drop_outputs(node, needed)
        needed.update(references(node))
        kept.append(node)
    _replace_nodes(graph, kept[::-1])
    for place in reversed(range(len(graph.initializer))):
        if graph.initializer[place].name not in needed:
            del graph.initializer[place]


def _choose(graph: GraphProto, sizes: Mapping[str, int]) -> set[int]:
    """The places of the nodes to fold; `sizes` are those of the constants in bytes."""
    outputs = {output.name for output in graph.output}
    refused: set[int] = set()
    while True:
        known = set(sizes)
        large = {name for name, size in sizes.items() if size > _SMALL}
        places: set[int] = set()
        for place, node in enumerate(graph.node):
            foldable = node.op_type in FOLDABLE and outputs.isdisjoint(node.output)
            if place not in refused and foldable and known.issuperset(node.input):
                places.add(place)
                known.update(node.output)
                if not large.isdisjoint(node.input):
                    large.update(node.output)
        stay = {
            name
            for place, node in enumerate(graph.node)
            if place not in places
            for name in references(node)
        } & large
        doubled = {
            place
            for place in places
            if graph.node[place].op_type != "Cast" and not stay.isdisjoint(graph.node[place].input)
        }
        if not doubled:
            return places
        refused |= doubled


def _renamed(graph: GraphProto, places: set[int]) -> dict[str, str]:
    """Results of casts that take the name of the constant, which nobody else needs."""
    takers: dict[str, int] = {}
    for node in graph.node:
        for name in references(node):
            takers[name] = takers.get(name, 0) + 1
    casts = (graph.node[place] for place in places if graph.node[place].op_type == "Cast")
    return {node.output[0]: node.input[0] for node in casts if takers[node.input[0]] == 1}


def _evaluate(node: NodeProto, constants: Constants, opset: int) -> Constants:
    from onnx.reference import ReferenceEvaluator  # 12 MB

    evaluator = ReferenceEvaluator(node, opsets={"": opset})
    results = evaluator.run(None, {name: constants[name] for name in node.input})
    return dict(zip(node.output, results, strict=True))


def _replace(
    graph: GraphProto, nodes: list[NodeProto], constants: Constants, weights: Set[str]
) -> list[str]:
    """Make the nodes and the initializers anew; returns the names of those left without bytes."""
    _replace_nodes(graph, nodes)
    empty = []
    needed = {name for node in nodes for name in references(node)}
    del graph.initializer[:]
    for name in sorted(needed & set(constants)):
        array = constants[name]
        tensor = graph.initializer.add(name=name, dims=array.shape)
        tensor.data_type = helper.np_dtype_to_tensor_dtype(array.dtype)
        if name in weights and array.nbytes > _SMALL:
            empty.append(name)
        else:
            tensor.raw_data = little_endian(array)
    return empty


def _replace_nodes(graph: GraphProto, nodes: list[NodeProto]) -> None:
    copies = [NodeProto.FromString(node.SerializeToString()) for node in nodes]
    del graph.node[:]
    graph.node.extend(copies)


def _drop_outputs(node: NodeProto, needed: set[str]) -> None:
    names = [name if name in needed else "" for name in node.output]
    while not names[-1]:
        names.pop()
    node.output[:] = names
