"""softmax and log_softmax along an axis."""

from __future__ import annotations

from zoo.errors import ExportError
from zoo.onnx.context import Context, Translator
from zoo.onnx.symbol import Node


def _softmax(op_type: str) -> Translator:
    def translate(node: Node, ctx: Context) -> str:
        temperature = node.attributes.value("temperature") or 1.0
        if node.attributes.flag("use_length", False):
            raise ExportError(f"{node.label}: use_length=True is not supported.")
        if node.attributes.text("dtype") not in ("None", ctx.dtype()):
            raise ExportError(f"{node.label}: a dtype other than its input's is not supported.")
        data = ctx.inputs[0]
        if temperature != 1:
            data = ctx.emit("Div", data, ctx.scalar(temperature))
        return ctx.emit(op_type, data, axis=node.attributes.integer("axis", -1))

    return translate


OPERATORS = {"log_softmax": _softmax("LogSoftmax"), "softmax": _softmax("Softmax")}
