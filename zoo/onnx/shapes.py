"""What MXNet infers about every edge of a symbol: its dtype, and its shape with free axes.

MXNet knows numbers only, so the shapes are inferred once with each free axis at its first size
and once more for every axis at its second: a size that follows an axis bears its name, a size
that never changes is a number, and any other is None (it depends on a free axis in another way).
Two sizes can deceive: 3 and 7 both shrink to 1, and 224 and 256 come back after being halved and
doubled. So every axis is also tried at an odd size and at a large one, where MXNet takes those.
"""

from __future__ import annotations

import io
import json
import operator
import warnings
from collections.abc import Mapping, Sequence
from contextlib import redirect_stdout, suppress
from dataclasses import dataclass
from typing import Any

import numpy as np

from zoo.errors import ExportError
from zoo.manifest import TensorSpec
from zoo.onnx.reasons import in_one_line
from zoo.onnx.symbol import Edge

Dimension = int | str | None
Shape = tuple[Dimension, ...]
Sizes = Mapping[str, tuple[int, int]]

_LARGE = 256


@dataclass(frozen=True)
class TensorType:
    """The shape and dtype of an edge."""

    shape: Shape
    dtype: str


def free_axes(
    inputs: Sequence[TensorSpec], sizes: Mapping[str, Sequence[int]] | None
) -> dict[str, tuple[int, int]]:
    """For every free axis of the inputs, the two sizes at which it is traced and checked.

    Raises ExportError for sizes of an axis that no input has, and for sizes that are not two
    different positive numbers.
    """
    names = list(dict.fromkeys(a for spec in inputs for a in spec.shape if isinstance(a, str)))
    pairs = {name: (2 + place, 5 + 2 * place) for place, name in enumerate(names)}
    for name, pair in (sizes or {}).items():
        if name not in pairs:
            raise ExportError(f"sizes names {name!r}; the free axes are: {', '.join(names)}.")
        pairs[name] = _pair(name, pair)
    return pairs


def _pair(name: str, given: Any) -> tuple[int, int]:
    try:
        first, second = (operator.index(one) for one in given)
    except (TypeError, ValueError):
        first = second = 0
    if min(first, second) < 1 or first == second:
        raise ExportError(
            f"sizes[{name!r}] must be two different sizes, such as (224, 256), not {given!r}."
        )
    return first, second


def concrete(shape: Shape, at: Mapping[str, int]) -> tuple[int, ...]:
    """`shape` with every free axis at the size that `at` gives."""
    return tuple(at[size] if isinstance(size, str) else int(size or 0) for size in shape)


def infer_types(
    internals: Any, inputs: Sequence[TensorSpec], weights: Mapping[str, TensorType], sizes: Sizes
) -> dict[Edge, TensorType]:
    """The type of every edge, from a symbol's internals. Raises ExportError when MXNet cannot."""
    document = json.loads(internals.tojson())
    edges = [(head[0], head[1]) for head in document["heads"]]
    names = internals.list_outputs()
    dtypes = _dtypes(internals, inputs, weights)
    probes, seen = _probed(internals, inputs, weights, sizes)
    types = {}
    for edge, name, dtype, *shapes in zip(edges, names, dtypes, *seen, strict=True):
        if dtype is None or any(size < 1 for shape in shapes for size in shape):
            raise ExportError(f"MXNet cannot infer the shape and dtype of {name!r}.")
        if len({len(shape) for shape in shapes}) > 1:
            raise ExportError(f"The rank of {name!r} depends on the sizes of free axes.")
        types[edge] = TensorType(_merge(shapes, probes), np.dtype(dtype).name)
    return types


def _probed(
    internals: Any, inputs: Sequence[TensorSpec], weights: Mapping[str, TensorType], sizes: Sizes
) -> tuple[list[dict[str, int]], list[list[tuple[int, ...]]]]:
    """Sizes of the free axes, and the shapes of all edges at each."""
    first = {axis: pair[0] for axis, pair in sizes.items()}
    probes = [first, *({**first, axis: pair[1]} for axis, pair in sizes.items())]
    seen = [_shapes(internals, inputs, weights, probe) for probe in probes]
    for axis, pair in sizes.items():
        for size in (max(pair) + 1 + max(pair) % 2, max(_LARGE, 2 * max(pair))):
            probe = {**first, axis: size}
            with suppress(ExportError):
                shapes = _shapes(internals, inputs, weights, probe)
                if all(one > 0 for shape in shapes for one in shape):
                    probes.append(probe)
                    seen.append(shapes)
    return probes, seen


def _dtypes(
    internals: Any, inputs: Sequence[TensorSpec], weights: Mapping[str, TensorType]
) -> list[Any]:
    known = {spec.name: spec.dtype for spec in inputs}
    known.update((name, weight.dtype) for name, weight in weights.items())
    arguments = set(internals.list_arguments())
    return list(_infer(internals.infer_type, {k: v for k, v in known.items() if k in arguments}))


def _shapes(
    internals: Any,
    inputs: Sequence[TensorSpec],
    weights: Mapping[str, TensorType],
    at: Mapping[str, int],
) -> list[tuple[int, ...]]:
    known = {spec.name: concrete(spec.shape, at) for spec in inputs}
    known.update((name, concrete(weight.shape, {})) for name, weight in weights.items())
    arguments = set(internals.list_arguments())
    return list(_infer(internals.infer_shape, {k: v for k, v in known.items() if k in arguments}))


def _infer(method: Any, known: Mapping[str, Any]) -> Any:
    silent = redirect_stdout(io.StringIO())  # MXNet prints the shapes that it refuses
    with silent, warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        try:
            _, outputs, _ = method(**known)
        except (RuntimeError, TypeError, ValueError) as error:  # MXNetError is a RuntimeError
            raise ExportError(
                f"MXNet refuses these inputs: {in_one_line(error)} "
                "`inputs` gives the shapes, `sizes` the sizes of free axes that are tried."
            ) from error
    if outputs is None:
        reason = "; ".join(str(one.message) for one in told)
        raise ExportError(f"MXNet cannot infer all shapes and dtypes: {reason}.")
    return outputs


def _merge(shapes: Sequence[tuple[int, ...]], probes: Sequence[Mapping[str, int]]) -> Shape:
    return tuple(_dimension(seen, probes) for seen in zip(*shapes, strict=True))


def _dimension(seen: tuple[int, ...], probes: Sequence[Mapping[str, int]]) -> Dimension:
    if len(set(seen)) == 1:
        return seen[0]
    for axis in probes[0]:
        if seen == tuple(probe[axis] for probe in probes):
            return axis
    return None
