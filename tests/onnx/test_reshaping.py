"""Reshaping with every special code, turning, joining and cutting; embeddings."""

from __future__ import annotations

import pytest

pytest.importorskip("zoo._mxnet", reason="needs MXNet", exc_type=ImportError)

from layers import CUBE, IDS, IMAGE, ROW, Case, chain, check, function, over

from zoo._mxnet import nn
from zoo.errors import ExportError
from zoo.manifest import TensorSpec
from zoo.onnx import to_model

CODES = (
    (IMAGE, (0, -1)),
    (IMAGE, (-1, 99)),
    (IMAGE, (0, 0, -3)),
    (IMAGE, (-3, -2)),
    (IMAGE, (0, -4, 2, 2, -2)),
    (IMAGE, (0, -4, -1, 2, 0, 0)),
    (CUBE, (-3, 0)),
    (CUBE, (0, 0, 2, 3)),
    (CUBE, (0, 0, -4, 2, -1)),
    (CUBE, (-1, 6)),
    (CUBE, (0, -1)),
    (CUBE, (0, 0, 1, 6)),
)
CASES = [
    *(
        Case(
            f"reshape_{place}",
            function(lambda F, x, code=code: F.reshape(x, code)),
            shape,
            "Reshape",
        )
        for place, (shape, code) in enumerate(CODES)
    ),
    Case(
        "reshape_reverse",
        function(lambda F, x: F.reshape(x, (-1, 0), reverse=True)),
        IMAGE,
        "Reshape",
    ),
    Case(
        "reshape_twice",
        function(lambda F, x: F.reshape(F.reshape(x, (0, -1)), (-1, 11))),
        IMAGE,
        "Reshape",
    ),
    Case("reshape_to_itself", function(lambda F, x: F.exp(F.reshape(x, (3, 6)))), (3, 6), "Exp"),
    Case("flatten", nn.Flatten, IMAGE, "Flatten"),
    Case("flatten_rank_2", chain(nn.Flatten, lambda: nn.Activation("relu")), ROW, "Relu"),
    Case("transpose", function(lambda F, x: F.transpose(x)), CUBE, "Transpose"),
    Case("transpose_axes", function(lambda F, x: F.transpose(x, (0, 2, 3, 1))), IMAGE, "Transpose"),
    Case("swap_axes", function(lambda F, x: F.SwapAxis(x, 0, 2)), CUBE, "Transpose"),
    Case("expand_dims", function(lambda F, x: F.expand_dims(x, -1)), ROW, "Unsqueeze"),
    Case("squeeze", function(lambda F, x: F.squeeze(x)), (2, 1, 6, 1), "Squeeze"),
    Case("squeeze_axis", function(lambda F, x: F.squeeze(x, axis=1)), ("batch", 1, 6), "Squeeze"),
    Case("concat", function(lambda F, x, y: F.concat(x, y)), [ROW, ("batch", 2)], "Concat"),
    Case(
        "concat_dim", function(lambda F, x, y: F.concat(x, y, x, dim=-1)), [IMAGE, IMAGE], "Concat"
    ),
    Case("stack", function(lambda F, x, y: F.stack(x, y, axis=1)), [ROW, ROW]),
    Case("stack_last", function(lambda F, x, y: F.stack(x, y, axis=-1)), [ROW, ROW]),
    Case(
        "slice_from_the_end",
        function(lambda F, x: F.slice_axis(x, axis=1, begin=-1, end=None)),
        CUBE,
        "Slice",
    ),
    Case("slice", function(lambda F, x: F.slice_axis(x, axis=2, begin=1, end=-2)), CUBE, "Slice"),
    Case("split", function(lambda F, x: F.split(x, 3, axis=1)), ROW, "Split"),
    Case(
        "split_and_squeeze",
        function(lambda F, x: F.split(x, 2, axis=2, squeeze_axis=True)),
        ("batch", "time", 2),
    ),
    Case(
        "filled", function(lambda F, x: F.broadcast_add(x, F.ones((1, 6)) - F.zeros((1, 6)))), ROW
    ),
    Case("embedding_int64", lambda: nn.Embedding(8, 3), IDS, "Gather"),
    Case(
        "embedding_int32",
        lambda: nn.Embedding(8, 3),
        TensorSpec("data", ("time", "batch"), "int32"),
        "Gather",
    ),
    Case(
        "embedding_float",
        function(lambda F, x, w: F.Embedding(F.floor(F.abs(x)), w, input_dim=8, output_dim=3)),
        [ROW, (8, 3)],
        "Abs Floor Cast Gather",
    ),
]


@over(CASES)
def test_reshaping(case: Case, opset: int) -> None:
    check(case, opset)


def test_a_free_axis_cannot_be_cut_into_parts() -> None:
    layer = nn.HybridLambda(lambda F, x: F.split(x, 2, axis=1))
    with pytest.raises(ExportError, match="a free axis cannot be cut into 2 parts"):
        to_model(layer, inputs=CUBE, sizes={"time": (4, 6)})
