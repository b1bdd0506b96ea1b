"""`.params` files, Gluon's and Module's own weights, brought in as safetensors."""

from __future__ import annotations

import ast
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from zoo import hub, params, strict_json
from zoo.cache import open_regular
from zoo.errors import WeightsError, near
from zoo.params_files import fitted, read_params

Arrays = dict[str, np.ndarray[Any, Any]]

_LARGEST_SYMBOL = 16 << 20
_MOST_SYMBOL_PARTS = 4_000_000
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
    source: Path | str,
    target: Path | str,
    *,
    architecture: str | None = None,
    symbol: Path | None = None,
    inputs: Collection[str] = (),
    **config: Any,
) -> Arrays:
    """Write the arrays of a `.params` file as safetensors, all or none, and return them.

    The file may come from Block.save_parameters, HybridBlock.export, ParameterDict.save or
    Module.save_checkpoint. With `architecture`, a name for `get_model` with its `config`, the
    arrays must be exactly that network's and take its structural names; with `symbol` instead, the
    `-symbol.json` beside the file, they must be exactly the variables of that graph, `inputs` left
    out; where those are not named, a parameter is known by its name's end or by its shape. Raises
    WeightsError, and what `get_model` raises.
    """
    target = Path(target)
    if config and architecture is None:
        raise TypeError(f"Without architecture nothing takes {', '.join(config)}.")
    if architecture is not None and symbol is not None:
        raise WeightsError("Weights are those of a network or of a graph: give one of the two.")
    if inputs and symbol is None:
        raise WeightsError("Inputs are those of a symbol: give symbol too.")
    if not target.parent.is_dir():
        raise WeightsError(f"{target} cannot be written: there is no folder {target.parent}.")
    arrays = read_params(source)
    try:
        if architecture is not None:
            arrays = fitted(arrays, hub.get_model(architecture, **config))
        if symbol is not None:
            _check_variables(arrays, _variables(symbol), inputs)
    except WeightsError as error:
        raise WeightsError(f"{source}: {error}") from None
    try:
        params.write(target, arrays)
    except OSError as error:
        raise WeightsError(f"{target} cannot be written: {error.strerror}.") from error
    return arrays


def _variables(path: Path) -> dict[str, tuple[int, ...] | None]:
    """The variables of a symbol file, and their shapes where it tells them."""
    try:
        with open_regular(path, links=True) as file:
            content = file.read(_LARGEST_SYMBOL + 1)
        parsed = strict_json.parse(
            content, most_bytes=_LARGEST_SYMBOL, most_parts=_MOST_SYMBOL_PARTS
        )
        nodes = parsed["nodes"]
        found = [one for one in nodes if one["op"] == "null"]
        return {str(one["name"]): _told_shape(one.get("attrs", {})) for one in found}
    except OSError as error:
        raise WeightsError(f"{path}: cannot be read: {error.strerror}.") from None
    except ValueError as error:
        raise WeightsError(f"{path} is not the JSON of an MXNet symbol: {error}.") from None
    except (KeyError, TypeError, AttributeError):
        raise WeightsError(f"{path} is not the JSON of an MXNet symbol.") from None


def _told_shape(attributes: Mapping[str, str]) -> tuple[int, ...] | None:
    text = attributes.get("__shape__", "")
    try:
        shape = ast.literal_eval(text[:200])
    except (ValueError, SyntaxError):
        return None
    known = isinstance(shape, tuple) and all(isinstance(one, int) and one > 0 for one in shape)
    return shape if known else None


def _check_variables(
    arrays: Arrays, variables: Mapping[str, tuple[int, ...] | None], inputs: Collection[str]
) -> None:
    """Raises WeightsError unless the arrays are the variables without the inputs.

    Without `inputs` a variable counts by the end of its name or by its shape: a label does not.
    """
    for name in inputs:
        if name not in variables:
            raise WeightsError(f"The graph has no input {name!r}. {near(name, variables)}")
    wanted = {
        name: shape
        for name, shape in variables.items()
        if name not in inputs
        and (inputs or name in arrays or shape is not None or name.endswith(_PARAMETER_ENDS))
    }
    own = {name: (one.shape, one.dtype) for name, one in arrays.items()}
    expected = {
        name: (shape or own.get(name, ((), None))[0], own.get(name, ((), np.float32))[1])
        for name, shape in wanted.items()
    }
    try:
        params.check(arrays, expected)
    except WeightsError as error:
        unclear = not expected.keys() <= arrays.keys()
        hint = " An input or a label that is no weight is named among the inputs." * unclear
        raise WeightsError(f"{error}{hint}") from None
