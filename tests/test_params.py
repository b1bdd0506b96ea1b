from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load as reference_load
from safetensors.numpy import save as reference_save
from safetensors_files import entry, safetensors_file

from zoo import params
from zoo.errors import ConfigError, MissingDependencyError, WeightsError

ARRAYS: dict[str, np.ndarray[Any, Any]] = {
    "b.weight": np.arange(6, dtype=np.float32).reshape(2, 3),
    "a.bias": np.array([1.5, -2], np.float16),
    "c.ids": np.array(7, np.int64),
    "d.empty": np.zeros((0, 3), np.float64),
    "e.mask": np.array([True, False]),
}


def _same(first: dict[str, Any], second: dict[str, Any]) -> None:
    assert list(first) == sorted(second)
    for name, array in first.items():
        assert array.dtype == second[name].dtype
        np.testing.assert_array_equal(array, second[name], strict=True)


def test_written_and_read_again(tmp_path: Path) -> None:
    path = tmp_path / "weights.safetensors"
    digest = params.write(path, ARRAYS, {"name": "lenet.mnist", "about": "a test"})
    content = path.read_bytes()
    assert digest == hashlib.sha256(content).hexdigest()
    _same(params.read(path), ARRAYS)
    _same(params.read(str(path)), ARRAYS)
    _same(params.read(content), ARRAYS)


def test_the_library_writes_and_reads_the_same(tmp_path: Path) -> None:
    path = tmp_path / "weights.safetensors"
    params.write(path, ARRAYS)
    assert path.read_bytes() == reference_save(ARRAYS, {"format": "np"})
    assert set(reference_load(path.read_bytes())) == set(ARRAYS)


def test_equal_arrays_give_equal_bytes(tmp_path: Path) -> None:
    turned = {name: ARRAYS[name] for name in reversed(ARRAYS)}
    turned["b.weight"] = np.asfortranarray(turned["b.weight"]).astype(">f4")
    metadata = {"z": "1", "a": "2"}
    first = params.write(tmp_path / "1", ARRAYS, metadata)
    assert params.write(tmp_path / "2", turned, dict(reversed(metadata.items()))) == first


@pytest.mark.parametrize(
    ("arrays", "reason"),
    [
        ({"x": np.array([1, np.nan])}, "not finite in x"),
        ({"x": np.array([np.inf], np.float16)}, "not finite in x"),
        ({"x": np.array(["text"])}, "str"),
        ({"x": np.array([1j])}, "complex128"),
        ({"../x": np.zeros(1)}, "plain text without paths"),
        ({"": np.zeros(1)}, "plain text without paths"),
    ],
)
def test_what_could_not_be_read_is_not_written(
    arrays: dict[str, Any], reason: str, tmp_path: Path
) -> None:
    with pytest.raises(WeightsError, match=reason):
        params.write(tmp_path / "weights", arrays)
    assert list(tmp_path.iterdir()) == []


def test_a_dtype_that_numpy_lacks_is_refused() -> None:
    content = safetensors_file({"a": entry(0, 4, [2], "BF16")}, bytes(4))
    with pytest.raises(WeightsError, match="BF16"):
        params.read(content)


def test_a_shape_that_no_array_can_have_is_refused() -> None:
    content = safetensors_file({"a": entry(0, 0, [0, 2**47, 2**47])})
    with pytest.raises(WeightsError, match="a shape that no array can have"):
        params.read(content)
    assert params.read(safetensors_file({"a": entry(0, 0, [0, 3])}))["a"].shape == (0, 3)


@pytest.mark.parametrize("header", [{}, {"__metadata__": {"a": "b"}}])
def test_no_tensors_is_a_valid_file(header: dict[str, Any]) -> None:
    assert params.read(safetensors_file(header)) == {}


@pytest.mark.parametrize("kind", ["missing", "folder", "fifo"])
def test_no_file(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "weights.safetensors"
    makers: dict[str, Callable[[], object]] = {
        "missing": lambda: None,
        "folder": path.mkdir,
        "fifo": lambda: os.mkfifo(path),
    }
    makers[kind]()
    with pytest.raises(WeightsError, match="there is no such file"):
        params.read(path)


def test_check_lists_everything() -> None:
    arrays = {"a": np.zeros((2, 3)), "b": np.zeros(2), "d": np.zeros(1)}
    expected = {"a": ((3, 2), "float64"), "b": ((2,), "float32"), "c": ((1,), "float32")}
    with pytest.raises(WeightsError) as caught:
        params.check(arrays, expected)
    assert str(caught.value) == (
        "The weights do not fit. missing: c; unknown: d; wrong shape: a is (2, 3), expected "
        "(3, 2); wrong dtype: b is float64, expected float32."
    )
    params.check({"a": np.zeros((2, 3))}, {"a": ((2, 3), np.float64)})


def test_reading_needs_no_mxnet() -> None:
    program = "import sys, zoo.params; print('mxnet' in sys.modules, 'safetensors' in sys.modules)"
    root = Path(params.__file__).parents[1]
    result = subprocess.run(
        [sys.executable, "-c", program], cwd=root, check=True, capture_output=True, text=True
    )
    assert result.stdout == "False False\n"


@pytest.fixture
def gluon() -> Any:
    try:
        from zoo._mxnet import mx
    except MissingDependencyError as error:
        pytest.skip(str(error))
    mx.random.seed(1)
    return mx.gluon


def _dense(gluon: Any, *, in_units: int = 0, initialised: bool = False) -> Any:
    net = gluon.nn.HybridSequential()
    net.add(gluon.nn.Dense(4, in_units=in_units), gluon.nn.Dense(2, in_units=4))
    if initialised:
        net.initialize()
    return net


DENSE = {
    "0.weight": np.linspace(-1, 1, 12, dtype=np.float32).reshape(4, 3),
    "0.bias": np.ones(4, np.float32),
    "1.weight": np.linspace(0, 1, 8, dtype=np.float32).reshape(2, 4),
    "1.bias": np.zeros(2, np.float32),
}


@pytest.mark.parametrize("initialised", [True, False])
@pytest.mark.parametrize("in_units", [0, 3])
def test_load_into_any_state(initialised: bool, in_units: int, gluon: Any) -> None:
    from zoo._mxnet import mx

    net = _dense(gluon, in_units=in_units, initialised=initialised)
    net.hybridize()
    params.load(net, DENSE)
    _same(dict(sorted(params.arrays(net).items())), DENSE)
    data = np.ones((2, 3), np.float32)
    hidden = data @ DENSE["0.weight"].T + DENSE["0.bias"]
    expected = hidden @ DENSE["1.weight"].T + DENSE["1.bias"]
    np.testing.assert_allclose(net(mx.nd.ones((2, 3))).asnumpy(), expected, rtol=1e-5)


def test_a_refused_load_initialises_nothing(gluon: Any) -> None:
    net = _dense(gluon)
    with pytest.raises(WeightsError, match="unknown: x"):
        params.load(net, {**DENSE, "x": np.zeros(1, np.float32)})
    with pytest.raises(WeightsError, match=r"Without a value: 0\.weight"):
        params.arrays(net)


def test_float16_is_widened_only_when_declared(gluon: Any) -> None:
    stored = {name: one.astype(np.float16) for name, one in DENSE.items()}
    net = _dense(gluon)
    with pytest.raises(WeightsError, match="float16, expected float32"):
        params.load(net, stored)
    params.load(net, stored, dtype="float16")
    widened = {name: one.astype(np.float32) for name, one in stored.items()}
    _same(dict(sorted(params.arrays(net).items())), widened)
    with pytest.raises(WeightsError, match="float32, expected float16"):
        params.load(net, DENSE, dtype="float16")
    with pytest.raises(WeightsError, match="stored float64 would lose digits"):
        params.load(net, DENSE, dtype="float64")


def test_each_array_of_an_own_file_may_be_narrower(gluon: Any) -> None:
    narrow = {"0.weight", "1.bias"}
    mixed = {k: one.astype(np.float16 if k in narrow else one.dtype) for k, one in DENSE.items()}
    net = _dense(gluon)
    params.load(net, mixed, widen=True)
    widened = {name: one.astype(np.float32) for name, one in mixed.items()}
    _same(dict(sorted(params.arrays(net).items())), widened)
    wide = {**mixed, "1.weight": DENSE["1.weight"].astype(np.float64)}
    with pytest.raises(WeightsError, match=r"1\.weight is float32: stored float64 would lose"):
        params.load(net, wide, widen=True)


def test_the_order_of_bytes_is_none_of_the_dtype(gluon: Any) -> None:
    net = _dense(gluon)
    params.load(net, {name: one.astype(">f4") for name, one in DENSE.items()})
    _same(dict(sorted(params.arrays(net).items())), DENSE)


def test_a_file_larger_than_the_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_room(*_: Any) -> None:
        raise MemoryError

    params.write(tmp_path / "x", ARRAYS)
    monkeypatch.setattr(params, "_checked_bytes", no_room)
    with pytest.raises(WeightsError, match="x: it does not fit into this machine's memory"):
        params.read(tmp_path / "x")


def test_arrays_are_converted_one_at_a_time(gluon: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from zoo._mxnet import mx

    net, steps = _dense(gluon, in_units=3, initialised=True), []
    convert, keep = mx.nd.from_numpy, gluon.Parameter.set_data
    monkeypatch.setattr(
        mx.nd, "from_numpy", lambda *a, **k: steps.append("convert") or convert(*a, **k)
    )
    monkeypatch.setattr(gluon.Parameter, "set_data", lambda *a: steps.append("set") or keep(*a))
    params.load(net, DENSE)
    assert steps == ["convert", "set"] * 4


def test_contexts(gluon: Any) -> None:
    from zoo._mxnet import mx

    net = _dense(gluon)
    params.load(net, DENSE, ctx=mx.cpu(1))
    params.load(net, DENSE)
    assert net[0].weight.list_ctx() == [mx.cpu(1)]
    params.load(net, DENSE, ctx=[mx.cpu(0), mx.cpu(1)])
    assert net[1].bias.list_ctx() == [mx.cpu(0), mx.cpu(1)]
    np.testing.assert_array_equal(net[1].weight.data(mx.cpu(1)).asnumpy(), DENSE["1.weight"])


def test_a_context_that_is_not_there(gluon: Any) -> None:
    from zoo._mxnet import mx

    if mx.context.num_gpus():
        pytest.skip("this machine has a GPU for MXNet")
    net = _dense(gluon, in_units=3, initialised=True)
    before = params.arrays(net)
    with pytest.raises(ConfigError, match=r"no context gpu\(0\)"):
        params.load(net, DENSE, ctx=mx.gpu())
    _same(dict(sorted(params.arrays(net).items())), before)


@pytest.mark.parametrize("ctx", [[], "cpu", ["cpu"], 0])
def test_what_is_no_context(ctx: Any, gluon: Any) -> None:
    net = _dense(gluon, in_units=3, initialised=True)
    with pytest.raises(ConfigError, match="ctx is a context, such as"):
        params.load(net, DENSE, ctx=ctx)
    assert params.arrays(net)


@pytest.mark.parametrize("initialised", [False, True])
def test_a_parameter_of_unknown_shape(initialised: bool, gluon: Any) -> None:
    net = gluon.nn.HybridSequential()
    net.add(gluon.nn.HybridLambda("relu"))
    net[0]._reg_params["own"] = net[0].params.get("own", shape=None, allow_deferred_init=True)
    if initialised:
        net.initialize()
    with pytest.raises(WeightsError, match=r"missing: 0\.own"):
        params.load(net, {})
    params.load(net, {"0.own": DENSE["0.weight"]})
    np.testing.assert_array_equal(params.arrays(net)["0.own"], DENSE["0.weight"])


def test_recurrent_and_tied_parameters(gluon: Any) -> None:
    net = gluon.nn.HybridSequential()
    embedding = gluon.nn.Embedding(5, 3)
    net.add(embedding, gluon.rnn.LSTM(3, input_size=3), gluon.nn.Dense(5, params=embedding.params))
    net.initialize()
    net[2].bias.shape = (5,)
    net[2].bias.initialize(force_reinit=True)
    assert list(params.arrays(net)) == [
        "0.weight",
        "1.l0_i2h_weight",
        "1.l0_h2h_weight",
        "1.l0_i2h_bias",
        "1.l0_h2h_bias",
        "2.bias",
    ]


def test_what_gluon_trains_survives_the_way_round(tmp_path: Path, gluon: Any) -> None:
    net, other = _dense(gluon, in_units=3, initialised=True), _dense(gluon)
    params.write(tmp_path / "weights", params.arrays(net))
    params.load(other, params.read(tmp_path / "weights"))
    _same(dict(sorted(params.arrays(other).items())), params.arrays(net))


def test_metadata_is_read_from_the_bytes(tmp_path: Path) -> None:
    path = tmp_path / "x.safetensors"
    params.write(path, {"a": np.zeros(2, np.float32)}, {"name": "x.y"})
    assert params.read_metadata(path.read_bytes()) == {"format": "np", "name": "x.y"}
    with pytest.raises(WeightsError, match="too few"):
        params.read_metadata(b"")
