"""The forms in which a caller may describe a network's inputs, brought into one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from zoo.errors import ExportError
from zoo.manifest import TensorSpec

Arguments = list[Any]  # TensorSpec, or a list of them where the network takes a list of states

DTYPES = ("float64", "float32", "float16", "int64", "int32", "int8", "uint8", "bool")


def read_specs(inputs: Any, names: Sequence[str] = ()) -> Arguments:
    """TensorSpecs, one for each argument of the network, lists of them for lists of states.

    `inputs` is one shape `('batch', 3, 224, 224)`, a mapping of names to shapes, or a sequence of
    TensorSpecs and shapes, in which lists may be nested. Shapes alone are float32 and are named
    `data`, or `data0`, `data1`... when there are several, unless `names` has as many.
    Raises ExportError.
    """
    if isinstance(inputs, Mapping):
        return _checked([_named(name, shape) for name, shape in inputs.items()])
    if isinstance(inputs, TensorSpec) or _is_shape(inputs):
        inputs = [inputs]
    if not isinstance(inputs, Sequence) or isinstance(inputs, str):
        raise ExportError(f"inputs must be shapes or TensorSpecs, not {inputs!r}.")
    count = len(flatten(inputs))
    if len(names) != count:
        names = [f"data{place}" for place in range(count)] if count > 1 else ["data"]
    unused = iter(names)
    return _checked([_spec(one, unused) for one in inputs])


def flatten(arguments: Any) -> list[Any]:
    """The leaves of nested lists and tuples in order; a shape is a leaf."""
    if not isinstance(arguments, list | tuple) or _is_shape(arguments):
        return [arguments]
    return [leaf for one in arguments for leaf in flatten(one)]


def rebuild(arguments: Any, leaves: Mapping[str, Any]) -> Any:
    """`arguments` with each TensorSpec replaced by the leaf of its name."""
    if isinstance(arguments, TensorSpec):
        return leaves[arguments.name]
    return [rebuild(one, leaves) for one in arguments]


def _is_shape(value: Any) -> bool:
    sizes = isinstance(value, list | tuple) and len(value) > 0
    return sizes and all(isinstance(size, int | str | np.integer) for size in value)


def _spec(value: Any, names: Iterator[str]) -> Any:
    if not isinstance(value, TensorSpec) and not _is_shape(value):
        if not isinstance(value, Sequence) or isinstance(value, str):
            raise ExportError(f"inputs must be shapes or TensorSpecs, not {value!r}.")
        return [_spec(one, names) for one in value]
    return _named(next(names), value)


def _named(name: str, value: Any) -> TensorSpec:
    if isinstance(value, TensorSpec):
        return value
    if not _is_shape(value):
        raise ExportError(f"The shape of input {name!r} must be numbers and names, not {value!r}.")
    return TensorSpec(name, tuple(size if isinstance(size, str) else int(size) for size in value))


def _checked(arguments: Arguments) -> Arguments:
    specs = flatten(arguments)
    names = [spec.name for spec in specs]
    if not specs:
        raise ExportError("inputs is empty: give the shape of each input.")
    for spec in specs:
        wrong = [size for size in spec.shape if not size or (isinstance(size, int) and size < 0)]
        if wrong or not spec.name or names.count(spec.name) > 1:
            raise ExportError(
                f"Input {spec.name!r} {spec.shape}: names must be distinct, sizes positive; "
                "a free axis has a name, such as 'batch'."
            )
        if spec.dtype not in DTYPES:
            raise ExportError(f"Input {spec.name!r}: dtype {spec.dtype!r} is not supported.")
    return arguments
