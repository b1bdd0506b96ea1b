"""BatchNorm with running statistics, and LayerNorm, on any axis."""

from __future__ import annotations

import pytest

pytest.importorskip("zoo._mxnet", reason="needs MXNet", exc_type=ImportError)

from layers import CUBE, IMAGE, LINE, ROW, Case, check, function, over

from zoo._mxnet import nn
from zoo.errors import ExportError
from zoo.onnx import to_model

BATCH, LAYER = "BatchNormalization", "LayerNormalization"
CASES = [
    Case("rank_4", nn.BatchNorm, IMAGE, BATCH),
    Case("rank_3", nn.BatchNorm, LINE, BATCH),
    Case("rank_2", nn.BatchNorm, ROW, BATCH),
    Case("epsilon", lambda: nn.BatchNorm(epsilon=0.1), IMAGE, BATCH),
    Case("fix_gamma", lambda: nn.BatchNorm(scale=False), IMAGE, BATCH),
    Case("no_center", lambda: nn.BatchNorm(center=False), IMAGE, BATCH),
    Case("global_statistics", lambda: nn.BatchNorm(use_global_stats=True), IMAGE, BATCH),
    Case("last_axis", lambda: nn.BatchNorm(axis=-1), IMAGE, f"Transpose {BATCH} Transpose"),
    Case("layer", nn.LayerNorm, CUBE, LAYER),
    Case("layer_rank_2", nn.LayerNorm, ROW, LAYER),
    Case(
        "layer_axis_1",
        lambda: nn.LayerNorm(axis=1, epsilon=0.01),
        IMAGE,
        f"Transpose {LAYER} Transpose",
    ),
    Case("layer_plain", lambda: nn.LayerNorm(scale=False, center=False), ROW, LAYER),
]


@over(CASES)
def test_normalization(case: Case, opset: int) -> None:
    check(case, opset)


def test_a_fixed_gamma_is_one_whatever_its_value() -> None:
    model = check(next(case for case in CASES if case.name == "fix_gamma"), 21)
    assert "gamma" not in {one.name for one in model.graph.initializer}


def test_mean_and_variance_as_outputs_are_refused() -> None:
    layer = function(lambda F, x: F.LayerNorm(x, F.ones((6,)), F.zeros((6,)), output_mean_var=True))
    with pytest.raises(ExportError, match="output_mean_var"):
        to_model(layer(), inputs=ROW)
