"""Is the model what the network is? The checker's answer, then ONNX Runtime's against MXNet's."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray

from zoo.errors import ExportError, WeightsError
from zoo.manifest import TensorSpec
from zoo.onnx.ranking import in_order_of, ranks
from zoo.onnx.reasons import in_one_line
from zoo.onnx.scopes import every_node
from zoo.onnx.sessions import open_session
from zoo.onnx.shapes import concrete
from zoo.onnx.symbol import Node, SymbolGraph
from zoo.onnx.tracing import Trace

Inputs = dict[str, NDArray[Any]]

TOLERANCE = 1e-4  # of the largest number of an output
_SEED = 0
_IDS = 8  # random integers where nothing tells their range
_PASSING = ("Cast", "Reshape", "SwapAxis", "expand_dims", "slice_axis", "squeeze", "transpose")


@dataclass(frozen=True)
class Difference:
    """The largest difference, by itself and relative to the largest number of its output."""

    absolute: float = 0.0
    relative: float = 0.0

    def __str__(self) -> str:
        return f"{self.absolute:.0e}, {self.relative:.0e} of the largest number"

    def or_larger(self, other: Difference) -> Difference:
        return Difference(max(self.absolute, other.absolute), max(self.relative, other.relative))


def check_structure(model: bytes | Path) -> None:
    """onnx.checker in full, with strict shape inference. Raises ExportError."""
    try:
        onnx.checker.check_model(model, full_check=True)
    except (onnx.checker.ValidationError, onnx.shape_inference.InferenceError) as error:
        raise ExportError(f"The model is not valid ONNX: {in_one_line(error)}") from error


def compare(model: bytes | Path, traced: Trace) -> Difference | None:
    """Run both on random inputs, every free axis at its first, then at its second size.

    Raises ExportError for outputs of another shape or dtype, beyond the tolerance, and for integers
    that are not the same. Rows that a network orders by scores may change places where the scores
    are all but equal. Outputs that follow from a random draw have no numbers to compare; None where
    all are such.
    """
    return compare_session(_open(model), traced)


def compare_session(session: Any, traced: Trace) -> Difference | None:
    """As `compare`, of a model that is open already."""
    drawn, ranked = _drawn(traced), ranks(every_node(traced.graph, traced.inner))
    worst: Difference | None = None
    for place in range(2 if traced.sizes else 1):
        at = {axis: pair[place] for axis, pair in traced.sizes.items()}
        inputs = _draw_all(traced, at)
        expected = _answer("MXNet", inputs, lambda given: traced.network.run([*given.values()]))
        found = _answer("ONNX Runtime", inputs, lambda given: session.run(traced.outputs, given))
        if ranked:
            found = in_order_of(expected, found, TOLERANCE)
        for name, one, other in zip(traced.outputs, expected, found, strict=True):
            _check_kind(name, one, other)
            if name not in drawn:
                measure = _difference if one.dtype.kind == "f" else _equal
                worst = measure(name, one, other).or_larger(worst or Difference())
    return worst


def _drawn(traced: Trace) -> set[str]:
    """The outputs that follow from a random draw."""
    after: set[int] = set()
    for node in traced.graph.nodes:  # in an order in which they can be run
        within = traced.inner.get(node.index, ())
        bodies = (one for scope in within for one in every_node(scope.graph, scope.inner))
        follows = any(source in after for source, *_ in node.inputs)
        if follows or any(_draws(one) for one in (node, *bodies)):
            after.add(node.index)
    ends = zip(traced.graph.outputs, traced.outputs, strict=True)
    return {name for (index, *_), name in ends if index in after}


def _draws(node: Node) -> bool:
    return "random" in node.op or "sample" in node.op


def _open(model: bytes | Path) -> Any:
    try:
        return open_session(model)
    except WeightsError as error:
        raise ExportError(str(error)) from error


def _answer(
    runtime: str, inputs: Inputs, run: Callable[[Inputs], list[NDArray[Any]]]
) -> list[NDArray[Any]]:
    try:
        return run(inputs)
    except Exception as error:  # the runtimes' exceptions have no common root
        shapes = ", ".join(f"{name} {array.shape}" for name, array in inputs.items())
        raise ExportError(
            f"{runtime} cannot run the network on {shapes}: {in_one_line(error)} "
            "check=False skips this."
        ) from error


def _check_kind(name: str, expected: NDArray[Any], found: NDArray[Any]) -> None:
    if expected.shape != found.shape or expected.dtype != found.dtype:
        raise ExportError(
            f"Output {name!r} is {found.dtype} {found.shape} in ONNX Runtime, "
            f"{expected.dtype} {expected.shape} in MXNet."
        )


def _difference(name: str, expected: NDArray[Any], found: NDArray[Any]) -> Difference:
    one, other = expected.astype(np.float64), found.astype(np.float64)
    finite = np.isfinite(one)
    if not np.array_equal(one[~finite], other[~finite], equal_nan=True) or not finite.any():
        raise ExportError(
            f"Output {name!r} is not finite on random inputs: check=False skips this."
        )
    absolute = float(np.abs(one[finite] - other[finite]).max())
    scale = float(np.abs(one[finite]).max())
    difference = Difference(absolute, absolute / scale if scale else absolute)
    if not difference.relative <= TOLERANCE:
        raise ExportError(
            f"Output {name!r} differs from MXNet's by {difference.absolute:.3g}, "
            f"{difference.relative:.3g} of its largest number; {TOLERANCE:g} is allowed."
        )
    return difference


def _equal(name: str, expected: NDArray[Any], found: NDArray[Any]) -> Difference:
    """Of integers and of truths, which nothing rounds."""
    count = np.count_nonzero(expected != found)
    if count:
        raise ExportError(
            f"Output {name!r} differs from MXNet's in {count} of {expected.size} numbers, "
            f"and no {expected.dtype} may differ."
        )
    return Difference()


def _draw_all(traced: Trace, at: dict[str, int]) -> Inputs:
    random = np.random.default_rng(_SEED)
    return {spec.name: _draw(spec, traced.graph, at, random) for spec in traced.network.inputs}


def _draw(
    spec: TensorSpec, graph: SymbolGraph, at: dict[str, int], random: np.random.Generator
) -> NDArray[Any]:
    shape, dtype = concrete(spec.shape, at), np.dtype(spec.dtype)
    rows = _table_rows(spec.name, graph)
    if rows or dtype.kind != "f":
        return random.integers(0, 2 if dtype.kind == "b" else rows or _IDS, shape).astype(dtype)
    return random.standard_normal(shape).astype(dtype)


def _table_rows(name: str, graph: SymbolGraph) -> int | None:
    """How many rows the smallest table has that the input holds ids of; None when it has none."""
    nodes = {node.index: node for node in graph.nodes}
    rows = [
        node.attributes.integer("input_dim", 1)
        for node in graph.nodes
        if node.op == "Embedding" and _origin(nodes, node.inputs[0][0]).name == name
    ]
    return min(rows, default=None)


def _origin(nodes: dict[int, Node], index: int) -> Node:
    node = nodes[index]
    while node.op in _PASSING:
        node = nodes[node.inputs[0][0]]
    return node
