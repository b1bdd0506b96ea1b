"""Draws at random: of the same distributions as MXNet's, never the same numbers."""

from __future__ import annotations

from typing import Any

from zoo.errors import ExportError
from zoo.onnx.context import Context, Translator
from zoo.onnx.symbol import Node

_NORMAL = {"mean": ("loc", 0.0), "scale": ("scale", 1.0)}
_UNIFORM = {"low": ("low", 0.0), "high": ("high", 1.0)}


def _drawn(op_type: str, names: dict[str, tuple[str, float]]) -> Translator:
    def translate(node: Node, ctx: Context) -> str:
        node.attributes.ignore("shape", "size", "ctx", "dtype")
        numbers: dict[str, Any] = {
            key: node.attributes.number(*place) for key, place in names.items()
        }
        like = ctx.inputs[0] if ctx.inputs else ctx.filled(0)
        return ctx.emit(f"{op_type}Like", like, label=None, **numbers)

    return translate


def multinomial(node: Node, ctx: Context) -> str:
    """Classes by their probabilities, one row of draws for each row of those."""
    node.attributes.ignore("shape", "dtype", "get_prob")
    logs = ctx.emit("Log", ctx.inputs[0])
    if ctx.rank() == 1:
        logs = ctx.emit("Unsqueeze", logs, ctx.int64([0]))
    target = ctx.output().shape
    count = 1
    for size in target[ctx.rank() - 1 :]:
        if not isinstance(size, int):
            raise ExportError(f"{node.label}: how often is drawn must be a number.")
        count *= size
    drawn = ctx.emit("Multinomial", logs, sample_size=count, dtype=7)
    return ctx.as_output(ctx.reshape(drawn, target), "int64")


OPERATORS: dict[str, Translator] = {
    "_random_normal": _drawn("RandomNormal", _NORMAL),
    "_random_normal_like": _drawn("RandomNormal", _NORMAL),
    "_random_uniform": _drawn("RandomUniform", _UNIFORM),
    "_random_uniform_like": _drawn("RandomUniform", _UNIFORM),
    "_sample_multinomial": multinomial,
}
