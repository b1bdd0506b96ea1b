"""Operators of `mx.np` and `mx.npx`, with numpy's dtypes, ranks and broadcasting."""

from __future__ import annotations

import pytest

pytest.importorskip("zoo._mxnet", reason="needs MXNet", exc_type=ImportError)

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from layers import CUBE, IDS, IMAGE, ROW, Case, check, function, over

from zoo._mxnet import gluon, mx, nn
from zoo.errors import ExportError
from zoo.manifest import TensorSpec
from zoo.onnx import export_onnx, to_model


@pytest.fixture(autouse=True)
def numpy_semantics() -> Iterator[None]:
    mx.npx.set_np()
    yield
    mx.npx.reset_np()


def unary(name: str, inner: Any = lambda F, x: x) -> Case:
    return Case(name, function(lambda F, x: getattr(F.np, name)(inner(F, x))), ROW)


def binary(name: str) -> Case:
    call = function(lambda F, x, y: getattr(F.np, name)(x, y))
    return Case(name, call, [CUBE, ("time", 1)])


PLAIN = [
    "absolute",
    "arctan",
    "arcsinh",
    "cbrt",
    "ceil",
    "cos",
    "cosh",
    "degrees",
    "exp",
    "expm1",
    "fix",
    "floor",
    "negative",
    "radians",
    "reciprocal",
    "rint",
    "sign",
    "sin",
    "sinh",
    "square",
    "tan",
    "tanh",
    "trunc",
    "isnan",
    "isinf",
    "isfinite",
    "isposinf",
    "isneginf",
    "logical_not",
    "zeros_like",
    "ones_like",
]
POSITIVE = ["log", "log10", "log1p", "log2", "sqrt"]
BOUNDED = ["arccos", "arcsin", "arctanh"]
BINARY = [
    "add",
    "subtract",
    "multiply",
    "true_divide",
    "mod",
    "maximum",
    "minimum",
    "hypot",
    "copysign",
    "arctan2",
    "equal",
    "not_equal",
    "greater",
    "greater_equal",
    "less",
    "less_equal",
]
REDUCTIONS = ["sum", "max", "min", "prod", "mean", "std", "var", "argmax", "argmin"]
ROWS: dict[str, tuple[Any, Any]] = {
    "integers_squared": (lambda F, x: F.np.square(x) + F.np.floor(x), IDS),
    "integers_over": (lambda F, x: x / 2, IDS),
    "mixed": (lambda F, x, y: x + y, [IDS, ("batch", 5)]),
    "power": (lambda F, x, y: F.np.power(F.np.abs(x), y), [ROW, ROW]),
    "power_number": (lambda F, x: x**2, ROW),
    "number_power": (lambda F, x: 2**x, ROW),
    "plus": (lambda F, x: x + 1, ROW),
    "minus": (lambda F, x: x - 1, ROW),
    "minus_from": (lambda F, x: 1 - x, ROW),
    "times": (lambda F, x: x * 3, ROW),
    "over": (lambda F, x: x / 3, ROW),
    "over_into": (lambda F, x: 3 / x, ROW),
    "mod_number": (lambda F, x: x % 1.5, ROW),
    "mod_of_number": (lambda F, x: 1.5 % x, ROW),
    "at_least": (lambda F, x: F.np.maximum(x, 0.1), ROW),
    "at_most": (lambda F, x: F.np.minimum(x, 0.1), ROW),
    "greater_number": (lambda F, x: x > 0.1, ROW),
    "less_number": (lambda F, x: x <= 0.1, ROW),
    "equal_number": (lambda F, x: x == 3, IDS),
    "not_equal_number": (lambda F, x: x != 3, IDS),
    "bitwise": (lambda F, x: F.np.bitwise_xor(F.np.bitwise_and(x, 6), 3), IDS),
    "around": (lambda F, x: F.np.around(x), ROW),
    "around_halves": (lambda F, x: F.np.around(x / 2), IDS),
    "clip": (lambda F, x: F.np.clip(x, -0.5, 0.5), ROW),
    "clip_one_side": (lambda F, x: F.np.clip(x, None, 0.5), ROW),
    "where": (lambda F, x, y: F.np.where(x > 0, x, y), [CUBE, ("time", 1)]),
    "where_number": (lambda F, x: F.np.where(x > 0, x, 0.5), ROW),
    "where_number_first": (lambda F, x: F.np.where(x > 0, 0.5, x), ROW),
    "where_numbers": (lambda F, x: F.np.where(x > 0, 0.5, 2.5), ROW),
    "where_numbers_of_numbers": (lambda F, x: F.np.where(F.npx.relu(x), 0.5, 2.5), ROW),
    "astype": (lambda F, x: (x * 4).astype("int32"), ROW),
    "any": (lambda F, x: F.np.any(x > 1, axis=1), ROW),
    "all": (lambda F, x: F.np.all(x > -1, axis=0), ROW),
    "sum_dtype": (lambda F, x: F.np.sum(x, axis=1, dtype="float32"), IDS),
    "sum_bool": (lambda F, x: F.np.sum(x > 0, axis=1), ROW),
    "mean_integers": (lambda F, x: F.np.mean(x, axis=1), IDS),
    "var_spread": (lambda F, x: F.np.var(x, axis=1, ddof=1), CUBE),
    "average": (lambda F, x: F.np.average(x, axis=1), CUBE),
    "average_weighted": (lambda F, x, w: F.np.average(x, axis=1, weights=F.np.abs(w)), [ROW, ROW]),
    "norm": (lambda F, x: F.np.linalg.norm(x, axis=1), CUBE),
    "norm_all": (lambda F, x: F.np.linalg.norm(x), CUBE),
    "norm_1": (lambda F, x: F.np.linalg.norm(x, ord=1, axis=1), CUBE),
    "cumsum": (lambda F, x: F.np.cumsum(x, axis=1), CUBE),
    "reshape": (lambda F, x: F.np.reshape(x, (-1, 6)), CUBE),
    "reshape_method": (lambda F, x: x.reshape((-1, 2, 3)), ROW),
    "npx_reshape": (lambda F, x: F.npx.reshape(x, (-2, -2, 2, -1)), CUBE),
    "npx_reshape_split": (lambda F, x: F.npx.reshape(x, (-2, -6, 2, -1, -4)), IMAGE),
    "transpose": (lambda F, x: F.np.transpose(x), CUBE),
    "transpose_axes": (lambda F, x: F.np.transpose(x, (0, 2, 1)), CUBE),
    "swapaxes": (lambda F, x: F.np.swapaxes(x, 0, 2), CUBE),
    "moveaxis": (lambda F, x: F.np.moveaxis(x, 0, -1), CUBE),
    "expand_dims": (lambda F, x: F.np.expand_dims(x, 1), ROW),
    "squeeze": (lambda F, x: F.np.squeeze(x), (2, 1, 3)),
    "concatenate": (lambda F, x, y: F.np.concatenate([x, y], axis=1), [ROW, ("batch", 2)]),
    "concatenate_flat": (lambda F, x, y: F.np.concatenate([x, y], axis=None), [(2, 3), (4,)]),
    "stack": (lambda F, x, y: F.np.stack([x, y], axis=1), [ROW, ROW]),
    "vstack": (lambda F, x, y: F.np.vstack([x, y]), [ROW, (3, 6)]),
    "dsplit": (lambda F, x: [*F.np.dsplit(x, 3)], CUBE),
    "bitwise_not": (lambda F, x: F.np.bitwise_not(x), IDS),
    "column_stack": (lambda F, x, y: F.np.column_stack([x, y]), [("batch",), ROW]),
    "split": (lambda F, x: [*F.np.split(x, 3, axis=1)], ROW),
    "split_places": (lambda F, x: [*F.np.split(x, (1, 4), axis=1)], ROW),
    "hsplit": (lambda F, x: [*F.np.hsplit(x, 2)], ROW),
    "broadcast_to": (lambda F, x: F.np.broadcast_to(x, (4, 2, 6)), (2, 6)),
    "tile": (lambda F, x: F.np.tile(x, (2, 3)), ROW),
    "repeat": (lambda F, x: F.np.repeat(x, 2, axis=1), CUBE),
    "flip": (lambda F, x: F.np.flip(x, axis=1), CUBE),
    "flip_all": (lambda F, x: F.np.flip(x), CUBE),
    "roll": (lambda F, x: F.np.roll(x, 2, axis=1), CUBE),
    "roll_backwards": (lambda F, x: F.np.roll(x, -2, axis=1), CUBE),
    "roll_round_and_round": (lambda F, x: F.np.roll(x, 15, axis=2), CUBE),
    "roll_round_a_free_axis": (lambda F, x: F.np.roll(x, -7, axis=1), CUBE),
    "roll_flat_round": (lambda F, x: F.np.roll(x, 100), ROW),
    "roll_flat": (lambda F, x: F.np.roll(x, 2), ROW),
    "rot90": (lambda F, x: F.np.rot90(x), CUBE),
    "pad": (lambda F, x: F.np.pad(x, ((0, 0), (1, 2)), mode="constant", constant_values=3), ROW),
    "pad_edge": (lambda F, x: F.np.pad(x, ((0, 0), (1, 2)), mode="edge"), ROW),
    "slice": (lambda F, x: x[:, 1:5:2], ROW),
    "index": (lambda F, x: x[:, -1], CUBE),
    "diag": (lambda F, x: F.np.diag(x), (4, 4)),
    "diagonal": (lambda F, x: F.np.diagonal(x, axis1=1, axis2=2), (2, 3, 4)),
    "trace": (lambda F, x: F.np.trace(x), (3, 4)),
    "tril": (lambda F, x: F.np.tril(x), (3, 4)),
    "atleast": (lambda F, x: F.np.atleast_3d(x), ROW),
    "dot": (lambda F, x, y: F.np.dot(x, y), [CUBE, (6, 3)]),
    "dot_vectors": (lambda F, x, y: F.np.dot(x, y), [(6,), (6,)]),
    "matmul": (lambda F, x, y: F.np.matmul(x, y), [CUBE, ("batch", 6, 3)]),
    "tensordot": (lambda F, x, y: F.np.tensordot(x, y, axes=([2], [0])), [CUBE, (6, 3)]),
    "tensordot_count": (lambda F, x, y: F.np.tensordot(x, y, axes=1), [CUBE, (6, 3)]),
    "einsum": (lambda F, x, y: F.np.einsum("bti,io->bto", x, y), [CUBE, (6, 3)]),
    "zeros": (lambda F, x: x + F.np.zeros((1, 6)), ROW),
    "ones": (lambda F, x: x + F.np.ones((1, 6)), ROW),
    "full": (lambda F, x: x + F.np.full((1, 6), 2.5), ROW),
    "full_like": (lambda F, x: x + F.np.full_like(x, 2.5), ROW),
    "arange": (lambda F, x: x + F.np.arange(6), ROW),
    "arange_steps": (lambda F, x: x + F.np.arange(1, 4, 0.5), ROW),
    "linspace": (lambda F, x: x + F.np.linspace(0, 1, 6), ROW),
    "logspace": (lambda F, x: x + F.np.logspace(0, 1, 6), ROW),
    "eye": (lambda F, x: F.np.dot(x, F.np.eye(6, 3, 1)), ROW),
    "identity": (lambda F, x: F.np.dot(x, F.np.identity(6)), ROW),
    "hanning": (lambda F, x: x * F.np.hanning(6) + F.np.hamming(6) * F.np.blackman(6), ROW),
    "take": (lambda F, x, i: F.np.take(x, i, axis=1), [("batch", 9), IDS]),
    "take_flat": (lambda F, x, i: F.np.take(x, i), [(3, 4), IDS]),
    "sort": (lambda F, x: F.np.sort(x, axis=1), CUBE),
    "argsort": (lambda F, x: F.np.argsort(x, axis=1), CUBE),
    "diff": (lambda F, x: F.np.diff(x, axis=1), ROW),
    "diff_twice": (lambda F, x: F.np.diff(x, n=2, axis=1), ROW),
    "copy": (lambda F, x: F.np.exp(F.np.copy(x)), ROW),
    "nan_to_num_integers": (lambda F, x: F.np.nan_to_num(x), IDS),
    "nan_to_num": (lambda F, x: F.np.nan_to_num(F.np.log(x), nan=7), ROW),
    "nan_to_num_double": (
        lambda F, x: F.np.nan_to_num(x / (x * 0)),
        [TensorSpec("x", ("batch", 6), "float64")],
    ),
    "ldexp": (lambda F, x, y: F.np.ldexp(x, F.np.rint(y)), [ROW, ROW]),
    "relu": (lambda F, x: F.npx.relu(x), ROW),
    "sigmoid": (lambda F, x: F.npx.sigmoid(x), ROW),
    "softmax": (lambda F, x: F.npx.softmax(x), ROW),
    "log_softmax": (lambda F, x: F.npx.log_softmax(x, axis=1), CUBE),
    "activation": (lambda F, x: F.npx.activation(x, act_type="tanh"), ROW),
    "leaky_relu": (lambda F, x: F.npx.leaky_relu(x, act_type="elu", slope=0.5), ROW),
    "gelu": (lambda F, x: F.npx.leaky_relu(x, act_type="gelu"), ROW),
    "one_hot": (lambda F, x: F.npx.one_hot(x, 8), IDS),
    "pick": (lambda F, x, i: F.npx.pick(x, i, axis=1), [ROW, ("batch",)]),
    "topk": (lambda F, x: F.npx.topk(x, k=2, axis=1), ROW),
    "batch_dot": (lambda F, x, y: F.npx.batch_dot(x, y), [CUBE, ("batch", 6, 3)]),
    "batch_flatten": (lambda F, x: F.npx.batch_flatten(x), IMAGE),
    "arange_like": (lambda F, x: F.npx.arange_like(x, axis=1), CUBE),
    "smooth_l1": (lambda F, x: F.npx.smooth_l1(x, scalar=2.0), ROW),
    "erf": (lambda F, x: F.npx.erf(x), ROW),
    "sequence_mask": (
        lambda F, x, n: F.npx.sequence_mask(x, F.np.abs(n) + 1, use_sequence_length=True),
        [("time", "batch", 3), ("batch",)],
    ),
    "pooling": (lambda F, x: F.npx.pooling(x, kernel=(2, 2), pool_type="max"), IMAGE),
    "reshape_like": (lambda F, x, y: F.npx.reshape_like(x, y), [CUBE, ("batch", "time", 2, 3)]),
}
LAYERS = {
    "dense": (lambda: nn.Dense(3, flatten=False), CUBE),
    "conv": (lambda: nn.Conv2D(3, 3), IMAGE),
    "deconv": (lambda: nn.Conv2DTranspose(3, 3, 2), IMAGE),
    "batch_norm": (nn.BatchNorm, IMAGE),
    "layer_norm": (nn.LayerNorm, CUBE),
    "pool": (lambda: nn.AvgPool2D(2), IMAGE),
    "global_pool": (nn.GlobalAvgPool2D, IMAGE),
    "embedding": (lambda: nn.Embedding(8, 3), IDS),
    "dropout": (lambda: nn.Dropout(0.5), ROW),
    "flatten": (nn.Flatten, IMAGE),
    "leaky": (lambda: nn.LeakyReLU(0.1), ROW),
    "prelu": (nn.PReLU, IMAGE),
    "lstm": (
        lambda: gluon.rnn.LSTM(5, 2, bidirectional=True),
        [("time", "batch", 6), [(4, "batch", 5), (4, "batch", 5)]],
    ),
}
CASES = [
    *(unary(name) for name in PLAIN),
    *(unary(name, lambda F, x: F.np.abs(x) + 0.1) for name in POSITIVE),
    *(unary(name, lambda F, x: F.np.tanh(x) * 0.9) for name in BOUNDED),
    *(binary(name) for name in BINARY),
    *(
        Case(
            f"{name}_{axes}",
            function(lambda F, x, name=name, a=arguments: getattr(F.np, name)(x, **a)),
            CUBE,
            tolerance=1e-5,
        )
        for name in REDUCTIONS
        for axes, arguments in {"one": {"axis": 1}, "all": {}, "last": {"axis": -1}}.items()
    ),
    *(
        Case(
            f"{name}_kept",
            function(lambda F, x, n=name: getattr(F.np, n)(x, axis=(0, 2), keepdims=True)),
            CUBE,
            tolerance=1e-5,
        )
        for name in REDUCTIONS[:7]
    ),
    *(
        Case(name, function(call), inputs, tolerance=5e-6)
        for name, (call, inputs) in ROWS.items()
        if name != "bitwise"
    ),
    *(Case(f"layer_{name}", build, inputs) for name, (build, inputs) in LAYERS.items()),
]


@pytest.mark.parametrize("opset", [18, 21])
def test_bits(opset: int) -> None:
    check(Case("bitwise", function(ROWS["bitwise"][0]), IDS), opset)


@over(CASES)
def test_numpy(case: Case, opset: int) -> None:
    check(case, opset)


@pytest.mark.parametrize(
    "options",
    [{"ord": 2, "axis": (1, 2)}, {"ord": "nuc", "axis": (1, 2)}, {"ord": 2.5, "axis": 1}],
)
def test_norms_that_are_none_of_vectors_are_refused(options: dict[str, Any]) -> None:
    layer = nn.HybridLambda(lambda F, x: F.np.linalg.norm(x, **options))
    with pytest.raises(ExportError, match=r"norm of matrices is not|ord=2\.5 is not supported"):
        to_model(layer, inputs=CUBE)


@pytest.mark.parametrize("call", [lambda F, x: F.np.sin(x), lambda F, x: x + 0.5])
def test_integers_that_mxnet_cuts_are_refused(call: Any) -> None:
    with pytest.raises(ExportError, match="int64"):
        to_model(nn.HybridLambda(call), inputs=[IDS])


def test_a_symbol_of_numpy_operators(tmp_path: Path) -> None:
    """Its shapes are read as numpy means them, wherever it is opened."""
    data = mx.sym.var("data").as_np_ndarray()
    symbol = mx.sym.np.mean(mx.sym.np.expand_dims(data, 0) * 2, axis=1)
    text = symbol.tojson()
    mx.npx.reset_np()
    opened = mx.sym.load_json(text)
    report = export_onnx(opened, tmp_path / "net.onnx", inputs={"data": ROW}, params={})
    assert report.max_rel is not None
    assert report.max_rel < 1e-6


def test_bits_need_opset_18() -> None:
    layer = nn.HybridLambda(ROWS["bitwise"][0])
    with pytest.raises(ExportError, match=r"\(node .*\) needs opset 18: 17 has no BitwiseAnd"):
        to_model(layer, inputs=[IDS], opset=17)
