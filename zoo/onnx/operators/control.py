"""Control flow: foreach is a Scan, while_loop a Loop, cond an If."""

from __future__ import annotations

from collections.abc import Sequence

from zoo.onnx.context import Context, Translator
from zoo.onnx.graph import OnnxGraph
from zoo.onnx.shapes import TensorType
from zoo.onnx.symbol import Node


def _places(node: Node, name: str) -> list[int]:
    return [int(place) for place in node.attributes.value(name, ())]


def foreach(node: Node, ctx: Context) -> list[str]:
    """The body runs for every part of axis 0; its states go from one run to the next."""
    node.attributes.ignore("num_args", "num_outputs")
    outputs = node.attributes.integer("num_out_data", 0)
    parts, states, others = (
        _places(node, f"{name}_locs") for name in ("in_data", "in_state", "remain")
    )
    outer = ctx.inputs
    scope = ctx.scope(0)
    body = ctx.body()
    names = [""] * len(scope.arguments)
    for place, source in zip(others, outer[len(parts) + len(states) :], strict=True):
        names[place] = source
    for place in (*states, *parts):
        names[place] = body.add_argument(scope.arguments[place], scope.argument_type(place))
    results = _translated(ctx, body, 0, names)
    ordered = results[outputs:] + results[:outputs]
    begin = outer[len(parts) : len(parts) + len(states)]
    graph = body.body_proto([(name, kind) for name, kind in ordered])
    produced = ctx.emit_many(
        "Scan",
        *begin,
        *outer[: len(parts)],
        outputs=len(ordered),
        body=graph,
        num_scan_inputs=len(parts),
    )
    return produced[len(states) :] + produced[: len(states)]


def _translated(
    ctx: Context, body: OnnxGraph, place: int, names: Sequence[str]
) -> list[tuple[str, TensorType]]:
    """The body's results, each made by a node of its own within it."""
    results = ctx.translate_body(place, body, names)
    return [(body.own(name, ctx.name), kind) for name, kind in results]


def while_loop(node: Node, ctx: Context) -> list[str]:
    """Outputs of the steps, filled up with zeros to the largest number of steps, and variables."""
    attributes = node.attributes
    attributes.ignore("num_args", "num_outputs")
    most, outputs = attributes.integer("max_iterations", 0), attributes.integer("num_out_data", 0)
    asked, taken = _places(node, "cond_input_locs"), _places(node, "func_input_locs")
    variables = _places(node, "func_var_locs")
    outer = ctx.inputs
    scope = ctx.scope(1)
    body = ctx.body()
    step = body.add_argument("step", TensorType((), "int64"))
    going = body.add_argument("going", TensorType((), "bool"))
    names = [outer[place] for place in taken]
    for place in variables:
        names[place] = body.add_argument(scope.arguments[place], scope.argument_type(place))
    results = _translated(ctx, body, 1, names)
    after = dict(zip([taken[place] for place in variables], results[outputs:], strict=True))
    question = [after[place][0] if place in after else outer[place] for place in asked]
    go_on = _flag(ctx, body, question)
    graph = body.body_proto(
        [(go_on, TensorType((), "bool")), *results[outputs:], *results[:outputs]]
    )
    first = ctx.body_in_place(0, [outer[place] for place in asked])
    start = ctx.emit("Reshape", ctx.emit("Cast", first, to=9), ctx.int64([]))
    begin = [outer[taken[place]] for place in variables]
    limit = ctx.scalar(most, "int64")
    produced = ctx.emit_many("Loop", limit, start, *begin, outputs=len(results), body=graph)
    del step, going
    last, steps = produced[: len(variables)], produced[len(variables) :]
    return [*(_filled_up(ctx, one, most, k) for k, one in enumerate(steps)), *last]


def _flag(ctx: Context, body: OnnxGraph, question: Sequence[str]) -> str:
    """The condition as one truth value."""
    ((name, _),) = ctx.translate_body(0, body, question)
    (flag,) = body.add_node("Cast", [name], f"{ctx.name}/Cast", to=9)
    (scalar,) = body.add_node("Reshape", [flag, ctx.int64([])], f"{ctx.name}/Reshape")
    return scalar


def _filled_up(ctx: Context, steps: str, most: int, place: int) -> str:
    rank = len(ctx.output(place).shape)
    count = ctx.emit("Shape", steps, start=0, end=1)
    missing = ctx.emit("Sub", ctx.int64([most]), count)
    ends = [ctx.int64([0] * rank), missing, ctx.int64([0] * (rank - 1))]
    return ctx.emit("Pad", steps, ctx.emit("Concat", *(end for end in ends if end), axis=0))


def cond(node: Node, ctx: Context) -> list[str]:
    node.attributes.ignore("num_args", "num_outputs")
    outer = ctx.inputs
    asked, then, other = (_places(node, f"{name}_input_locs") for name in ("cond", "then", "else"))
    answer = ctx.body_in_place(0, [outer[place] for place in asked])
    flag = ctx.emit("Reshape", ctx.emit("Cast", answer, to=9), ctx.int64([]))
    branches = []
    for place, taken in ((1, then), (2, other)):
        body = ctx.body()
        results = _translated(ctx, body, place, [outer[one] for one in taken])
        branches.append((body.body_proto(results), len(results)))
    (yes, count), (no, _) = branches
    return ctx.emit_many("If", flag, outputs=count, then_branch=yes, else_branch=no)


OPERATORS: dict[str, Translator] = {
    "_cond": cond,
    "_foreach": foreach,
    "_while_loop": while_loop,
}
