"""Every architecture: counts, shapes, hybridized equals imperative, save and load."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

pytest.importorskip("zoo._mxnet", reason="networks need MXNet", exc_type=ImportError)

import zoo
from zoo import models, params
from zoo._mxnet import mx
from zoo.errors import ConfigError, UnknownModelError


class Row(NamedTuple):
    """One configuration: its exact parameter count, an input's shape and the output's."""

    name: str
    config: dict[str, Any]
    parameters: int
    input: tuple[int, ...]
    output: tuple[int, ...]


SMALL_LM = {"vocabulary_size": 50, "embed_size": 12, "hidden_size": 12}
ROWS = [
    Row("linear_regression", {}, 9, (3, 8), (3, 1)),
    Row("linear_regression", {"features": 2}, 3, (3, 2), (3, 1)),
    Row("logistic_regression", {}, 7_850, (3, 1, 28, 28), (3, 10)),
    Row("logistic_regression", {"classes": 1, "features": 123}, 124, (3, 123), (3, 1)),
    Row("mlp", {}, 109_386, (3, 1, 28, 28), (3, 10)),
    Row("mlp", {"hidden": [16], "activation": "tanh", "classes": 4}, 12_628, (2, 784), (2, 4)),
    Row("lenet", {}, 431_080, (3, 1, 28, 28), (3, 10)),
    Row("lenet", {"classes": 26}, 439_096, (2, 1, 28, 28), (2, 26)),
    Row("lstm_lm", {}, 7_332_078, (5, 2), (5, 2, 33_278)),
    Row("lstm_lm", SMALL_LM, 600 + 50 + 2 * 4 * (24 * 12 + 24), (7, 3), (7, 3, 50)),
    Row("lstm_lm", {**SMALL_LM, "cell": "gru"}, 650 + 2 * 3 * 312, (7, 3), (7, 3, 50)),
    Row("lstm_lm", {**SMALL_LM, "cell": "rnn_tanh"}, 650 + 2 * 312, (7, 3), (7, 3, 50)),
    Row("lstm_lm", {**SMALL_LM, "cell": "rnn_relu"}, 650 + 2 * 312, (7, 3), (7, 3, 50)),
    Row(
        "lstm_lm",
        {**SMALL_LM, "hidden_size": 8, "layers": 1, "tie_weights": False},
        600 + 50 * 8 + 50 + 4 * (20 * 8 + 16),
        (7, 3),
        (7, 3, 50),
    ),
]
by_row = pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.name}-{row.parameters}")


def network(row: Row) -> Any:
    mx.random.seed(1)
    net = models.build(row.name, **row.config)
    net.initialize(mx.init.Normal(0.1))
    return net


def forward(net: Any, row: Row) -> list[np.ndarray]:
    random = np.random.Generator(np.random.PCG64(0))
    if row.name != "lstm_lm":
        return [net(mx.nd.array(random.normal(size=row.input))).asnumpy()]
    ids = mx.nd.array(random.integers(0, row.output[-1], row.input), dtype="int32")
    logits, states = net(ids, net.begin_state(row.input[1]))
    return [one.asnumpy() for one in (logits, *states)]


@by_row
def test_exact_parameter_count(row: Row) -> None:
    net = network(row)
    forward(net, row)
    assert sum(one.size for one in params.arrays(net).values()) == row.parameters


@by_row
def test_shape_and_dtype_of_the_output(row: Row) -> None:
    output, *states = forward(network(row), row)
    assert output.shape == row.output
    assert output.dtype == np.float32
    assert len(states) == {"lstm_lm": 2 if row.config.get("cell", "lstm") == "lstm" else 1}.get(
        row.name, 0
    )


@by_row
def test_hybridized_equals_imperative(row: Row) -> None:
    net = network(row)
    imperative = forward(net, row)
    net.hybridize()
    for one, other in zip(imperative, forward(net, row), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-6)


@by_row
def test_saved_and_loaded_it_is_the_same(row: Row, tmp_path: Path) -> None:
    net = network(row)
    expected = forward(net, row)
    params.write(tmp_path / "net.safetensors", params.arrays(net))
    again = models.build(row.name, **row.config)
    params.load(again, params.read(tmp_path / "net.safetensors"))
    for one, other in zip(expected, forward(again, row), strict=True):
        np.testing.assert_array_equal(one, other)


@by_row
def test_gluons_own_export_runs(row: Row, tmp_path: Path) -> None:
    net = network(row)
    net.hybridize()
    forward(net, row)
    net.export(str(tmp_path / "net"))
    assert (tmp_path / "net-symbol.json").stat().st_size > 0


def test_states_are_carried_over() -> None:
    row = next(one for one in ROWS if one.config == SMALL_LM)
    net = network(row)
    ids = mx.nd.array(np.arange(12).reshape(12, 1), dtype="int32")
    whole, _ = net(ids, net.begin_state(1))
    first, states = net(ids[:5], net.begin_state(1))
    second, _ = net(ids[5:], states)
    both = np.concatenate([first.asnumpy(), second.asnumpy()])
    np.testing.assert_allclose(whole.asnumpy(), both, rtol=1e-5, atol=1e-6)


def test_tied_weights_are_one_parameter() -> None:
    tied = models.build("lstm_lm", **SMALL_LM)
    assert tied.decoder.weight is tied.embedding.weight
    assert "decoder.weight" not in params.parameters(tied)
    untied = models.build("lstm_lm", **SMALL_LM, tie_weights=False)
    assert "decoder.weight" in params.parameters(untied)


def test_every_architecture_has_a_row() -> None:
    assert {row.name for row in ROWS} == set(models.ARCHITECTURES)


@pytest.mark.parametrize(
    ("name", "config", "message"),
    [
        ("lenet", {"classes": 0}, "classes must be at least 1, not 0"),
        ("lenet", {"classes": 2.5}, "classes must be a whole number, not 2.5"),
        ("lenet", {"clases": 3}, "no argument 'clases'. Did you mean 'classes'?"),
        ("mlp", {"activation": "swish"}, "activation is one of relu"),
        ("mlp", {"hidden": [0]}, "hidden must be at least 1, not 0"),
        ("mlp", {"hidden": "64"}, "hidden must be a whole number, not '6'"),
        ("logistic_regression", {"features": 0}, "features must be at least 1, not 0"),
        ("linear_regression", {"features": 0}, "features must be at least 1, not 0"),
        ("lstm_lm", {"cell": "lsm"}, "cell is one of lstm, gru"),
        ("lstm_lm", {"dropout": 1.0}, "dropout is at least 0 and below 1"),
        ("lstm_lm", {"layers": 0}, "layers must be at least 1, not 0"),
        ("lstm_lm", {"vocabulary_size": True}, "vocabulary_size must be a whole number, not True"),
        ("lstm_lm", {"layers": 10**9}, "layers is at most 1000, not 1000000000"),
        ("mlp", {"hidden": [1] * 1001}, "hidden has at most 1000 layers, not 1001"),
        ("lstm_lm", {"embed_size": 3}, "Tied weights need embed_size equal to hidden_size"),
    ],
)
def test_bad_config_is_refused(name: str, config: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message.replace("?", r"\?")):
        models.build(name, **config)


@pytest.mark.parametrize("argument", ["name", "record", "architecture"])
def test_a_strangers_config_is_refused_whatever_its_arguments(argument: str) -> None:
    with pytest.raises(ConfigError, match=f"lenet has no argument '{argument}'"):
        models.build_published("lenet.x", "lenet", **{argument: 1})


def test_unknown_architecture_names_near_ones() -> None:
    with pytest.raises(UnknownModelError, match="Did you mean 'lenet'"):
        models.build("lenett")


def test_complete_fills_in_the_defaults() -> None:
    assert models.complete("mlp", classes=3) == {
        "classes": 3,
        "features": 784,
        "hidden": (128, 64),
        "activation": "relu",
    }


@pytest.mark.parametrize("row", [row for row in ROWS if row.parameters < 1e6], ids=str)
def test_exports_without_being_told_its_inputs(row: Row, tmp_path: Path) -> None:
    report = zoo.export_onnx(network(row), tmp_path / "net.onnx")
    assert report.max_rel < 1e-4
