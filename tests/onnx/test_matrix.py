"""Products of matrices, and attention over interleaved projections."""

from __future__ import annotations

import pytest

pytest.importorskip("zoo._mxnet", reason="needs MXNet", exc_type=ImportError)

from typing import Any

from layers import CUBE, ROW, Case, check, function, over

QKV, KV, SCORES = ("time", "batch", 2 * 3 * 5), (7, "batch", 2 * 2 * 5), ("time", "batch", 10)
ROWS = {
    "dot": (lambda F, x, y: F.dot(x, y), [ROW, (6, 3)]),
    "dot_transposed": (lambda F, x, y: F.dot(x, y, transpose_b=True), [ROW, (3, 6)]),
    "dot_both_transposed": (
        lambda F, x, y: F.dot(x, y, transpose_a=True, transpose_b=True),
        [("batch", 6), (3, "batch")],
    ),
    "dot_vectors": (lambda F, x, y: F.dot(x, y), [(6,), (6,)]),
    "dot_matrix_vector": (lambda F, x, y: F.dot(x, y), [ROW, (6,)]),
    "dot_cube": (lambda F, x, y: F.dot(x, y), [CUBE, (6, 3)]),
    "dot_cube_a": (lambda F, x, y: F.dot(x, y, transpose_a=True), [(6, "batch", 3), (6, 5)]),
    "dot_cube_a_vector": (lambda F, x, y: F.dot(x, y, transpose_a=True), [(6, "batch", 3), (6,)]),
    "dot_cube_b": (lambda F, x, y: F.dot(x, y, transpose_b=True), [ROW, (3, 5, 6)]),
    "dot_cubes": (
        lambda F, x, y: F.dot(x, y, transpose_a=True, transpose_b=True),
        [(6, "batch", 3), (3, 5, 6)],
    ),
    "dot_to_cube": (lambda F, x, y: F.dot(x, y), [ROW, (6, 3, 2)]),
    "batch_dot": (lambda F, x, y: F.batch_dot(x, y), [CUBE, ("batch", 6, 3)]),
    "batch_dot_a": (
        lambda F, x, y: F.batch_dot(x, y, transpose_a=True),
        [("batch", 6, "time"), ("batch", 6, 3)],
    ),
    "batch_dot_b": (
        lambda F, x, y: F.batch_dot(x, y, transpose_b=True),
        [CUBE, ("batch", 3, 6)],
    ),
    "gemm2": (lambda F, x, y: F.linalg.gemm2(x, y, alpha=0.5), [CUBE, ("batch", 6, 3)]),
    "gemm2_transposed": (
        lambda F, x, y: F.linalg.gemm2(x, y, transpose_b=True),
        [CUBE, ("batch", 3, 6)],
    ),
    "gemm": (
        lambda F, x, y, z: F.linalg.gemm(x, y, z, alpha=0.5, beta=2),
        [CUBE, ("batch", 6, 3), ("batch", "time", 3)],
    ),
    "syrk": (lambda F, x: F.linalg.syrk(x, alpha=0.5), [CUBE]),
    "syrk_transposed": (lambda F, x: F.linalg.syrk(x, transpose=True), [CUBE]),
    "det": (lambda F, x: F.linalg.det(x), [("batch", 3, 3)]),
    "khatri_rao": (lambda F, x, y: F.khatri_rao(x, y), [ROW, (3, 6)]),
    "self_attention_scores": (
        lambda F, x: F.contrib.interleaved_matmul_selfatt_qk(x, heads=2),
        [QKV],
    ),
    "self_attention": (
        lambda F, x: F.contrib.interleaved_matmul_selfatt_valatt(
            x, F.softmax(F.contrib.interleaved_matmul_selfatt_qk(x, heads=2)), heads=2
        ),
        [QKV],
    ),
    "encoder_decoder_scores": (
        lambda F, q, kv: F.contrib.interleaved_matmul_encdec_qk(q, kv, heads=2),
        [SCORES, KV],
    ),
    "encoder_decoder_attention": (
        lambda F, q, kv: F.contrib.interleaved_matmul_encdec_valatt(
            kv, F.softmax(F.contrib.interleaved_matmul_encdec_qk(q, kv, heads=2)), heads=2
        ),
        [SCORES, KV],
    ),
}
CASES = [
    Case(name, function(call), inputs, tolerance=5e-6) for name, (call, inputs) in ROWS.items()
]


@over(CASES)
def test_products(case: Case, opset: int) -> None:
    check(case, opset)


def dropped(F: Any, x: Any) -> Any:
    """Self-attention as it is trained, with dropout of its weights."""
    weights = F.softmax(F.contrib.interleaved_matmul_selfatt_qk(x, heads=2))
    return F.contrib.interleaved_matmul_selfatt_valatt(x, F.Dropout(weights, p=0.1), heads=2)


def with_weights(F: Any, x: Any) -> list[Any]:
    weights = F.softmax(F.contrib.interleaved_matmul_selfatt_qk(x, heads=2))
    return [F.contrib.interleaved_matmul_selfatt_valatt(x, weights, heads=2), weights]


def cooled(F: Any, x: Any) -> Any:
    weights = F.softmax(F.contrib.interleaved_matmul_selfatt_qk(x, heads=2), temperature=2.0)
    return F.contrib.interleaved_matmul_selfatt_valatt(x, weights, heads=2)


def of_another(F: Any, x: Any) -> Any:
    weights = F.softmax(F.contrib.interleaved_matmul_selfatt_qk(x * 2, heads=2))
    return F.contrib.interleaved_matmul_selfatt_valatt(x, weights, heads=2)


@pytest.mark.parametrize(
    ("call", "inputs", "count"),
    [
        (ROWS["self_attention"][0], [QKV], 1),
        (ROWS["encoder_decoder_attention"][0], [SCORES, KV], 1),
        (dropped, [QKV], 1),
        (with_weights, [QKV], 0),
        (cooled, [QKV], 0),
        (of_another, [QKV], 0),
    ],
)
def test_attention_is_an_operator_where_the_opset_has_it(
    call: Any, inputs: Any, count: int
) -> None:
    model = check(Case("attention", function(call), inputs, tolerance=5e-6), 23)
    kinds = [node.op_type for node in model.graph.node]
    assert (kinds.count("Attention"), kinds.count("Softmax")) == (count, 1 - count)
