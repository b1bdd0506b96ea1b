"""Activations and the LeakyReLU family."""

from __future__ import annotations

import pytest

pytest.importorskip("zoo._mxnet", reason="needs MXNet", exc_type=ImportError)

from layers import ACTIVATIONS, IMAGE, ROW, Case, check, function, over

from zoo._mxnet import nn

CASES = [
    *(
        Case(kind, lambda kind=kind: nn.Activation(kind), ROW, operator)
        for kind, operator in ACTIVATIONS.items()
    ),
    Case("leaky", lambda: nn.LeakyReLU(0.3), ROW, "LeakyRelu"),
    Case("leaky_by_default", function(lambda F, x: F.LeakyReLU(x)), ROW, "LeakyRelu"),
    Case(
        "rrelu",
        function(lambda F, x: F.exp(F.LeakyReLU(x, act_type="rrelu")[0])),
        ROW,
        "LeakyRelu Exp",
    ),
    Case("prelu", nn.PReLU, IMAGE, "PRelu"),
    Case("prelu_channels", lambda: nn.PReLU(in_channels=4), IMAGE, "PRelu"),
    Case("prelu_rank_2", lambda: nn.PReLU(in_channels=6), ROW, "PRelu"),
    Case("elu", lambda: nn.ELU(0.7), ROW, "Elu"),
    Case("selu", nn.SELU, ROW, "Selu"),
    Case("gelu", nn.GELU, ROW),
    Case("swish", lambda: nn.Swish(1.5), ROW, "Mul Sigmoid Mul"),
    Case("swish_of_one", nn.Swish, ROW, "Sigmoid Mul"),
]


@over(CASES)
def test_activation(case: Case, opset: int) -> None:
    check(case, opset)


@pytest.mark.parametrize(
    ("opset", "nodes"),
    [(17, 5), (18, 5), (19, 5), (20, 1), (21, 1), (22, 1), (23, 1)],
)
def test_an_operator_of_its_own_where_the_opset_has_one(opset: int, nodes: int) -> None:
    gelu = next(case for case in CASES if case.name == "gelu")
    assert len(check(gelu, opset).graph.node) == nodes
