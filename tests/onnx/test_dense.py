"""Dense: one Gemm, or MatMul and Add beyond rank 2."""

from __future__ import annotations

import pytest

pytest.importorskip("zoo._mxnet", reason="needs MXNet", exc_type=ImportError)

from layers import ACTIVATIONS, CUBE, IMAGE, ROW, Case, check, over

from zoo._mxnet import nn

CASES = [
    Case("rank_2", lambda: nn.Dense(3), ROW, "Gemm"),
    Case("no_bias", lambda: nn.Dense(3, use_bias=False), ROW, "Gemm"),
    Case("flattens", lambda: nn.Dense(3), IMAGE, "Flatten Gemm"),
    Case("not_flattened_rank_2", lambda: nn.Dense(3, flatten=False), ROW, "Gemm"),
    Case("rank_3", lambda: nn.Dense(3, flatten=False), CUBE, "MatMul Add"),
    Case("rank_4", lambda: nn.Dense(3, flatten=False), IMAGE, "MatMul Add"),
    Case("rank_3_no_bias", lambda: nn.Dense(3, flatten=False, use_bias=False), CUBE, "MatMul"),
    *(
        Case(kind, lambda kind=kind: nn.Dense(3, activation=kind), ROW, f"Gemm {operator}")
        for kind, operator in ACTIVATIONS.items()
    ),
]


@over(CASES)
def test_dense(case: Case, opset: int) -> None:
    model = check(case, opset)
    assert {one.name for one in model.graph.initializer} >= {"weight"} or "MatMul" in case.operators


def test_the_weight_of_a_matmul_is_turned_once_at_export() -> None:
    model = check(next(case for case in CASES if case.name == "rank_3"), 21)
    assert [one.name for one in model.graph.initializer] == ["bias", "weight_transposed"]
