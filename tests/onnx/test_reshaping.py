"""Reshaping with every special code, turning, joining and cutting; embeddings."""

from __future__ import annotations

import pytest

pytest.importorskip("zoo._mxnet", reason="needs MXNet", exc_type=ImportError)

from typing import Any

from layers import CUBE, IDS, IMAGE, ROW, VOLUME, Case, chain, check, function, over

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
SEQUENCES = [("time", "batch", 3), ("batch",)]


def lengths(F: Any, x: Any) -> Any:
    """Lengths from 1 to 3, as float."""
    return F.clip(F.round(F.abs(x) * 2), 1, 3)


ROWS: dict[str, tuple[Any, Any]] = {
    "slice_steps": (lambda F, x: F.slice(x, (None, 1), (None, 5), (1, 2)), ROW),
    "slice_backwards": (lambda F, x: F.slice(x, (None, None), (None, None), (1, -1)), ROW),
    "slice_backwards_part": (lambda F, x: F.slice(x, (None, 4), (None, 1), (-1, -2)), ROW),
    "slice_negative": (lambda F, x: F.slice(x, (0, -4), (1, -1)), ROW),
    "slice_some_axes": (lambda F, x: F.slice(x, (None, 1), (None, 3)), IMAGE),
    "slice_everything": (lambda F, x: F.slice(x, (None, None), (None, None)) + 1, ROW),
    "slice_beyond": (lambda F, x: F.slice(x, (0, 2), (100, 100)), ROW),
    "slice_last_axis": (lambda F, x: F.slice_axis(x, axis=-1, begin=1, end=3), CUBE),
    "slice_like": (lambda F, x, y: F.slice_like(x, y), [(9, 9), (3, 4)]),
    "slice_like_free": (
        lambda F, x, y: F.slice_like(x, y, axes=(1,)),
        [(2, 9, 3), ("batch", "time")],
    ),
    "slice_like_axes": (lambda F, x, y: F.slice_like(x, y, axes=(-1, 1)), [IMAGE, (1, 3, 1, 5)]),
    "slice_like_pooled": (
        lambda F, x: F.slice_like(
            F.reshape(F.arange(200), (1, 1, 10, 20)),
            F.Pooling(x, kernel=(2, 2), stride=(2, 2)),
            axes=(2, 3),
        ),
        ("batch", 2, "time", 11),
    ),
    "split_v2": (lambda F, x: [*F.split_v2(x, 3, axis=1)], ROW),
    "split_v2_places": (lambda F, x: [*F.split_v2(x, (1, 4), axis=1)], ROW),
    "split_v2_squeezed": (lambda F, x: [*F.split_v2(x, 6, axis=-1, squeeze_axis=True)], ROW),
    "split_last_axis": (lambda F, x: [*F.split(x, 2, axis=-1)], CUBE),
    "reverse": (lambda F, x: F.reverse(x, axis=1), CUBE),
    "reverse_two": (lambda F, x: F.reverse(x, axis=(0, 2)), CUBE),
    "flip": (lambda F, x: F.flip(x, axis=2), CUBE),
    "tile": (lambda F, x: F.tile(x, (2, 3)), ROW),
    "tile_more_axes": (lambda F, x: F.tile(x, (2, 1, 3)), ROW),
    "tile_fewer_axes": (lambda F, x: F.tile(x, (2,)), CUBE),
    "repeat": (lambda F, x: F.repeat(x, 2, axis=1), CUBE),
    "repeat_last": (lambda F, x: F.repeat(x, 3, axis=-1), CUBE),
    "repeat_first": (lambda F, x: F.repeat(x, 3, axis=0), ROW),
    "repeat_before_free": (lambda F, x: F.repeat(x, 3, axis=1), ("batch", 3, "time", 5)),
    "repeat_free_before_free": (lambda F, x: F.repeat(x, 2, axis=0), ("batch", 3, "time", 5)),
    "repeat_flat": (lambda F, x: F.repeat(x, 2), CUBE),
    "broadcast_to": (lambda F, x: F.broadcast_to(x, (0, 4, 6)), ("batch", 1, 6)),
    "broadcast_axis": (
        lambda F, x: F.broadcast_axis(x, axis=(1, 3), size=(4, 2)),
        ("batch", 1, 6, 1),
    ),
    "broadcast_like": (lambda F, x, y: F.broadcast_like(x, y), [("batch", 1, 6), CUBE]),
    "broadcast_like_axes": (
        lambda F, x, y: F.broadcast_like(x, y, lhs_axes=(1,), rhs_axes=(-1,)),
        [("batch", 1, 6), (3, "time")],
    ),
    "reshape_like": (lambda F, x, y: F.reshape_like(x, y), [CUBE, ("batch", "time", 2, 3)]),
    "reshape_like_axes": (
        lambda F, x, y: F.reshape_like(x, y, lhs_begin=1, lhs_end=2, rhs_begin=1, rhs_end=3),
        [ROW, ("batch", 2, 3)],
    ),
    "depth_to_space": (lambda F, x: F.depth_to_space(x, 2), IMAGE),
    "space_to_depth": (lambda F, x: F.space_to_depth(x, 2), ("batch", 3, 4, 6)),
    "pad": (lambda F, x: F.pad(x, mode="constant", pad_width=(0, 0, 0, 0, 1, 2, 3, 4)), IMAGE),
    "pad_value": (
        lambda F, x: F.pad(
            x, mode="constant", constant_value=2.5, pad_width=(0, 0, 0, 0, 1, 2, 3, 4)
        ),
        IMAGE,
    ),
    "pad_edge": (lambda F, x: F.pad(x, mode="edge", pad_width=(0, 0, 0, 0, 1, 2, 3, 4)), IMAGE),
    "pad_reflect": (
        lambda F, x: F.pad(x, mode="reflect", pad_width=(0, 0, 0, 0, 1, 2, 3, 4)),
        IMAGE,
    ),
    "pad_volume": (
        lambda F, x: F.pad(x, mode="edge", pad_width=(0, 0, 0, 0, 1, 2, 3, 1, 1, 0)),
        VOLUME,
    ),
    "diag": (lambda F, x: F.diag(x), (4,)),
    "diag_above": (lambda F, x: F.diag(x, k=2), (4,)),
    "diag_below": (lambda F, x: F.diag(x, k=-1), (4,)),
    "diag_of_matrix": (lambda F, x: F.diag(x), (4, 5)),
    "diag_of_matrix_above": (lambda F, x: F.diag(x, k=2), (4, 5)),
    "diag_of_axes": (lambda F, x: F.diag(x, axis1=1, axis2=3), IMAGE),
    "im2col": (lambda F, x: F.im2col(x, kernel=(3, 2), stride=(2, 1), pad=(1, 0)), IMAGE),
    "squeeze_all": (lambda F, x: F.squeeze(x), (1, 1)),
    "crop_like": (lambda F, x, y: F.Crop(x, y, offset=(2, 1)), [IMAGE, ("batch", 4, 4, 5)]),
    "crop_center": (
        lambda F, x: F.Crop(x, num_args=1, h_w=(4, 4), center_crop=True),
        IMAGE,
    ),
    "sequence_mask": (
        lambda F, x, n: F.SequenceMask(x, lengths(F, n), use_sequence_length=True, value=-1),
        SEQUENCES,
    ),
    "sequence_mask_axis_1": (
        lambda F, x, n: F.SequenceMask(x, lengths(F, n), use_sequence_length=True, axis=1),
        [("batch", 5, 3), ("batch",)],
    ),
    "sequence_mask_none": (lambda F, x: F.SequenceMask(x), CUBE),
    "sequence_last": (
        lambda F, x, n: F.SequenceLast(x, lengths(F, n), use_sequence_length=True),
        SEQUENCES,
    ),
    "sequence_last_axis_1": (
        lambda F, x, n: F.SequenceLast(x, lengths(F, n), use_sequence_length=True, axis=1),
        [("batch", 5, 3), ("batch",)],
    ),
    "sequence_last_none": (lambda F, x: F.SequenceLast(x), CUBE),
    "sequence_reverse": (
        lambda F, x, n: F.SequenceReverse(x, lengths(F, n), use_sequence_length=True),
        SEQUENCES,
    ),
    "sequence_reverse_none": (lambda F, x: F.SequenceReverse(x), CUBE),
}
POOLED = ("batch", 4, "time", 22)


def pooled(F: Any, x: Any, code: tuple[int, ...]) -> Any:
    """Reshaped where a size is neither free nor fixed: a few rows more than are free."""
    return F.reshape(F.pad(x, mode="edge", pad_width=(0, 0, 0, 0, 2, 2, 0, 0)), code)


MEASURED = (
    (0, 0, -1, 0),
    (0, -4, 2, -1, 0, 0),
    (0, -3, 0),
    (-3, -2),
    (-3, 0, 0),
    (0, 0, 0, -4, -1, 2),
    (0, -4, -1, 2, -2),
    (0, 0, -3),
)
CASES = [
    *(
        Case(f"measured_{place}", function(lambda F, x, code=code: pooled(F, x, code)), POOLED)
        for place, code in enumerate(MEASURED)
    ),
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
    *(Case(name, function(call), inputs) for name, (call, inputs) in ROWS.items()),
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
