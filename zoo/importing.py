"""`.params` files, Gluon's and Module's own weights, brought in as safetensors."""

from __future__ import annotations

import ast
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from zoo import gluon_params, hub, params, strict_json
from zoo.cache import open_regular
from zoo.confined import ConfinedError, run_confined
from zoo.errors import WeightsError
from zoo.safetensors_check import LONGEST_HEADER

Arrays = dict[str, np.ndarray[Any, Any]]

_LARGEST_SYMBOL = 16 << 20
_SECONDS = 20
_SLOWEST = 20 << 20  # bytes a second
_PARAMETER_ENDS = (
    "_weight",
    "_bias",
    "_gamma",
    "_beta",
    "_mean",
    "_var",
    "_parameters",
)


def import_params(
    source: Path,
    target: Path,
    *,
    architecture: str | None = None,
    symbol: Path | None = None,
    **config: Any,
) -> Arrays:
    """Write the arrays of a `.params` file as safetensors, all or none, and return them.

    The file may come from Block.save_parameters, HybridBlock.export, ParameterDict.save or
    Module.save_checkpoint. With `architecture`, a name for `get_model` with its `config`, the
    arrays must be exactly that network's and take its structural names; with `symbol`, the
    `-symbol.json` beside the file, they must be exactly the variables of that graph. Raises
    WeightsError, OSError, and what `get_model` raises.
    """
    arrays = read_params(source)
    try:
        if architecture is not None:
            arrays = _fitted(arrays, hub.get_model(architecture, **config))
        if symbol is not None:
            _check_variables(arrays, _variables(symbol))
    except WeightsError as error:
        raise WeightsError(f"{source}: {error}") from None
    params.write(target, arrays)
    return arrays


def read_params(source: Path) -> Arrays:
    """The arrays of a `.params` file by name, without the prefixes `arg:` and `aux:`.

    A child process with limits judges the file by its structure and converts it; MXNet is not
    needed. Raises WeightsError for a file that is missing, damaged, sparse, of a dtype that a
    weights file does not have, or that holds numbers that are not finite.
    """
    try:
        if not source.is_file():
            raise WeightsError("there is no such file.")
        with source.open("rb") as file:
            return params.read(_converted(file, os.fstat(file.fileno()).st_size))
    except ConfinedError as error:
        raise WeightsError(f"{source}: {error}.") from None
    except WeightsError as error:
        plain = str(error).removeprefix("the safetensors bytes: ")
        raise WeightsError(f"{source}: {plain}") from None
    except OSError as error:
        raise WeightsError(f"{source}: cannot be read: {error.strerror or error}.") from None


def _converted(file: Any, size: int) -> bytes:
    script = Path(gluon_params.__file__)
    seconds = _SECONDS + size // _SLOWEST
    return run_confined(script, file, seconds=seconds, output=size + LONGEST_HEADER + 8)


def _fitted(arrays: Arrays, net: Any) -> Arrays:
    """The arrays under the network's structural names. Raises WeightsError unless all fit."""
    names = {id(parameter): name for name, parameter in params.parameters(net).items()}
    styles = [{name: names[key] for name, key in style.items()} for style in _styles(net, arrays)]
    style = next((one for one in styles if arrays.keys() <= one.keys()), {})
    fitted: Arrays = {}
    for name, array in arrays.items():
        first = fitted.setdefault(style.get(name, name), array)
        if first.dtype != array.dtype or not np.array_equal(first, array):
            raise WeightsError(f"{name} is tied in this network, but has two values in the file.")
    params.load(net, fitted, dtype=params.float_dtype(fitted))
    return fitted


def _styles(net: Any, arrays: Mapping[str, Any]) -> Iterator[dict[str, int]]:
    """The ways in which MXNet names the network's parameters: names -> identities."""
    yield {name: id(one) for name, one in params.names(net).items()}
    yield {name: id(one) for name, one in net._collect_params_with_prefix().items()}
    own = {one.name.removeprefix(net.prefix): id(one) for one in params.names(net).values()}
    first = next(iter(own), "")
    for name in arrays:
        if name.endswith(first):
            prefix = name[: len(name) - len(first)]
            yield {prefix + relative: key for relative, key in own.items()}


def _variables(path: Path) -> dict[str, tuple[int, ...] | None]:
    """The variables of a symbol file, and their shapes where it tells them."""
    try:
        with open_regular(path, links=True) as file:
            content = file.read(_LARGEST_SYMBOL + 1)
        nodes = strict_json.parse(content, most_bytes=_LARGEST_SYMBOL)["nodes"]
        found = [one for one in nodes if one["op"] == "null"]
        return {str(one["name"]): _told_shape(one.get("attrs", {})) for one in found}
    except OSError as error:
        raise WeightsError(f"{path}: cannot be read: {error.strerror}.") from None
    except (ValueError, KeyError, TypeError, AttributeError):
        raise WeightsError(f"{path} is not the JSON of an MXNet symbol.") from None


def _told_shape(attributes: Mapping[str, str]) -> tuple[int, ...] | None:
    text = attributes.get("__shape__", "")
    try:
        shape = ast.literal_eval(text[:200])
    except (ValueError, SyntaxError):
        return None
    known = isinstance(shape, tuple) and all(isinstance(one, int) and one > 0 for one in shape)
    return shape if known else None


def _check_variables(arrays: Arrays, variables: Mapping[str, tuple[int, ...] | None]) -> None:
    """Raises WeightsError unless the arrays are the variables, inputs and labels left out."""
    wanted = {
        name: shape
        for name, shape in variables.items()
        if name in arrays or shape is not None or name.endswith(_PARAMETER_ENDS)
    }
    own = {name: (one.shape, one.dtype) for name, one in arrays.items()}
    params.check(
        arrays,
        {
            name: (shape or own.get(name, ((), None))[0], own.get(name, ((), np.float32))[1])
            for name, shape in wanted.items()
        },
    )
