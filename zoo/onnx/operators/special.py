"""Gamma, its logarithm, and the inverse of erf, which ONNX lacks, in double precision."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from zoo.errors import ExportError
from zoo.onnx.context import Context, Translator
from zoo.onnx.symbol import Node

_DOUBLE = "float64"

# Lanczos' series for g = 7, as in Numerical Recipes and Boost
_G = 7.0
_SERIES = (
    676.5203681218851,
    -1259.1392167224028,
    771.32342877765313,
    -176.61502916214059,
    12.507343278686905,
    -0.13857109526572012,
    9.9843695780195716e-6,
    1.5056327351493116e-7,
)
_FIRST = 0.99999999999980993

# Wichura, Algorithm AS 241 (1988): the normal quantile as quotients of polynomials, lowest first
_MIDDLE = (
    (
        3.3871328727963666080e0,
        1.3314166789178437745e2,
        1.9715909503065514427e3,
        1.3731693765509461125e4,
        4.5921953931549871457e4,
        6.7265770927008700853e4,
        3.3430575583588128105e4,
        2.5090809287301226727e3,
    ),
    (
        1.0,
        4.2313330701600911252e1,
        6.8718700749205790830e2,
        5.3941960214247511077e3,
        2.1213794301586595867e4,
        3.9307895800092710610e4,
        2.8729085735721942674e4,
        5.2264952788528545610e3,
    ),
)
_TAIL = (
    (
        1.42343711074968357734e0,
        4.63033784615654529590e0,
        5.76949722146069140550e0,
        3.64784832476320460504e0,
        1.27045825245236838258e0,
        2.41780725177450611770e-1,
        2.27238449892691845833e-2,
        7.74545014278341407640e-4,
    ),
    (
        1.0,
        2.05319162663775882187e0,
        1.67638483018380384940e0,
        6.89767334985100004550e-1,
        1.48103976427480074590e-1,
        1.51986665636164571966e-2,
        5.47593808499534494600e-4,
        1.05075007164441684324e-9,
    ),
)


def _number(ctx: Context, value: float) -> str:
    return ctx.scalar(value, _DOUBLE)


def in_double(function: Callable[[Context, str], str]) -> Translator:
    """A function of one tensor, computed in float64."""

    def translate(node: Node, ctx: Context) -> str:
        if not ctx.output().dtype.startswith("float"):
            raise ExportError(f"{node.label}: a {ctx.dtype()} input is not supported.")
        (data,) = ctx.converted(_DOUBLE)
        return ctx.cast(function(ctx, data), ctx.output().dtype, _DOUBLE)

    return translate


def _log_gamma_above(ctx: Context, data: str) -> str:
    """The logarithm of gamma from 0.5 on."""
    less = ctx.emit("Sub", data, _number(ctx, 1))
    total = _number(ctx, _FIRST)
    for place, factor in enumerate(_SERIES, 1):
        part = ctx.emit("Add", less, _number(ctx, place))
        total = ctx.emit("Add", total, ctx.emit("Div", _number(ctx, factor), part))
    shifted = ctx.emit("Add", less, _number(ctx, _G + 0.5))
    power = ctx.emit("Mul", ctx.emit("Add", less, _number(ctx, 0.5)), ctx.emit("Log", shifted))
    rest = ctx.emit("Sub", ctx.emit("Log", total), shifted)
    constant = _number(ctx, 0.5 * math.log(2 * math.pi))
    return ctx.emit("Add", ctx.emit("Add", power, rest), constant)


def _reflected(ctx: Context, data: str) -> tuple[str, str, str]:
    """Where 1 - x stands for x, the logarithm of its gamma, and the size of sin(pi x)."""
    low = ctx.emit("Less", data, _number(ctx, 0.5))
    mirrored = ctx.emit("Sub", _number(ctx, 1), data)
    logarithm = _log_gamma_above(ctx, ctx.emit("Where", low, mirrored, data))
    fraction = ctx.emit("Sub", data, ctx.emit("Floor", data))
    return low, logarithm, ctx.emit("Sin", ctx.emit("Mul", fraction, _number(ctx, math.pi)))


def gammaln(ctx: Context, data: str) -> str:
    low, logarithm, sine = _reflected(ctx, data)
    other = ctx.emit("Sub", _number(ctx, math.log(math.pi)), ctx.emit("Log", sine))
    return ctx.emit("Where", low, ctx.emit("Sub", other, logarithm), logarithm)


def gamma(ctx: Context, data: str) -> str:
    """pi / (sin(pi x) gamma(1 - x)) below 0.5; not a number at negative integers."""
    low, logarithm, sine = _reflected(ctx, data)
    above = ctx.emit("Exp", logarithm)
    odd = ctx.emit("Mod", ctx.emit("Abs", ctx.emit("Floor", data)), _number(ctx, 2), fmod=1)
    sign = ctx.emit("Sub", _number(ctx, 1), ctx.emit("Mul", odd, _number(ctx, 2)))
    product = ctx.emit("Mul", ctx.emit("Mul", sine, sign), above)
    below = ctx.emit("Div", _number(ctx, math.pi), product)
    pole = ctx.emit("And", ctx.emit("Equal", sine, _number(ctx, 0)), _negative(ctx, data))
    below = ctx.emit("Where", pole, _number(ctx, math.nan), below)
    return ctx.emit("Where", low, below, above)


def _negative(ctx: Context, data: str) -> str:
    return ctx.emit("Less", data, _number(ctx, 0))


def erfinv(ctx: Context, data: str) -> str:
    """The normal quantile of (1 + x) / 2 over the square root of 2."""
    size = ctx.emit("Mul", ctx.emit("Abs", data), _number(ctx, 0.5))
    near = ctx.emit("LessOrEqual", size, _number(ctx, 0.425))
    inner = ctx.emit("Sub", _number(ctx, 0.180625), ctx.emit("Mul", size, size))
    middle = ctx.emit("Mul", size, _quotient(ctx, inner, _MIDDLE))
    beyond = ctx.emit("Sub", _number(ctx, 0.5), size)
    root = ctx.emit("Sqrt", ctx.emit("Neg", ctx.emit("Log", beyond)))
    tail = _quotient(ctx, ctx.emit("Sub", root, _number(ctx, 1.6)), _TAIL)
    tail = ctx.emit("Where", ctx.emit("Equal", beyond, _number(ctx, 0)), _infinity(ctx), tail)
    quantile = ctx.emit("Where", near, middle, tail)
    scaled = ctx.emit("Mul", quantile, _number(ctx, math.sqrt(0.5)))
    return ctx.emit("Mul", scaled, ctx.emit("Sign", data))


def _infinity(ctx: Context) -> str:
    return _number(ctx, math.inf)


def _quotient(ctx: Context, data: str, terms: Sequence[Sequence[float]]) -> str:
    one, other = (_polynomial(ctx, data, factors) for factors in terms)
    return ctx.emit("Div", one, other)


def _polynomial(ctx: Context, data: str, factors: Sequence[float]) -> str:
    total = _number(ctx, factors[-1])
    for factor in reversed(factors[:-1]):
        total = ctx.emit("Add", ctx.emit("Mul", total, data), _number(ctx, factor))
    return total


OPERATORS: dict[str, Translator] = {
    "erfinv": in_double(erfinv),
    "gamma": in_double(gamma),
    "gammaln": in_double(gammaln),
}
