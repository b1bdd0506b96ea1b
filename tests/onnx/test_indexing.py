"""Taking elements by their places and putting them there; what is made of numbers alone."""

from __future__ import annotations

import pytest

pytest.importorskip("zoo._mxnet", reason="needs MXNet", exc_type=ImportError)

from typing import Any

from layers import CUBE, IDS, IMAGE, ROW, Case, check, function, over

from zoo._mxnet import nn
from zoo.errors import ExportError
from zoo.manifest import TensorSpec
from zoo.onnx import to_model

INDICES = TensorSpec("indices", (3, 2), "int64")
COLUMN = TensorSpec("indices", ("batch",), "int32")
ROWS = {
    "take_clip": (lambda F, x, i: F.take(x, i, axis=1), [ROW, INDICES]),
    "take_first_axis": (lambda F, x, i: F.take(x, i), [CUBE, INDICES]),
    "take_last_axis": (lambda F, x, i: F.take(x, i, axis=-1), [CUBE, INDICES]),
    "take_wrap": (lambda F, x, i: F.take(x, i - 12, axis=1, mode="wrap"), [CUBE, INDICES]),
    "take_raise": (lambda F, x, i: F.take(x, i / 2, axis=1, mode="raise"), [IMAGE, INDICES]),
    "take_float_indices": (lambda F, x, i: F.take(x, i * 3, axis=1), [ROW, ("time", 2)]),
    "pick": (lambda F, x, i: F.pick(x, i), [ROW, COLUMN]),
    "pick_axis_0": (lambda F, x, i: F.pick(x, F.sum(i, axis=0) * 0 + 2, axis=0), [(4, 5), (2, 5)]),
    "pick_middle_axis": (lambda F, x: F.pick(x, F.argmax(x, axis=1), axis=1), [CUBE]),
    "pick_kept": (lambda F, x, i: F.pick(x, i, keepdims=True), [ROW, COLUMN]),
    "pick_kept_in_place": (
        lambda F, x: F.pick(x, F.argmax(x, axis=1, keepdims=True), axis=1, keepdims=True),
        [CUBE],
    ),
    "pick_wrap": (lambda F, x, i: F.pick(x, i * 5 - 9, mode="wrap"), [ROW, COLUMN]),
    "batch_take": (lambda F, x, i: F.batch_take(x, i), [ROW, COLUMN]),
    "gather_nd": (lambda F, x, i: F.gather_nd(x, i), [(8, 8, 3), TensorSpec("i", (2, 4), "int64")]),
    "gather_nd_one_axis": (
        lambda F, x, i: F.gather_nd(x, i),
        [(8, 3), TensorSpec("i", (1, 4), "int64")],
    ),
    "gather_nd_all_axes": (
        lambda F, x, i: F.gather_nd(x, i),
        [(8, 8), TensorSpec("i", (2, "batch", 3), "int64")],
    ),
    "scatter_nd": (
        lambda F, x: F.scatter_nd(x, F.stack(F.arange(0, 4), F.arange(3, -1, -1)), shape=(5, 6)),
        [(4,)],
    ),
    "scatter_nd_rows": (
        lambda F, x: F.scatter_nd(x, F.expand_dims(F.arange(0, 8, 2), 0), shape=(9, 3)),
        [(4, 3)],
    ),
    "index_copy": (
        lambda F, x, y: F.contrib.index_copy(x, F.arange(1, 4), y),
        [(6, 3), (3, 3)],
    ),
    "one_hot": (lambda F, x: F.one_hot(x, 6), [IDS]),
    "one_hot_out_of_range": (lambda F, x: F.one_hot(x - 3, 4, on_value=2, off_value=-1), [IDS]),
    "one_hot_integers": (lambda F, x: F.one_hot(x, 8, dtype="int32"), [IDS]),
    "one_hot_float": (lambda F, x: F.one_hot(F.abs(x * 2), 8), [ROW]),
    "where": (lambda F, c, x, y: F.where(c > 0, x, y), [CUBE, CUBE, CUBE]),
    "where_rows": (lambda F, c, x, y: F.where(c > 2, x, y), [COLUMN, CUBE, CUBE]),
    "where_integers": (lambda F, c: F.where(c > 2, c, c * 0), [IDS]),
    "ravel": (
        lambda F, x: F.ravel_multi_index(x, shape=(8, 8)),
        [TensorSpec("x", (2, "batch"), "int64")],
    ),
    "unravel": (lambda F, x: F.unravel_index(x, shape=(2, 4)), [COLUMN]),
    "unravel_open": (lambda F, x: F.unravel_index(x, shape=(-1, 3)), [COLUMN]),
    "zeros_like": (lambda F, x: F.zeros_like(x), [CUBE]),
    "zeros_like_dtype": (lambda F, x: F.zeros_like(x, dtype="int64") + x, [CUBE]),
    "ones_like": (lambda F, x: F.ones_like(x) + x, [CUBE]),
    "ones_like_integers": (lambda F, x: F.ones_like(x) + x, [IDS]),
    "zeros_like_unknown_size": (lambda F, x: F.zeros_like(F.reshape(x, (-1,))), [CUBE]),
    "full": (lambda F, x: F.broadcast_mul(x, F.full((1, 6), 2.5)), [ROW]),
    "arange": (lambda F, x: F.broadcast_mul(x, F.expand_dims(F.arange(6), 0)), [ROW]),
    "arange_steps": (lambda F, x: F.broadcast_mul(x, F.expand_dims(F.arange(1, 4, 0.5), 0)), [ROW]),
    "arange_repeated": (
        lambda F, x: F.broadcast_mul(x, F.expand_dims(F.arange(0, 3, repeat=2), 0)),
        [ROW],
    ),
    "arange_integers": (
        lambda F, x: F.broadcast_add(x, F.expand_dims(F.arange(5, dtype="int64"), 0)),
        [IDS],
    ),
    "linspace": (lambda F, x: F.broadcast_mul(x, F.expand_dims(F.linspace(0, 1, 6), 0)), [ROW]),
    "linspace_open": (
        lambda F, x: F.broadcast_mul(x, F.expand_dims(F.linspace(0, 1, 6, endpoint=False), 0)),
        [ROW],
    ),
    "eye": (lambda F, x: F.dot(x, F.eye(6, 4, 1)), [ROW]),
    "arange_like": (lambda F, x: F.contrib.arange_like(x), [CUBE]),
    "arange_like_axis": (
        lambda F, x: F.contrib.arange_like(x, axis=1, start=3, step=0.5),
        [CUBE],
    ),
    "arange_like_repeated": (lambda F, x: F.contrib.arange_like(x, repeat=3, axis=2), [CUBE]),
    "arange_like_free_repeated": (lambda F, x: F.contrib.arange_like(x, repeat=2, axis=1), [CUBE]),
    "shape_array": (lambda F, x: F.shape_array(x), [CUBE]),
    "size_array": (lambda F, x: F.size_array(x), [CUBE]),
    "index_array": (lambda F, x: F.contrib.index_array(x), [(2, 3)]),
    "index_array_axes": (lambda F, x: F.contrib.index_array(x, axes=(1,)), [(2, 3)]),
    "repeated_ids": (
        lambda F, x, i: F.Embedding(i, x, input_dim=8, output_dim=3),
        [(8, 3), INDICES],
    ),
}
CASES = [Case(name, function(call), inputs) for name, (call, inputs) in ROWS.items()]


@over(CASES)
def test_indexing(case: Case, opset: int) -> None:
    check(case, opset)


@pytest.mark.parametrize(
    ("call", "inputs", "message"),
    [
        (lambda F, x: F.contrib.index_array(x), ROW, "a free axis is not supported"),
        (lambda F, x: F.unravel_index(x, shape=(4, 5)), (3, 2), "a vector of places only"),
        (lambda F, x: F.contrib.boolean_mask(x, F.max(x, axis=1)), (4, 3), "MXNet cannot infer"),
    ],
)
def test_what_depends_on_sizes_or_values_is_refused(call: Any, inputs: Any, message: str) -> None:
    with pytest.raises(ExportError, match=message):
        to_model(nn.HybridLambda(call), inputs=inputs)
