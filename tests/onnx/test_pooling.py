"""Pooling with both conventions, with and without padding in averages."""

from __future__ import annotations

import pytest

pytest.importorskip("zoo._mxnet", reason="needs MXNet", exc_type=ImportError)

from typing import Any

from layers import IMAGE, LINE, VOLUME, Case, check, function, over

from zoo._mxnet import nn
from zoo.errors import ExportError
from zoo.onnx import to_model

KINDS = {
    "max1": (nn.MaxPool1D, LINE),
    "max2": (nn.MaxPool2D, IMAGE),
    "max3": (nn.MaxPool3D, VOLUME),
    "avg1": (nn.AvgPool1D, LINE),
    "avg2": (nn.AvgPool2D, IMAGE),
    "avg3": (nn.AvgPool3D, VOLUME),
}
WINDOWS: dict[str, dict[str, Any]] = {
    "2": {"pool_size": 2},
    "3_2": {"pool_size": 3, "strides": 2},
    "3_2_1": {"pool_size": 3, "strides": 2, "padding": 1},
    "3_2_full": {"pool_size": 3, "strides": 2, "ceil_mode": True},
    "3_2_1_full": {"pool_size": 3, "strides": 2, "padding": 1, "ceil_mode": True},
    "3_4_full": {"pool_size": 3, "strides": 4, "ceil_mode": True},
    "4_3_full": {"pool_size": 4, "strides": 3, "ceil_mode": True},
}
CASES = [
    *(
        Case(f"{kind}_{window}", lambda layer=layer, window=window: layer(**WINDOWS[window]), shape)
        for kind, (layer, shape) in KINDS.items()
        for window in WINDOWS
    ),
    *(
        Case(
            f"without_padding_{window}",
            lambda window=window: nn.AvgPool2D(**WINDOWS[window], count_include_pad=False),
            IMAGE,
            "AveragePool",
        )
        for window in WINDOWS
    ),
    Case("unequal", lambda: nn.MaxPool2D((3, 2), (2, 1), (1, 0)), IMAGE, "MaxPool"),
    Case("global_max_1d", nn.GlobalMaxPool1D, LINE, "GlobalMaxPool"),
    Case("global_max_2d", nn.GlobalMaxPool2D, IMAGE, "GlobalMaxPool"),
    Case("global_max_3d", nn.GlobalMaxPool3D, VOLUME, "GlobalMaxPool"),
    Case("global_avg_1d", nn.GlobalAvgPool1D, LINE, "GlobalAveragePool"),
    Case("global_avg_2d", nn.GlobalAvgPool2D, IMAGE, "GlobalAveragePool"),
    Case("global_avg_3d", nn.GlobalAvgPool3D, VOLUME, "GlobalAveragePool"),
    Case("free_axis", lambda: nn.MaxPool1D(3, 2, 1), ("batch", 2, "time"), "MaxPool"),
    Case(
        "full_max_on_a_free_axis",
        lambda: nn.MaxPool1D(3, 2, ceil_mode=True),
        ("batch", 2, "time"),
        "MaxPool",
    ),
    Case(
        "full_average_on_a_free_axis",
        lambda: nn.AvgPool1D(3, 2, ceil_mode=True),
        ("batch", 2, "time"),
        "AveragePool",
    ),
]


@over(CASES)
def test_pooling(case: Case, opset: int) -> None:
    check(case, opset)


@pytest.mark.parametrize(
    ("call", "shape", "message"),
    [
        (
            lambda F, x: F.Pooling(
                x, kernel=(2,), stride=(2,), pool_type="sum", pooling_convention="full"
            ),
            LINE,
            "'full' is not supported here",
        ),
        (
            lambda F, x: F.Pooling(
                x, kernel=(3,), stride=(2,), pad=(1,), pool_type="max", pooling_convention="full"
            ),
            ("batch", 2, "time"),
            "give the size of the axis",
        ),
        (
            lambda F, x: F.Pooling(
                x, kernel=(2,), stride=(3,), pool_type="max", pooling_convention="full"
            ),
            ("batch", 2, 6),
            "nothing but padding",
        ),
    ],
)
def test_what_cannot_be_exact_is_refused(call: Any, shape: Any, message: str) -> None:
    with pytest.raises(ExportError, match=message):
        to_model(
            function(call)(), inputs=shape, sizes={"time": (7, 9)} if "time" in shape else None
        )
