"""Functions of one tensor, element by element."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from zoo.errors import ExportError
from zoo.onnx.context import Context, Translator
from zoo.onnx.specs import DTYPES
from zoo.onnx.symbol import Node

Function = Callable[[Context, str], str]

_NAMED = {
    "abs": "Abs",
    "arccos": "Acos",
    "arccosh": "Acosh",
    "arcsin": "Asin",
    "arcsinh": "Asinh",
    "arctan": "Atan",
    "arctanh": "Atanh",
    "ceil": "Ceil",
    "cos": "Cos",
    "cosh": "Cosh",
    "erf": "Erf",
    "exp": "Exp",
    "floor": "Floor",
    "log": "Log",
    "negative": "Neg",
    "reciprocal": "Reciprocal",
    "relu": "Relu",
    "sigmoid": "Sigmoid",
    "sign": "Sign",
    "sin": "Sin",
    "sinh": "Sinh",
    "softsign": "Softsign",
    "sqrt": "Sqrt",
    "tan": "Tan",
    "tanh": "Tanh",
}
_FACTORS = {"degrees": 180 / math.pi, "radians": math.pi / 180}
_LOGARITHMS = {"log10": 10.0, "log2": 2.0}


def _number(ctx: Context, value: float) -> str:
    return ctx.scalar(value, ctx.output().dtype)


def _named(op_type: str) -> Function:
    return lambda ctx, data: ctx.emit(op_type, data)


def _times(factor: float) -> Function:
    return lambda ctx, data: ctx.emit("Mul", data, _number(ctx, factor))


def _logarithm(base: float) -> Function:
    return lambda ctx, data: ctx.emit("Div", ctx.emit("Log", data), _number(ctx, math.log(base)))


def square(ctx: Context, data: str) -> str:
    return ctx.emit("Mul", data, data)


def rsqrt(ctx: Context, data: str) -> str:
    return ctx.emit("Reciprocal", ctx.emit("Sqrt", data))


def cbrt(ctx: Context, data: str) -> str:
    root = ctx.emit("Pow", ctx.emit("Abs", data), _number(ctx, 1 / 3))
    return ctx.emit("Mul", ctx.emit("Sign", data), root)


def rcbrt(ctx: Context, data: str) -> str:
    return ctx.emit("Reciprocal", cbrt(ctx, data))


def log1p(ctx: Context, data: str) -> str:
    """log(1 + x), also where 1 + x rounds to 1 or to x: log(u) * (x / (u - 1)) with u = 1 + x."""
    one = _number(ctx, 1)
    grown = ctx.emit("Add", data, one)
    rest, log = ctx.emit("Sub", grown, one), ctx.emit("Log", grown)
    ratio = ctx.emit("Mul", log, ctx.emit("Div", data, rest))
    large = ctx.emit("Where", ctx.emit("Equal", grown, data), log, ratio)
    return ctx.emit("Where", ctx.emit("Equal", rest, _number(ctx, 0)), data, large)


def expm1(ctx: Context, data: str) -> str:
    """exp(x) - 1 as 2 sinh(x/2) exp(x/2), which loses nothing near 0; -1 from -60 down."""
    half = ctx.emit("Max", ctx.emit("Mul", data, _number(ctx, 0.5)), _number(ctx, -30))
    product = ctx.emit("Mul", ctx.emit("Sinh", half), ctx.emit("Exp", half))
    return ctx.emit("Mul", product, _number(ctx, 2))


def trunc(ctx: Context, data: str) -> str:
    whole = ctx.emit("Floor", ctx.emit("Abs", data))
    return ctx.emit("Mul", ctx.emit("Sign", data), whole)


def round_half_away(ctx: Context, data: str) -> str:
    size = ctx.emit("Abs", data)
    whole = ctx.emit("Floor", size)
    up = ctx.emit("GreaterOrEqual", ctx.emit("Sub", size, whole), _number(ctx, 0.5))
    nearest = ctx.emit("Where", up, ctx.emit("Add", whole, _number(ctx, 1)), whole)
    return ctx.emit("Mul", ctx.emit("Sign", data), nearest)


def rint(ctx: Context, data: str) -> str:
    """To the nearest integer; MXNet takes the lower one of two that are equally near."""
    low, high = ctx.emit("Floor", data), ctx.emit("Ceil", data)
    down = ctx.emit("LessOrEqual", ctx.emit("Sub", data, low), ctx.emit("Sub", high, data))
    return ctx.emit("Where", down, low, high)


FUNCTIONS: dict[str, Function] = {
    **{name: _named(op_type) for name, op_type in _NAMED.items()},
    **{name: _times(factor) for name, factor in _FACTORS.items()},
    **{name: _logarithm(base) for name, base in _LOGARITHMS.items()},
    "cbrt": cbrt,
    "expm1": expm1,
    "fix": trunc,
    "log1p": log1p,
    "rcbrt": rcbrt,
    "rint": rint,
    "round": round_half_away,
    "rsqrt": rsqrt,
    "square": square,
    "trunc": trunc,
}


_WHOLE = ("ceil", "fix", "floor", "rint", "round", "trunc")  # change no integer
_OF_INTEGERS = ("abs", "negative", "relu", "sign", "square")


def elementwise(name: str) -> Translator:
    """A function of `FUNCTIONS`; of integers only where the answer is one."""

    def translate(node: Node, ctx: Context) -> str:
        dtype = ctx.output().dtype
        (data,) = ctx.converted(dtype)
        if not dtype.startswith("float"):
            if name in _WHOLE:
                return data
            if name not in _OF_INTEGERS:
                raise ExportError(f"{node.label}: a {ctx.dtype()} input is not supported.")
        return FUNCTIONS[name](ctx, data)

    return translate


def clip(node: Node, ctx: Context) -> str:
    """Between two numbers, which MXNet cuts to integers where the input holds some."""
    texts = [node.attributes.text(name) for name in ("a_min", "a_max")]
    low, high = (math.nan if text == "None" else float(text) for text in texts)
    if not ctx.dtype().startswith("float"):
        low, high = _within(node, low, high, ctx.dtype())
    bounds = [ctx.scalar(limit) if math.isfinite(limit) else "" for limit in (low, high)]
    return ctx.emit("Clip", *ctx.inputs, *bounds)


def _within(node: Node, low: float, high: float, dtype: str) -> tuple[float, float]:
    """The bounds as integers of the dtype; a bound that none of them reaches is none."""
    least, most = np.iinfo(dtype).min, np.iinfo(dtype).max
    low, high = (math.trunc(one) if math.isfinite(one) else one for one in (low, high))
    if low > most or high < least:
        raise ExportError(f"{node.label}: no {dtype} lies between {low} and {high}.")
    return (low if low > least else -math.inf), (high if high < most else math.inf)


def cast(node: Node, ctx: Context) -> str:
    node.attributes.ignore("dtype")
    dtype = ctx.output().dtype
    if dtype not in DTYPES:
        raise ExportError(f"{node.label}: dtype={dtype!r} is not supported.")
    return ctx.cast(ctx.inputs[0], dtype, ctx.dtype())


def amp_multicast(node: Node, ctx: Context) -> list[str]:
    node.attributes.ignore("num_outputs", "cast_narrow")
    return [
        ctx.cast(one, ctx.output(place).dtype, ctx.dtype(place))
        for place, one in enumerate(ctx.inputs)
    ]


def same(node: Node, ctx: Context) -> str:
    """What changes nothing in inference, and so needs no ONNX node."""
    node.attributes.ignore("scalar", "stype")
    return ctx.inputs[0]


def dropout(node: Node, ctx: Context) -> str:
    node.attributes.ignore("p", "axes")
    if node.attributes.text("mode", "training") != "training":
        raise ExportError(f"{node.label}: mode='always' drops at random in inference too.")
    return ctx.inputs[0]


def hard_sigmoid(node: Node, ctx: Context) -> str:
    alpha, beta = node.attributes.number("alpha", 0.2), node.attributes.number("beta", 0.5)
    return ctx.emit("HardSigmoid", *ctx.inputs, alpha=alpha, beta=beta)


def smooth_l1(node: Node, ctx: Context) -> str:
    """(s x)^2 / 2 where |x| < 1 / s^2, else |x| - 1 / (2 s^2)."""
    (data,), number = ctx.inputs, node.attributes.number("scalar", 1)
    node.attributes.ignore("is_int")
    square_of = number * number
    if not square_of:
        raise ExportError(f"{node.label}: scalar={number} is not supported: choose a larger one.")
    size = ctx.emit("Abs", data)
    near = ctx.emit("Less", size, ctx.scalar(1 / square_of))
    curve = ctx.emit("Mul", square(ctx, data), ctx.scalar(square_of / 2))
    line = ctx.emit("Sub", size, ctx.scalar(0.5 / square_of))
    return ctx.emit("Where", near, curve, line)


def quadratic(node: Node, ctx: Context) -> str:
    (data,) = ctx.inputs
    a, b, c = (ctx.scalar(node.attributes.number(name, 0)) for name in "abc")
    inner = ctx.emit("Add", ctx.emit("Mul", data, a), b)
    return ctx.emit("Add", ctx.emit("Mul", inner, data), c)


def div_sqrt_dim(node: Node, ctx: Context) -> str:
    """Divided by the square root of the last axis' size."""
    size = ctx.shape()[-1]
    if isinstance(size, int):
        return ctx.emit("Div", *ctx.inputs, ctx.scalar(math.sqrt(size)))
    root = ctx.emit("Sqrt", ctx.cast(ctx.size(0, -1), ctx.dtype()))
    return ctx.emit("Div", *ctx.inputs, root)


OPERATORS: dict[str, Translator] = {
    **{name: elementwise(name) for name in FUNCTIONS},
    "BlockGrad": same,
    "Cast": cast,
    "Dropout": dropout,
    "_CrossDeviceCopy": same,
    "_contrib_div_sqrt_dim": div_sqrt_dim,
    "_contrib_gradientmultiplier": same,
    "_contrib_quadratic": quadratic,
    "_contrib_round_ste": elementwise("round"),
    "_contrib_sign_ste": elementwise("sign"),
    "_copy": same,
    "_identity_with_attr_like_rhs": same,
    "amp_cast": cast,
    "amp_multicast": amp_multicast,
    "cast_storage": same,
    "clip": clip,
    "hard_sigmoid": hard_sigmoid,
    "smooth_l1": smooth_l1,
}
