"""Convolutions in one to three dimensions: always one Conv."""

from __future__ import annotations

import pytest

pytest.importorskip("zoo._mxnet", reason="needs MXNet", exc_type=ImportError)

from layers import IMAGE, LINE, VOLUME, Case, check, function, over

from zoo._mxnet import nn

CASES = [
    Case("conv1d", lambda: nn.Conv1D(3, 3, 2, 1, 2), LINE),
    Case("conv2d", lambda: nn.Conv2D(3, (3, 2)), IMAGE),
    Case("strides", lambda: nn.Conv2D(3, 3, strides=(2, 3)), IMAGE),
    Case("padding", lambda: nn.Conv2D(3, 3, padding=(2, 1)), IMAGE),
    Case("dilation", lambda: nn.Conv2D(3, 3, dilation=(2, 3)), IMAGE),
    Case("all_at_once", lambda: nn.Conv2D(3, (2, 3), (2, 1), (1, 2), (1, 2)), IMAGE),
    Case("groups", lambda: nn.Conv2D(6, 3, groups=2), IMAGE),
    Case("depthwise", lambda: nn.Conv2D(8, 3, groups=4), IMAGE),
    Case("no_bias", lambda: nn.Conv2D(3, 1, use_bias=False), IMAGE),
    Case("conv3d", lambda: nn.Conv3D(3, (1, 2, 3), (2, 1, 2), 1), VOLUME),
    Case("free_height", lambda: nn.Conv2D(3, 3), ("batch", 2, "time", 9)),
    Case(
        "defaults",
        function(lambda F, x, w: F.Convolution(x, w, kernel=(3, 3), num_filter=2, no_bias=True)),
        [IMAGE, (2, 4, 3, 3)],
    ),
]


@over(CASES)
def test_convolution(case: Case, opset: int) -> None:
    model = check(case, opset)
    assert [node.op_type for node in model.graph.node] == ["Conv"]


@pytest.mark.parametrize("opset", [17, 21])
def test_an_activation_follows(opset: int) -> None:
    check(Case("relu", lambda: nn.Conv2D(3, 3, activation="relu"), IMAGE, "Conv Relu"), opset)
