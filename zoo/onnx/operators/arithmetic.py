"""Sums, differences, products and quotients: of two tensors, of many, of a tensor and a number."""

from __future__ import annotations

from zoo.errors import ExportError
from zoo.onnx.context import Context, Translator
from zoo.onnx.symbol import Node

_BINARY = {"add": "Add", "div": "Div", "mul": "Mul", "sub": "Sub"}
_BROADCAST_ONLY = {"maximum": "Max", "minimum": "Min", "power": "Pow"}
_SCALAR = {
    "div": "Div",
    "maximum": "Max",
    "minimum": "Min",
    "minus": "Sub",
    "mul": "Mul",
    "plus": "Add",
    "power": "Pow",
}
_NOTHING = {"Add": 0.0, "Div": 1.0, "Mul": 1.0, "Pow": 1.0, "Sub": 0.0}


def _binary(op_type: str) -> Translator:
    return lambda node, ctx: ctx.emit(op_type, *ctx.inputs)


def add_n(node: Node, ctx: Context) -> str:
    node.attributes.ignore("num_args")
    return ctx.emit("Sum", *ctx.inputs)


def _scalar(op_type: str, *, swapped: bool = False) -> Translator:
    def translate(node: Node, ctx: Context) -> str:
        value = node.attributes.number("scalar", 1)
        node.attributes.ignore("is_int")
        (data,) = ctx.inputs
        if ctx.dtype() != ctx.output().dtype or (ctx.dtype()[:5] != "float" and value % 1):
            raise ExportError(f"{node.label}: {ctx.dtype()} and {value} are not supported.")
        if value == _NOTHING.get(op_type) and not swapped:
            return data
        pair = (ctx.scalar(value), data) if swapped else (data, ctx.scalar(value))
        return ctx.emit(op_type, *pair)

    return translate


OPERATORS: dict[str, Translator] = {
    **{f"elemwise_{name}": _binary(op_type) for name, op_type in _BINARY.items()},
    **{f"broadcast_{name}": _binary(op_type) for name, op_type in _BINARY.items()},
    **{f"broadcast_{name}": _binary(op_type) for name, op_type in _BROADCAST_ONLY.items()},
    **{f"_{name}_scalar": _scalar(op_type) for name, op_type in _SCALAR.items()},
    "_rdiv_scalar": _scalar("Div", swapped=True),
    "_rminus_scalar": _scalar("Sub", swapped=True),
    "_rpower_scalar": _scalar("Pow", swapped=True),
    "add_n": add_n,
}
