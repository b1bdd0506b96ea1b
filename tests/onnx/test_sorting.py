"""topk in every mode, sort and argsort; every element of a row has a value of its own."""

from __future__ import annotations

import pytest

pytest.importorskip("zoo._mxnet", reason="needs MXNet", exc_type=ImportError)

from typing import Any

from layers import CUBE, ROW, Case, check, function, over

from zoo._mxnet import nn
from zoo.errors import ExportError
from zoo.onnx import to_model

KINDS = ("indices", "value", "both", "mask")
ROWS: dict[str, dict[str, Any]] = {
    "last_axis": {"k": 3},
    "middle_axis": {"k": 2, "axis": 1},
    "ascending": {"k": 2, "is_ascend": True},
    "all": {"k": 0},
}
CASES = [
    *(
        Case(
            f"topk_{kind}_{row}",
            function(lambda F, x, kind=kind, row=row: F.topk(x, ret_typ=kind, **ROWS[row])),
            CUBE,
        )
        for kind in KINDS
        for row in ROWS
    ),
    *(
        Case(
            f"topk_flat_{kind}",
            function(lambda F, x, kind=kind: F.topk(x, k=2, axis=None, ret_typ=kind)),
            CUBE,
        )
        for kind in KINDS[:3]
    ),
    Case("topk_dtype", function(lambda F, x: F.topk(x, k=2, dtype="int64")), ROW),
    Case("sort", function(lambda F, x: F.sort(x)), CUBE),
    Case("sort_axis", function(lambda F, x: F.sort(x, axis=1, is_ascend=False)), CUBE),
    Case("sort_flat", function(lambda F, x: F.sort(x, axis=None)), CUBE),
    Case("argsort", function(lambda F, x: F.argsort(x)), CUBE),
    Case("argsort_axis", function(lambda F, x: F.argsort(x, axis=0, is_ascend=False)), CUBE),
    Case("argsort_flat", function(lambda F, x: F.argsort(x, axis=None, dtype="int32")), CUBE),
]


@over(CASES)
def test_sorting(case: Case, opset: int) -> None:
    check(case, opset)


def test_a_mask_of_all_axes_is_refused() -> None:
    layer = nn.HybridLambda(lambda F, x: F.topk(x, k=2, axis=None, ret_typ="mask"))
    with pytest.raises(ExportError, match="needs an axis"):
        to_model(layer, inputs=ROW)
