"""Names, bytes and networks joined: get_model, list_models, fetch."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("zoo._mxnet", reason="networks need MXNet", exc_type=ImportError)

import zoo
from zoo import params
from zoo._mxnet import gluon, mx
from zoo.errors import ChecksumError, ConfigError, DownloadError, UnknownModelError, WeightsError
from zoo.manifest import Weights

pytest_plugins = ["hubs"]


@pytest.fixture
def published(hub: dict[str, Weights], monkeypatch: pytest.MonkeyPatch) -> dict[str, Weights]:
    """The test hub in the place of the packaged manifest."""
    monkeypatch.setattr("zoo.manifest._packaged", lambda: hub)
    return hub


def digits() -> Any:
    return mx.nd.array(np.random.Generator(np.random.PCG64(0)).normal(size=(2, 1, 28, 28)))


def test_pretrained_gives_the_published_values(published: dict[str, Weights]) -> None:
    net = zoo.get_model("lenet", pretrained=True)
    expected = params.read(zoo.fetch("lenet"))
    assert isinstance(net, gluon.HybridBlock)
    for name, value in params.arrays(net).items():
        np.testing.assert_array_equal(value, expected[name])
    net.hybridize()
    assert net(digits()).shape == (2, 10)


def test_an_architecture_means_its_first_tag(published: dict[str, Weights]) -> None:
    with_tag = params.arrays(zoo.get_model("lenet.tiny", pretrained=True))
    without = params.arrays(zoo.get_model("lenet", pretrained=True))
    assert all((with_tag[name] == without[name]).all() for name in without)


def test_config_comes_from_the_record(published: dict[str, Weights]) -> None:
    net = zoo.get_model("mlp.tiny", pretrained=True)
    assert params.arrays(net)["features.0.weight"].shape == (16, 784)
    agreeing = zoo.get_model("mlp.tiny", pretrained=True, hidden=(16, 8))
    assert params.arrays(agreeing)["output.weight"].shape == (10, 8)


def test_contradicting_config_names_both_values(published: dict[str, Weights]) -> None:
    with pytest.raises(ConfigError, match=r"hidden=\[16, 8\], not \[128\]"):
        zoo.get_model("mlp.tiny", pretrained=True, hidden=[128])
    with pytest.raises(ConfigError, match=r"hidden=\[16, 8\], not \[128\]"):
        zoo.get_model("mlp.tiny", hidden=[128])


def test_stored_float16_is_widened(published: dict[str, Weights]) -> None:
    net = zoo.get_model("lstm_lm.tiny-words", pretrained=True)
    assert {value.dtype.name for value in params.arrays(net).values()} == {"float32"}


def test_without_pretrained_nothing_is_read(
    published: dict[str, Weights], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("ZOO_MIRROR")
    net = zoo.get_model("lenet", classes=7)
    net.initialize()
    assert net(digits()).shape == (2, 7)


def test_a_file_of_ones_own(published: dict[str, Weights], tmp_path: Path) -> None:
    net = zoo.get_model("mlp", hidden=[4])
    net.initialize()
    for dtype in ("float32", "float16"):
        own = {name: value.astype(dtype) for name, value in params.arrays(net).items()}
        params.write(tmp_path / "own.safetensors", own)
        again = zoo.get_model("mlp", pretrained=tmp_path / "own.safetensors", hidden=[4])
        assert params.arrays(again)["features.0.weight"].dtype == np.float32
    with pytest.raises(WeightsError, match=r"wrong shape: features\.0\.weight"):
        zoo.get_model("mlp", pretrained=str(tmp_path / "own.safetensors"), hidden=[5])
    with pytest.raises(WeightsError, match="there is no such file"):
        zoo.get_model("mlp", pretrained=tmp_path / "other.safetensors")


@pytest.mark.parametrize("nothing", ["", None])
def test_a_file_that_is_not_named_is_no_network_without_weights(
    nothing: Any, published: dict[str, Weights]
) -> None:
    with pytest.raises((WeightsError, TypeError), match=r"no such file|NoneType"):
        zoo.get_model("mlp", pretrained=nothing)


@pytest.mark.parametrize("pretrained", [True, False])
@pytest.mark.parametrize("name", ["lenett", "lenet.minst", "resnet50", ""])
def test_unknown_names_suggest_without_the_network(
    name: str, pretrained: bool, published: dict[str, Weights], monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_network(*_: object) -> None:
        raise AssertionError("a socket was opened")

    monkeypatch.setattr("socket.socket.connect", no_network)
    with pytest.raises(UnknownModelError, match=r"Did you mean|Known:"):
        zoo.get_model(name, pretrained=pretrained)


def test_missing_bytes_are_an_error(
    published: dict[str, Weights], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("ZOO_MIRROR")
    with pytest.raises(DownloadError, match=r"lenet.tiny.safetensors"):
        zoo.get_model("lenet", pretrained=True)


def test_damaged_bytes_never_load(
    published: dict[str, Weights], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    content = bytearray(zoo.fetch("lenet").read_bytes())
    content[-1] ^= 1
    (tmp_path / "lenet.tiny.safetensors").write_bytes(content)
    monkeypatch.setenv("ZOO_MIRROR", str(tmp_path))
    monkeypatch.setenv("ZOO_HOME", str(tmp_path / "home"))
    with pytest.raises((ChecksumError, DownloadError), match="sha256"):
        zoo.get_model("lenet", pretrained=True)


def test_list_models(published: dict[str, Weights]) -> None:
    assert zoo.list_models("l*") == [
        "linear_regression",
        "logistic_regression",
        "lenet",
        "lstm_lm",
    ]
    assert zoo.list_models(task="language-modeling") == ["lstm_lm"]
    assert "logistic_regression" in zoo.list_models(task="tabular-classification")
    assert zoo.list_models(pretrained=False) == []
    assert zoo.list_models("x*") == []
    assert zoo.list_weights("lstm_lm*") == ["lstm_lm.tiny-words", "lstm_lm.tiny-characters"]


def test_get_weights_is_the_record(published: dict[str, Weights]) -> None:
    assert zoo.get_weights("lenet").to_json() == published["lenet.tiny"].to_json()
    with pytest.raises(UnknownModelError, match=r"lenet\.tiny"):
        zoo.get_weights("lenet.tinny")


def test_the_network_is_where_it_is_wanted(published: dict[str, Weights], tmp_path: Path) -> None:
    here = mx.cpu(1)
    net = zoo.get_model("lenet", pretrained=True, ctx=here)
    assert params.parameters(net)["output.weight"].list_ctx() == [here]
    params.write(tmp_path / "own.safetensors", params.arrays(net))
    again = zoo.get_model("lenet", pretrained=tmp_path / "own.safetensors", ctx=here)
    assert params.parameters(again)["output.weight"].list_ctx() == [here]
