"""BatchNorm with running statistics, and LayerNorm, on any axis."""

from __future__ import annotations

import pytest

pytest.importorskip("zoo._mxnet", reason="needs MXNet", exc_type=ImportError)

from layers import CUBE, IMAGE, LINE, ROW, VOLUME, Case, check, function, over

from zoo._mxnet import gluon, nn
from zoo.errors import ExportError
from zoo.onnx import to_model

contrib_nn = gluon.contrib.nn
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
    Case("layer_axis_0", lambda: nn.LayerNorm(axis=0), (3, 4, 5)),
    Case("batch_axis_2", lambda: nn.BatchNorm(axis=2), IMAGE),
    Case("volume", nn.BatchNorm, VOLUME, BATCH),
    Case("with_relu", lambda: nn.BatchNormReLU(), IMAGE, f"{BATCH} Relu"),
    Case("synchronized", lambda: contrib_nn.SyncBatchNorm(4, num_devices=1), IMAGE, BATCH),
    Case("instance", nn.InstanceNorm, IMAGE, "InstanceNormalization"),
    Case("instance_rank_3", lambda: nn.InstanceNorm(epsilon=0.1), LINE, "InstanceNormalization"),
    Case("instance_volume", lambda: nn.InstanceNorm(scale=True), VOLUME),
    Case("instance_axis_2", lambda: nn.InstanceNorm(axis=2), IMAGE),
    Case("group", lambda: nn.GroupNorm(2), IMAGE),
    Case("group_of_one", lambda: nn.GroupNorm(4), IMAGE),
    Case("group_of_all", lambda: nn.GroupNorm(1, epsilon=0.1), LINE),
    Case("group_volume", lambda: nn.GroupNorm(2, scale=False), VOLUME),
    *(
        Case(f"l2_{mode}", function(lambda F, x, m=mode: F.L2Normalization(x, mode=m)), IMAGE)
        for mode in ("instance", "channel", "spatial")
    ),
    Case("l2_rank_2", function(lambda F, x: F.L2Normalization(x, eps=0.1)), ROW),
    Case("local_response", function(lambda F, x: F.LRN(x, nsize=3)), IMAGE, "LRN"),
    Case(
        "local_response_constants",
        function(lambda F, x: F.LRN(x, nsize=5, alpha=0.1, beta=0.5, knorm=1)),
        IMAGE,
        "LRN",
    ),
    Case("layer_plain", lambda: nn.LayerNorm(scale=False, center=False), ROW, LAYER),
]


@over(CASES)
def test_normalization(case: Case, opset: int) -> None:
    check(case, opset)


def test_a_fixed_gamma_is_one_whatever_its_value() -> None:
    model = check(next(case for case in CASES if case.name == "fix_gamma"), 21)
    assert "gamma" not in {one.name for one in model.graph.initializer}


def test_an_even_window_of_channels_is_refused() -> None:
    layer = nn.HybridLambda(lambda F, x: F.LRN(x, nsize=4))
    with pytest.raises(ExportError, match="nsize=4 is not supported, only odd numbers"):
        to_model(layer, inputs=IMAGE)


def test_mean_and_variance_as_outputs_are_refused() -> None:
    layer = function(lambda F, x: F.LayerNorm(x, F.ones((6,)), F.zeros((6,)), output_mean_var=True))
    with pytest.raises(ExportError, match="output_mean_var"):
        to_model(layer(), inputs=ROW)
