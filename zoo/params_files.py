"""`.params` files, Gluon's and Module's own weights, read safely and fitted into a network."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from zoo import gluon_params, params
from zoo.cache import open_regular
from zoo.confined import ConfinedError, run_confined
from zoo.errors import WeightsError
from zoo.safetensors_check import LONGEST_HEADER

Arrays = dict[str, np.ndarray[Any, Any]]

_SECONDS = 20
_SLOWEST = 20 << 20  # bytes a second


def read_params(source: Path | str) -> Arrays:
    """The arrays of a `.params` file by name, without the prefixes `arg:` and `aux:`.

    A child process with limits judges the file by its structure and converts it; MXNet is not
    needed. Raises WeightsError for a file that is missing, damaged, sparse, of a dtype that a
    weights file does not have, or that holds numbers that are not finite.
    """
    source = Path(source)
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


def is_params(source: Path) -> bool:
    """Whether a file begins as a `.params` file does."""
    try:
        with open_regular(source, links=True) as file:
            return file.read(len(gluon_params.MAGIC)) == gluon_params.MAGIC
    except OSError:
        return False


def fitted(arrays: Arrays, net: Any, ctx: Any = None) -> Arrays:
    """The arrays under the network's structural names, which are loaded into it on `ctx`.

    Raises WeightsError unless all fit.
    """
    names = {id(parameter): name for name, parameter in params.parameters(net).items()}
    styles = ({name: names[key] for name, key in style.items()} for style in _styles(net, arrays))
    style = next((one for one in styles if arrays.keys() <= one.keys()), {})
    arranged: Arrays = {}
    for name, array in arrays.items():
        first = arranged.setdefault(style.get(name, name), array)
        if first.dtype != array.dtype or not np.array_equal(first, array):
            raise WeightsError(f"{name} is tied in this network, but has two values in the file.")
    params.load(net, arranged, ctx=ctx, widen=True)
    return arranged


def _styles(net: Any, arrays: Mapping[str, Any]) -> Iterator[dict[str, int]]:
    """The ways in which MXNet names the network's parameters: names -> identities."""
    yield {name: id(one) for name, one in params.names(net).items()}
    yield {name: id(one) for name, one in net._collect_params_with_prefix().items()}
    own = {one.name.removeprefix(net.prefix): id(one) for one in params.names(net).values()}
    if len(arrays) > len(own):  # none of these can hold them all
        return
    first = next(iter(own), "")
    for name in arrays:
        if name.endswith(first):
            prefix = name[: len(name) - len(first)]
            yield {prefix + relative: key for relative, key in own.items()}
