"""Products of matrices."""

from __future__ import annotations

from zoo.errors import ExportError
from zoo.onnx.context import Context, Translator
from zoo.onnx.symbol import Node


def dot(node: Node, ctx: Context) -> str:
    """The last axis of one with the first of the other.

    Transposed, the first axis of one comes last, and the last axis of the other first.
    """
    node.attributes.ignore("forward_stype")
    one, other = ctx.inputs
    if node.attributes.flag("transpose_a", False):
        one = ctx.transpose(one, [*range(1, ctx.rank()), 0])
    last = ctx.rank(1) - 1
    if node.attributes.flag("transpose_b", False):
        other = ctx.transpose(other, [last, *range(last)])
    if ctx.rank() == 1 and ctx.rank(1) == 1:
        return ctx.reshape(ctx.emit("MatMul", one, other), ctx.output().shape)
    if ctx.rank(1) <= 2:
        return ctx.emit("MatMul", one, other)
    length = ctx.shape(1)[-1 if node.attributes.flag("transpose_b", False) else 0]
    flat = ctx.reshape(other, (length, None))
    return ctx.reshape(ctx.emit("MatMul", one, flat), ctx.output().shape)


def swap_last(ctx: Context, tensor: str, rank: int) -> str:
    """`tensor` with its last two axes exchanged."""
    return ctx.transpose(tensor, [*range(rank - 2), rank - 1, rank - 2])


def batch_dot(node: Node, ctx: Context) -> str:
    node.attributes.ignore("forward_stype")
    return ctx.emit("MatMul", *_factors(node, ctx))


def _factors(node: Node, ctx: Context) -> list[str]:
    factors = ctx.inputs[:2]
    for place, flag in enumerate(("transpose_a", "transpose_b")):
        if node.attributes.flag(flag, False):
            factors[place] = swap_last(ctx, factors[place], ctx.rank(place))
    return factors


def _scaled(ctx: Context, tensor: str, factor: float) -> str:
    return tensor if factor == 1 else ctx.emit("Mul", tensor, ctx.scalar(factor))


def _check_axis(node: Node, ctx: Context) -> None:
    if node.attributes.integer("axis", -2) % ctx.rank() != ctx.rank() - 2:
        raise ExportError(f"{node.label}: axis={node.attributes['axis']} is not supported.")


def gemm2(node: Node, ctx: Context) -> str:
    _check_axis(node, ctx)
    product = ctx.emit("MatMul", *_factors(node, ctx))
    return _scaled(ctx, product, node.attributes.number("alpha", 1))


def gemm(node: Node, ctx: Context) -> str:
    product = gemm2(node, ctx)
    added = _scaled(ctx, ctx.inputs[2], node.attributes.number("beta", 1))
    return ctx.emit("Add", product, added)


def syrk(node: Node, ctx: Context) -> str:
    """A A^T, or A^T A."""
    (data,) = ctx.inputs
    turned = swap_last(ctx, data, ctx.rank())
    pair = (turned, data) if node.attributes.flag("transpose", False) else (data, turned)
    return _scaled(ctx, ctx.emit("MatMul", *pair), node.attributes.number("alpha", 1))


def determinant(node: Node, ctx: Context) -> list[str]:
    return [ctx.reshape(ctx.emit("Det", *ctx.inputs), ctx.output().shape)]


def khatri_rao(node: Node, ctx: Context) -> str:
    """Columns multiplied with each other, every row of one by every row of the next."""
    node.attributes.ignore("num_args")
    product, *others = ctx.inputs
    for other in others:
        rows = ctx.emit("Unsqueeze", product, ctx.int64([1]))
        each = ctx.emit("Mul", rows, ctx.emit("Unsqueeze", other, ctx.int64([0])))
        product = ctx.reshape(each, (None, ctx.output().shape[1]))
    return product


OPERATORS: dict[str, Translator] = {
    "_linalg_det": determinant,
    "_linalg_gemm": gemm,
    "_linalg_gemm2": gemm2,
    "_linalg_syrk": syrk,
    "batch_dot": batch_dot,
    "dot": dot,
    "khatri_rao": khatri_rao,
}
