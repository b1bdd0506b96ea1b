"""Convolutions in one to three dimensions: always one Conv."""

from __future__ import annotations

import pytest

pytest.importorskip("zoo._mxnet", reason="needs MXNet", exc_type=ImportError)

from typing import Any

import numpy as np
from layers import IMAGE, LINE, VOLUME, Case, check, function, over

from zoo._mxnet import nn
from zoo.errors import ExportError, WeightsError
from zoo.onnx import open_session, to_model

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


TRANSPOSED = [
    Case("deconv1d", lambda: nn.Conv1DTranspose(3, 3, 2, 1, 1), LINE),
    Case("deconv2d", lambda: nn.Conv2DTranspose(3, (3, 2)), IMAGE),
    Case("deconv3d", lambda: nn.Conv3DTranspose(3, (1, 2, 3), (2, 1, 2), 0), VOLUME),
    Case("deconv_strides", lambda: nn.Conv2DTranspose(3, 4, strides=2, padding=1), IMAGE),
    Case("deconv_added", lambda: nn.Conv2DTranspose(3, 3, (2, 3), (1, 0), (1, 2)), IMAGE),
    Case(
        "deconv_groups", lambda: nn.Conv2DTranspose(6, 3, strides=2, groups=2, in_channels=4), IMAGE
    ),
    Case(
        "deconv_depthwise", lambda: nn.Conv2DTranspose(4, 4, 2, 1, groups=4, in_channels=4), IMAGE
    ),
    Case("deconv_dilation", lambda: nn.Conv2DTranspose(3, 3, dilation=(2, 3)), IMAGE),
    Case("deconv_no_bias", lambda: nn.Conv2DTranspose(3, 2, use_bias=False), IMAGE),
    Case(
        "deconv3d_groups",
        lambda: nn.Conv3DTranspose(4, 2, 2, 1, 1, groups=2, in_channels=4),
        VOLUME,
    ),
]


@over(TRANSPOSED)
def test_transposed_convolution(case: Case, opset: int) -> None:
    model = check(case, opset)
    assert [node.op_type for node in model.graph.node] == ["ConvTranspose"]


def modulated(F: Any, x: Any, offset: Any, mask: Any, weight: Any, **more: Any) -> Any:
    return F.contrib.ModulatedDeformableConvolution(
        x, offset * 2, F.sigmoid(mask), weight, kernel=(3, 3), num_filter=6, no_bias=True, **more
    )


DEFORMABLE = [
    Case(
        "deformable",
        function(lambda F, *tensors: modulated(F, *tensors, pad=(1, 1))),
        [("batch", 4, 6, 7), ("batch", 18, 6, 7), ("batch", 9, 6, 7), (6, 4, 3, 3)],
        tolerance=5e-6,
    ),
    Case(
        "deformable_groups",
        function(lambda F, *tensors: modulated(F, *tensors, stride=(2, 2), num_deformable_group=2)),
        [("batch", 4, 7, 9), ("batch", 36, 3, 4), ("batch", 18, 3, 4), (6, 4, 3, 3)],
        tolerance=5e-6,
    ),
]


@pytest.mark.parametrize("opset", [19, 21])
@pytest.mark.parametrize("case", DEFORMABLE, ids=lambda case: case.name)
def test_deformable_convolution(case: Case, opset: int) -> None:
    try:
        check(case, opset)
    except WeightsError as error:
        if "implementation for DeformConv" not in str(error):
            raise
        pytest.skip("this ONNX Runtime has no DeformConv: it came after 1.23")


def test_deformable_convolution_is_refused_where_onnx_has_none() -> None:
    with pytest.raises(ExportError, match="needs opset 19"):
        to_model(DEFORMABLE[0].build(), inputs=DEFORMABLE[0].inputs, opset=17)


def test_the_first_kind_of_deformable_convolution_is_refused() -> None:
    layer = nn.HybridLambda(
        lambda F, x, offset, w: F.contrib.DeformableConvolution(
            x, offset, w, kernel=(3, 3), num_filter=6, no_bias=True
        )
    )
    inputs = [("batch", 4, 6, 7), ("batch", 18, 4, 5), (6, 4, 3, 3)]
    with pytest.raises(ExportError, match="borders otherwise"):
        to_model(layer, inputs=inputs)


@pytest.mark.parametrize(("target", "plain"), [((18, 22), {}), ((17, 21), {"adj": (1, 1)})])
def test_a_target_shape_is_padding(target: tuple[int, int], plain: dict[str, Any]) -> None:
    """MXNet itself computes target_shape only where it has other libraries than on this CPU."""

    def model(**arguments: Any) -> bytes:
        layer = nn.HybridLambda(
            lambda F, x, w: F.Deconvolution(
                x, w, kernel=(4, 4), stride=(2, 2), num_filter=3, **arguments
            )
        )
        return to_model(layer, inputs=[(1, 4, 9, 11), (4, 3, 4, 4)]).SerializeToString()

    pad = (2, 2) if plain else (1, 1)
    random = np.random.default_rng(0)
    arrays = {
        "data0": random.standard_normal((1, 4, 9, 11)).astype(np.float32),
        "data1": random.standard_normal((4, 3, 4, 4)).astype(np.float32),
    }
    pair = [model(target_shape=target), model(pad=pad, **plain)]
    one, other = (open_session(content, threads=1).run(None, arrays)[0] for content in pair)
    assert one.shape[2:] == target
    np.testing.assert_array_equal(one, other)
