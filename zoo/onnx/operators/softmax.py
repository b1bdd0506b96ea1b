"""softmax and its family along an axis, and the heads of networks that were trained with a loss.

A head's label is not needed in inference: what remains is the function of the prediction.
"""

from __future__ import annotations

from zoo.errors import ExportError
from zoo.onnx.context import Context, Translator
from zoo.onnx.operators.elementwise import same
from zoo.onnx.symbol import Node

_LOWEST = -3e38


def _softmax(op_type: str, *, sign: float = 1.0) -> Translator:
    def translate(node: Node, ctx: Context) -> str:
        temperature = sign * (node.attributes.value("temperature") or 1.0)
        axis, dtype = node.attributes.integer("axis", -1), ctx.output().dtype
        node.attributes.ignore("dtype")
        data = ctx.cast(ctx.inputs[0], dtype, ctx.dtype())
        if temperature != 1:
            data = ctx.emit("Div", data, ctx.scalar(temperature, dtype))
        if not node.attributes.flag("use_length", False):
            return ctx.emit(op_type, data, axis=axis)
        return _within(ctx, data, axis % ctx.rank(), dtype)

    return translate


def is_plain(node: Node) -> bool:
    """Whether a softmax is over all of the last axis, without a temperature."""
    attributes = node.attributes
    whole = not attributes.flag("use_length", False) and attributes.integer("axis", -1) == -1
    named = (attributes.text(name) != "None" for name in ("temperature", "dtype"))
    return whole and not any(named)


def _within(ctx: Context, data: str, axis: int, dtype: str) -> str:
    """Over the first elements only, as many as the second input tells; zeros beyond."""
    count = ctx.emit("Squeeze", ctx.size(0, axis), ctx.int64([0]))
    steps = ctx.emit("Range", ctx.scalar(0, "int64"), count, ctx.scalar(1, "int64"))
    column = [1] * ctx.rank()
    column[axis] = -1
    steps = ctx.emit("Reshape", steps, ctx.int64(column))
    lengths = ctx.emit("Unsqueeze", ctx.inputs[1], ctx.int64([axis]))
    inside = ctx.emit("Less", steps, ctx.cast(lengths, "int64", ctx.dtype(1)))
    masked = ctx.emit("Where", inside, data, ctx.scalar(_LOWEST, dtype))
    return ctx.emit("Where", inside, ctx.emit("Softmax", masked, axis=axis), ctx.scalar(0, dtype))


def softmax_activation(node: Node, ctx: Context) -> str:
    channels = node.attributes.text("mode", "instance") == "channel"
    return ctx.emit("Softmax", *ctx.inputs, axis=1 if channels else -1)


_TRAINING = (
    "grad_scale",
    "ignore_label",
    "use_ignore",
    "normalization",
    "out_grad",
    "smooth_alpha",
    "valid_thresh",
    "margin",
    "regularization_coefficient",
    "use_linear",
)


def softmax_output(node: Node, ctx: Context) -> str:
    node.attributes.ignore(*_TRAINING)
    channels = node.attributes.flag("multi_output", False)
    last = node.attributes.flag("preserve_shape", False)
    if ctx.rank() > 2 and not channels and not last:
        raise ExportError(
            f"{node.label}: a softmax over all axes but the first is not supported: set "
            "preserve_shape (the last axis) or multi_output (the channels)."
        )
    return ctx.emit("Softmax", ctx.inputs[0], axis=1 if channels else -1)


def _prediction(op_type: str | None) -> Translator:
    def translate(node: Node, ctx: Context) -> str:
        node.attributes.ignore(*_TRAINING)
        data = ctx.inputs[0]
        return data if op_type is None else ctx.emit(op_type, data)

    return translate


def softmax_cross_entropy(node: Node, ctx: Context) -> str:
    """The sum over the batch."""
    logs = ctx.emit("LogSoftmax", ctx.inputs[0], axis=-1)
    labels = ctx.cast(ctx.inputs[1], "int64", ctx.dtype(1))
    each = ctx.emit("GatherElements", logs, ctx.emit("Unsqueeze", labels, ctx.int64([1])), axis=1)
    total = ctx.emit("ReduceSum", ctx.emit("Neg", each), keepdims=0)
    return ctx.emit("Reshape", total, ctx.int64([1]))


HEADS: dict[str, Translator] = {
    "LinearRegressionOutput": _prediction(None),
    "LogisticRegressionOutput": _prediction("Sigmoid"),
    "MAERegressionOutput": _prediction(None),
    "SVMOutput": _prediction(None),
    "SoftmaxOutput": softmax_output,
}
OPERATORS: dict[str, Translator] = {
    **HEADS,
    "IdentityAttachKLSparseReg": _prediction(None),
    "MakeLoss": _prediction(None),
    "SoftmaxActivation": softmax_activation,
    "log_softmax": _softmax("LogSoftmax"),
    "make_loss": same,
    "softmax": _softmax("Softmax"),
    "softmax_cross_entropy": softmax_cross_entropy,
    "softmin": _softmax("Softmax", sign=-1.0),
}
