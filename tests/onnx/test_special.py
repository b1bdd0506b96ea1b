"""Special functions, triangles of matrices, and transforms of pictures."""

from __future__ import annotations

import pytest

pytest.importorskip("zoo._mxnet", reason="needs MXNet", exc_type=ImportError)

from typing import Any

import numpy as np
from layers import CUBE, IMAGE, ROW, Case, check, function, over

from zoo._mxnet import gluon, mx, nn
from zoo.errors import ExportError
from zoo.manifest import TensorSpec
from zoo.onnx import open_session, to_model

SQUARE, PICTURE = ("batch", 4, 4), ("batch", 9, 7, 3)


def positive(F: Any, x: Any) -> Any:
    """Square matrices with positive diagonals."""
    identity = F.expand_dims(F.one_hot(F.arange(0, 4), 4), 0)
    return F.broadcast_add(F.batch_dot(x, x, transpose_b=True), identity)


ROWS = {
    "gamma": (lambda F, x: F.gamma(x * 3), CUBE),
    "gamma_large": (lambda F, x: F.gamma(F.abs(x) * 10 + 1), CUBE),
    "gammaln": (lambda F, x: F.gammaln(x * 5), CUBE),
    "gammaln_large": (lambda F, x: F.gammaln(F.exp(x * 4)), CUBE),
    "erfinv": (lambda F, x: F.erfinv(F.softsign(x)), CUBE),
    "erfinv_near_one": (lambda F, x: F.erfinv(F.softsign(x * 20)), CUBE),
    "make_diagonal": (lambda F, x: F.linalg.makediag(x), ROW),
    "make_diagonal_above": (lambda F, x: F.linalg.makediag(x, offset=2), CUBE),
    "make_diagonal_below": (lambda F, x: F.linalg.makediag(x, offset=-1), ROW),
    "extract_diagonal": (lambda F, x: F.linalg.extractdiag(x), SQUARE),
    "extract_diagonal_above": (lambda F, x: F.linalg.extractdiag(x, offset=1), SQUARE),
    "extract_diagonal_below": (lambda F, x: F.linalg.extractdiag(x, offset=-2), SQUARE),
    "make_triangle": (lambda F, x: F.linalg.maketrian(x), ROW),
    "make_triangle_upper": (lambda F, x: F.linalg.maketrian(x, lower=False), ROW),
    "make_triangle_above": (lambda F, x: F.linalg.maketrian(x, offset=1), CUBE),
    "make_triangle_below": (lambda F, x: F.linalg.maketrian(x, offset=-2), ROW),
    "extract_triangle": (lambda F, x: F.linalg.extracttrian(x), SQUARE),
    "extract_triangle_upper": (lambda F, x: F.linalg.extracttrian(x, lower=False), SQUARE),
    "extract_triangle_above": (lambda F, x: F.linalg.extracttrian(x, offset=1), SQUARE),
    "extract_triangle_below": (lambda F, x: F.linalg.extracttrian(x, offset=-1), SQUARE),
    "sum_log_diagonal": (lambda F, x: F.linalg.sumlogdiag(positive(F, x)), SQUARE),
    "slogdet": (lambda F, x: [*F.linalg.slogdet(positive(F, x))], SQUARE),
    "trmm": (lambda F, x, y: F.linalg.trmm(x, y, alpha=0.5), [SQUARE, ("batch", 4, 6)]),
    "trmm_right": (
        lambda F, x, y: F.linalg.trmm(x, y, rightside=True, transpose=True),
        [SQUARE, ("batch", 6, 4)],
    ),
    "trmm_upper": (
        lambda F, x, y: F.linalg.trmm(x, y, lower=False, transpose=True),
        [SQUARE, ("batch", 4, 6)],
    ),
    "to_tensor": (lambda F, x: F.image.to_tensor(x), PICTURE),
    "to_tensor_of_bytes": (
        lambda F, x: F.image.to_tensor(x),
        [TensorSpec("data", (9, 7, 3), "uint8")],
    ),
    "normalize": (
        lambda F, x: F.image.normalize(x, mean=(0.1, 0.2, 0.3), std=(2, 3, 4)),
        ("batch", 3, 9, 7),
    ),
    "normalize_alike": (lambda F, x: F.image.normalize(x, mean=0.1, std=2), ("batch", 3, 9, 7)),
    "crop": (lambda F, x: F.image.crop(x, x=1, y=2, width=4, height=5), PICTURE),
    "flip_left_right": (lambda F, x: F.image.flip_left_right(x), (9, 6, 3)),
    "flip_top_bottom": (lambda F, x: F.image.flip_top_bottom(x), (8, 7, 3)),
}
CASES = [
    Case(name, function(call), inputs, tolerance=5e-6) for name, (call, inputs) in ROWS.items()
]


@over(CASES)
def test_functions(case: Case, opset: int) -> None:
    check(case, opset)


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("gamma", [0.5, 1.0, 2.0, 5.0, -0.5, -1.5, -2.5, 30.0, 1e-3, -1e-3]),
        ("gammaln", [0.5, 1.0, 2.0, 1e6, 1e-6, -0.5, -1.5, 0.0, -1.0, -3.0]),
        ("erfinv", [0.0, 0.5, -0.5, 0.999999, -0.999999, 1.0, -1.0, 1e-7]),
    ],
)
def test_single_values(name: str, values: list[float]) -> None:
    data = np.array(values, np.float32)
    layer = nn.HybridLambda(lambda F, x: getattr(F, name)(x))
    model = to_model(layer, inputs=("count",)).SerializeToString()
    (found,) = open_session(model).run(None, {"data": data})
    expected = getattr(mx.nd, name)(mx.nd.array(data)).asnumpy()
    np.testing.assert_allclose(found, expected, rtol=3e-6, atol=1e-7)


def test_a_pipeline_of_transforms_and_a_network_is_one_model() -> None:
    transforms = gluon.data.vision.transforms
    net = nn.HybridSequential()
    net.add(transforms.ToTensor(), transforms.Normalize((0.5, 0.4, 0.3), (0.2, 0.2, 0.1)))
    net.add(nn.Conv2D(2, 3))
    case = Case("pipeline", lambda: net, [TensorSpec("data", ("batch", 8, 8, 3), "uint8")])
    check(case, 21)


@pytest.mark.parametrize("name", ["potrf", "inverse", "gelqf"])
def test_decompositions_are_refused_by_name(name: str) -> None:
    layer = nn.HybridLambda(lambda F, x: getattr(F.linalg, name)(x))
    with pytest.raises(ExportError, match=f"operator '_linalg_{name}'"):
        to_model(layer, inputs=SQUARE)


def test_an_odd_number_is_not_turned_around() -> None:
    layer = nn.HybridLambda(lambda F, x: F.image.flip_top_bottom(x))
    with pytest.raises(ExportError, match="an even number"):
        to_model(layer, inputs=(9, 7, 3))


@pytest.mark.parametrize("name", ["gamma", "gammaln", "erfinv"])
def test_integers_are_refused(name: str) -> None:
    layer = nn.HybridLambda(lambda F, x: getattr(F, name)(x))
    with pytest.raises(ExportError, match="a int32 input is not supported"):
        to_model(layer, inputs=[TensorSpec("data", ("batch", 3), "int32")])


def test_triangles_need_a_fixed_size() -> None:
    layer = nn.HybridLambda(lambda F, x: F.linalg.makediag(x))
    with pytest.raises(ExportError, match="a free last axis is not supported"):
        to_model(layer, inputs=(2, "size"))


def test_columns_are_summed_into_pictures() -> None:
    def call(F: Any, x: Any) -> Any:
        columns = F.im2col(x, kernel=(3, 2), stride=(2, 1), pad=(1, 0))
        return F.col2im(columns, output_size=(9, 11), kernel=(3, 2), stride=(2, 1), pad=(1, 0))

    check(Case("col2im", function(call), IMAGE), 21)
    with pytest.raises(ExportError, match="needs opset 18"):
        to_model(nn.HybridLambda(call), inputs=IMAGE, opset=17)
