"""Boxes: suppression exact to the last row, decoding, overlaps, anchors; sampling along grids."""

from __future__ import annotations

import pytest

pytest.importorskip("zoo._mxnet", reason="needs MXNet", exc_type=ImportError)

from typing import Any

from layers import IMAGE, Case, check, function, over

from zoo._mxnet import nn
from zoo.errors import ExportError
from zoo.onnx import to_model

BOXES = ("batch", 40, 6)


def boxes(F: Any, x: Any, classes: int = 4) -> Any:
    """Rows of class, score and corners made of normal numbers; a few corners are reversed."""
    kind = F.floor(F.abs(F.slice_axis(x, axis=-1, begin=0, end=1)) * classes / 2) - 1
    score = F.sigmoid(F.slice_axis(x, axis=-1, begin=1, end=2))
    begin = F.slice_axis(x, axis=-1, begin=2, end=4)
    size = F.slice_axis(x, axis=-1, begin=4, end=6) + 1.5
    return F.concat(kind, score, begin, begin + size, dim=-1)


def nms(**arguments: Any) -> Any:
    return function(
        lambda F, x: F.contrib.box_nms(boxes(F, x), **{"overlap_thresh": 0.3, **arguments})
    )


def detected(F: Any, scores: Any, offsets: Any, anchors: Any, **arguments: Any) -> Any:
    begin = F.sigmoid(F.slice_axis(anchors, axis=2, begin=0, end=2)) * 0.7
    size = F.sigmoid(F.slice_axis(anchors, axis=2, begin=2, end=4)) * 0.5
    corners = F.concat(begin, begin + size, dim=2)
    return F.contrib.MultiBoxDetection(F.softmax(scores, axis=1), offsets, corners, **arguments)


NMS: dict[str, dict[str, Any]] = {
    "plain": {},
    "classes": {"id_index": 0},
    "classes_forced": {"id_index": 0, "force_suppress": True},
    "no_classes_forced": {"force_suppress": True},
    "no_classes_apart": {"force_suppress": False},
    "forced_without_classes": {"force_suppress": True, "topk": 15},
    "background": {"id_index": 0, "background_id": 1},
    "topk": {"topk": 10},
    "topk_none": {"topk": 0, "out_format": "center"},
    "topk_classes": {"topk": 15, "id_index": 0, "valid_thresh": 0.4},
    "topk_many": {"topk": 100},
    "threshold": {"valid_thresh": 0.6},
    "nothing_valid": {"valid_thresh": 2.0},
    "strict": {"overlap_thresh": 0.0, "id_index": 0},
    "loose": {"overlap_thresh": 0.95},
    "centers": {"in_format": "center", "out_format": "center"},
    "to_centers": {"out_format": "center", "id_index": 0},
    "from_centers": {"in_format": "center"},
}


def encoded(F: Any, samples: Any, matches: Any, anchors: Any, boxes: Any) -> list[Any]:
    """Some samples are positive, and have one of five boxes."""
    anchors = F.cumsum(F.abs(anchors), axis=2)
    boxes = F.broadcast_like(F.cumsum(F.abs(boxes), axis=1).expand_dims(0), anchors, (0,), (0,))
    places = F.clip(F.floor(F.abs(matches) * 3), 0, 4)
    numbers = [F.full((4,), value) for value in (0.1, 0.2)]
    return [*F.contrib.box_encode(F.sign(samples), places, anchors, boxes, *numbers)]


CASES = [
    *(Case(f"nms_{name}", nms(**arguments), BOXES) for name, arguments in NMS.items()),
    Case("nms_free_count", nms(id_index=0, topk=4), ("batch", "time", 6)),
    Case("nms_one_picture", nms(id_index=0), (30, 6)),
    Case("nms_rank_4", nms(id_index=0), ("batch", 2, 20, 6)),
    Case("nms_large", nms(id_index=0, topk=50), ("batch", 500, 6)),
    *(
        Case(
            f"decode_{name}",
            function(
                lambda F, x, a, arguments=arguments: F.contrib.box_decode(
                    x, F.cumsum(F.abs(a), axis=2), **arguments
                )
            ),
            [("batch", 9, 4), (1, 9, 4)],
            tolerance=5e-6,
        )
        for name, arguments in {
            "corner": {"format": "corner"},
            "center": {"format": "center"},
            "scaled": {"std0": 0.1, "std1": 0.1, "std2": 0.2, "std3": 0.2, "format": "corner"},
            "clipped": {"clip": 0.5, "format": "corner"},
        }.items()
    ),
    Case("encode", function(encoded), [("batch", 9), ("batch", 9), ("batch", 9, 4), (5, 4)]),
    *(
        Case(
            f"iou_{name}",
            function(lambda F, x, y, name=name: F.contrib.box_iou(F.abs(x), F.abs(y), format=name)),
            [("batch", 4), (5, 4)],
            tolerance=5e-6,
        )
        for name in ("corner", "center")
    ),
    Case(
        "iou_nested",
        function(lambda F, x, y: F.contrib.box_iou(F.cumsum(F.abs(x), axis=2), F.abs(y))),
        [(2, 3, 4), (5, 4)],
        tolerance=5e-6,
    ),
    *(
        Case(
            f"prior_{name}",
            function(lambda F, x, a=arguments: F.contrib.MultiBoxPrior(x, **a)),
            IMAGE,
        )
        for name, arguments in {
            "plain": {},
            "several": {"sizes": (0.5, 0.25), "ratios": (1, 2, 0.5)},
            "clipped": {"sizes": (0.9,), "ratios": (2, 1), "clip": True},
            "steps": {"sizes": (0.3,), "steps": (0.1, 0.2), "offsets": (0.3, 0.6)},
        }.items()
    ),
    *(
        Case(
            f"detection_{name}",
            function(lambda F, p, o, a, more=arguments: detected(F, p, o, a, **more)),
            [("batch", 4, 30), ("batch", 120), (1, 30, 4)],
            tolerance=5e-6,
        )
        for name, arguments in {
            "plain": {},
            "threshold": {"threshold": 0.4, "nms_threshold": 0.2},
            "forced": {"force_suppress": True, "nms_threshold": 0.3},
            "topk": {"nms_topk": 7, "threshold": 0.3},
            "unclipped": {"clip": False, "variances": (0.2, 0.1, 0.1, 0.3)},
            "no_suppression": {"nms_threshold": -1.0},
        }.items()
    ),
    Case(
        "sampler",
        function(lambda F, x, g: F.BilinearSampler(x, g)),
        [IMAGE, ("batch", 2, 5, 6)],
        tolerance=5e-5,
    ),
    Case(
        "grid_affine",
        function(lambda F, t: F.GridGenerator(t, transform_type="affine", target_shape=(4, 5))),
        ("batch", 6),
    ),
    Case(
        "grid_warp",
        function(lambda F, x: F.GridGenerator(x, transform_type="warp")),
        ("batch", 2, 5, 7),
    ),
    Case(
        "transformer",
        function(
            lambda F, x, t: F.SpatialTransformer(
                x, t, target_shape=(5, 6), transform_type="affine", sampler_type="bilinear"
            )
        ),
        [IMAGE, ("batch", 6)],
        tolerance=5e-5,
    ),
    *(
        Case(
            f"correlation_{name}",
            function(lambda F, x, y, a=arguments: F.Correlation(x, y, **a)),
            [IMAGE, IMAGE],
            tolerance=5e-6,
        )
        for name, arguments in {
            "plain": {},
            "padded": {"kernel_size": 1, "max_displacement": 2, "pad_size": 2},
            "window": {"kernel_size": 3, "max_displacement": 2, "pad_size": 2, "stride2": 2},
            "strides": {"max_displacement": 2, "stride1": 2, "pad_size": 1},
            "differences": {"max_displacement": 1, "pad_size": 1, "is_multiply": False},
        }.items()
    ),
]


@over(CASES)
def test_boxes(case: Case, opset: int) -> None:
    check(case, opset)


def test_anchors_of_free_sizes_are_refused() -> None:
    with pytest.raises(ExportError, match="anchors need a fixed height"):
        to_model(nn.HybridLambda(lambda F, x: F.contrib.MultiBoxPrior(x)), inputs=(1, 2, "h", "w"))


@pytest.mark.parametrize(
    ("call", "inputs"),
    [
        (lambda F, x: F.GridGenerator(x, transform_type="warp"), ("batch", 2, 1, 5)),
        (
            lambda F, x: F.GridGenerator(x, transform_type="affine", target_shape=(4, 1)),
            ("batch", 6),
        ),
        (
            lambda F, x: F.SpatialTransformer(
                F.ones((2, 1, 3, 3)),
                x,
                target_shape=(1, 4),
                transform_type="affine",
                sampler_type="bilinear",
            ),
            (2, 6),
        ),
    ],
)
def test_grids_of_one_row_or_column_are_refused(call: Any, inputs: Any) -> None:
    with pytest.raises(ExportError, match="divides by 0 on a grid of one row or column"):
        to_model(nn.HybridLambda(call), inputs=inputs)
