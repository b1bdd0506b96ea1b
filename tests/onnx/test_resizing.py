"""Pictures made larger or smaller, and regions of them."""

from __future__ import annotations

import pytest

pytest.importorskip("zoo._mxnet", reason="needs MXNet", exc_type=ImportError)

from typing import Any

import numpy as np
from layers import IMAGE, Case, check, function, over

from zoo._mxnet import nn
from zoo.errors import ExportError
from zoo.onnx import open_session, to_model

FREE = ("batch", 4, "time", 11)
REGIONS = [("batch", 4, 12, 16), (5, 4)]


def resize(**arguments: Any) -> Any:
    return function(lambda F, *tensors: F.contrib.BilinearResize2D(*tensors, **arguments))


def align(F: Any, x: Any, corners: Any, **arguments: Any) -> Any:
    sides = F.abs(corners) * 4
    begin, reach = F.slice_axis(sides, axis=1, begin=0, end=2), F.slice_axis(sides, 1, 2, 4)
    boxes = F.concat(F.zeros((5, 1)), begin, begin + reach * 2 + 0.1, dim=1)
    return F.contrib.ROIAlign(
        x, boxes, **{"pooled_size": (3, 2), "spatial_scale": 0.5, **arguments}
    )


CASES = [
    Case("resize", resize(height=13, width=5), IMAGE, tolerance=5e-6),
    Case(
        "resize_half_pixel", resize(height=13, width=5, align_corners=False), IMAGE, tolerance=5e-6
    ),
    Case("resize_to_one", resize(height=1, width=1, align_corners=False), IMAGE, tolerance=5e-6),
    Case("resize_free", resize(height=7, width=5), FREE, tolerance=5e-6),
    Case(
        "resize_scale",
        resize(scale_height=2.0, scale_width=1.5, mode="odd_scale"),
        IMAGE,
        tolerance=5e-6,
    ),
    *(
        Case(f"resize_{mode}", resize(mode=mode), IMAGE, tolerance=5e-6)
        for mode in ("to_even_down", "to_even_up", "to_odd_down", "to_odd_up")
    ),
    Case("resize_like", resize(mode="like"), [IMAGE, ("batch", 3, 5, 17)], tolerance=5e-6),
    Case(
        "resize_like_free",
        resize(mode="like", align_corners=False),
        [IMAGE, ("batch", 3, "time", 17)],
        tolerance=5e-6,
    ),
    Case(
        "nearest",
        function(lambda F, x: F.UpSampling(x, scale=3, sample_type="nearest")),
        FREE,
        "Resize",
    ),
    Case(
        "nearest_of_two",
        function(lambda F, x, y: F.UpSampling(x, y, scale=2, sample_type="nearest", num_args=2)),
        [("batch", 2, 4, 6), ("batch", 3, 2, 3)],
    ),
    Case(
        "nearest_summed",
        function(
            lambda F, x, y: F.UpSampling(
                x, y, scale=2, sample_type="nearest", num_args=2, multi_input_mode="sum"
            )
        ),
        [("batch", 2, 4, 6), ("batch", 2, 2, 3)],
    ),
    *(
        Case(
            f"bilinear_{scale}",
            function(
                lambda F, x, w, scale=scale: F.UpSampling(
                    x, w, scale=scale, sample_type="bilinear", num_filter=4
                )
            ),
            [IMAGE, (4, 1, 2 * scale - scale % 2, 2 * scale - scale % 2)],
        )
        for scale in (2, 3)
    ),
    *(
        Case(
            f"adaptive_{size}",
            function(lambda F, x, size=size: F.contrib.AdaptiveAvgPooling2D(x, output_size=size)),
            IMAGE,
        )
        for size in (1, 3, (2, 5), (9, 11), (12, 4))
    ),
    Case(
        "adaptive_free",
        function(lambda F, x: F.contrib.AdaptiveAvgPooling2D(x)),
        FREE,
        "GlobalAveragePool",
    ),
    *(
        Case(
            f"roi_align_{name}",
            function(lambda F, x, c, arguments=arguments: align(F, x, c, **arguments)),
            REGIONS,
        )
        for name, arguments in {
            "plain": {"sample_ratio": 2},
            "adaptive": {},
            "aligned": {"sample_ratio": 2, "aligned": True},
            "whole": {"sample_ratio": 1, "spatial_scale": 1.0},
        }.items()
    ),
    Case(
        "roi_pooling",
        function(
            lambda F, x, c: F.ROIPooling(
                x,
                F.concat(F.zeros((5, 1)), F.floor(F.cumsum(F.abs(c) * 3, axis=1)), dim=1),
                pooled_size=(3, 2),
                spatial_scale=0.5,
            )
        ),
        REGIONS,
    ),
]


@over(CASES)
def test_resizing(case: Case, opset: int) -> None:
    check(case, opset)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda F, x: F.contrib.BilinearResize2D(x, mode="to_even_up"),
            "not supported on free axes",
        ),
        (lambda F, x: F.contrib.AdaptiveAvgPooling2D(x, output_size=3), "needs a fixed height"),
    ],
)
def test_sizes_that_depend_on_free_axes_are_refused(call: Any, message: str) -> None:
    with pytest.raises(ExportError, match=message):
        to_model(nn.HybridLambda(call), inputs=FREE)


def test_a_region_of_no_picture_is_zeros() -> None:
    """MXNet leaves such memory as it was."""
    layer = nn.HybridLambda(
        lambda F, x, r: F.contrib.ROIAlign(x, r, pooled_size=(2, 2), spatial_scale=1)
    )
    model = to_model(layer, inputs=[("batch", 4, 12, 16), (2, 5)]).SerializeToString()
    arrays = {
        "data0": np.ones((1, 4, 12, 16), np.float32),
        "data1": np.array([[-1, 1, 1, 5, 5], [0, 1, 1, 5, 5]], np.float32),
    }
    (found,) = open_session(model, threads=1).run(None, arrays)
    assert not found[0].any()
    assert (found[1] == 1).all()


@pytest.mark.parametrize("name", ["roi_align_plain", "roi_pooling"])
def test_regions_are_refused_where_onnx_runtime_has_no_kernel(name: str) -> None:
    case = next(case for case in CASES if case.name == name)
    with pytest.raises(ExportError, match="choose one up to 21"):
        to_model(case.build(), inputs=case.inputs, opset=22)
