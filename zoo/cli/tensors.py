"""Inputs and sizes of axes as they are written on the command line."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from zoo.manifest import TensorSpec


def read_inputs(texts: Sequence[str]) -> dict[str, TensorSpec]:
    """`data:batch,3,224,224` and `ids:time,batch:int64` by their names. Raises BadParameter."""
    from zoo.manifest import TensorSpec

    inputs = {}
    for text in texts:
        name, _, rest = text.partition(":")
        shape, _, dtype = rest.partition(":")
        axes = [one.strip() for one in shape.split(",")]
        sizes = tuple(int(one) if one.isdecimal() else one for one in axes)
        named = all(isinstance(one, int) or one.isidentifier() for one in sizes)
        if not (name and named and all(sizes)) or name in inputs:
            raise typer.BadParameter(
                f"{text!r} is not an input of its own, such as data:batch,3,224,224 or "
                "ids:time,batch:int64.",
                param_hint="--input",
            )
        inputs[name] = TensorSpec(name, sizes, dtype.strip() or "float32")
    return inputs


def read_sizes(texts: Sequence[str]) -> dict[str, tuple[int, int]]:
    """`height:224,256` by the axis' name. Raises BadParameter."""
    sizes = {}
    for text in texts:
        axis, _, pair = text.partition(":")
        first, _, second = pair.partition(",")
        if not (axis and first.isdecimal() and second.isdecimal()):
            raise typer.BadParameter(
                f"{text!r} is not an axis with two sizes, such as height:224,256.",
                param_hint="--size",
            )
        sizes[axis] = (int(first), int(second))
    return sizes
