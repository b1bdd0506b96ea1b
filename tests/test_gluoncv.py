"""GluonCV's networks: their names, how they are built, where their weights come from."""

from __future__ import annotations

import importlib.util
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from command_line import Run, document, refusal

import zoo
from zoo import params
from zoo.errors import ConfigError, MissingDependencyError, UnknownModelError, WeightsError
from zoo.models import gluoncv

pytest_plugins = ["hubs", "cli_hub"]

SMALL = "gluoncv/cifar_resnet20_v1"


@pytest.fixture
def mx() -> Any:
    """MXNet, where GluonCV is too."""
    module = pytest.importorskip("zoo._mxnet", reason="needs MXNet", exc_type=ImportError)
    try:
        gluoncv.load()
    except MissingDependencyError as error:
        pytest.skip(str(error))
    return module.mx


@pytest.fixture
def net(mx: Any) -> Any:
    """A small network of GluonCV's with values."""
    found = zoo.get_model(SMALL)
    found.initialize(mx.init.Xavier(), force_reinit=True)
    found(mx.nd.zeros((1, 3, 32, 32)))
    return found


def test_the_names_are_gluoncvs(mx: Any) -> None:
    from gluoncv.model_zoo.model_zoo import _models

    assert list(gluoncv.networks()) == sorted(_models)


def test_a_pattern_lists_names_without_gluoncv() -> None:
    assert len(zoo.list_models("gluoncv/*")) == len(gluoncv.networks())
    assert zoo.list_models("gluoncv/dla*") == ["gluoncv/dla34"]
    assert zoo.list_models("gluoncv/*", pretrained=True) == []
    assert not [name for name in zoo.list_models() if name.startswith("gluoncv/")]


def test_the_command_lists_them(run: Run) -> None:
    head, *lines = run("list", "gluoncv/mobilenetv3*").stdout.splitlines()
    assert head.split() == ["name", "family", "inputs"]
    assert [line.split()[:2] for line in lines] == [
        ["gluoncv/mobilenetv3_large", "classification"],
        ["gluoncv/mobilenetv3_small", "classification"],
    ]
    found = document(run("list", "gluoncv/siam*", "--json"))
    assert found == [
        {
            "name": "gluoncv/siamrpn_alexnet_v2_otb15",
            "family": "tracking",
            "inputs": [[1, 3, 127, 127], [1, 3, 287, 287]],
        }
    ]
    assert run("list", "gluoncv/zzz").stderr.startswith("None of GluonCV's networks match")


@pytest.mark.parametrize("name", ["gluoncv/resnet50_v1bb", "gluoncv/ResNet50_v1bb"])
def test_an_unknown_name_suggests_near_ones(name: str) -> None:
    with pytest.raises(UnknownModelError, match="Did you mean 'gluoncv/resnet50_v1b'"):
        zoo.get_model(name)


def test_a_name_like_no_other_says_where_to_look() -> None:
    with pytest.raises(UnknownModelError, match=r"zoo list 'gluoncv/\*' shows all"):
        zoo.get_model("gluoncv/1")


def test_without_the_extra_it_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(MissingDependencyError, match=r"pip install 'gluon-zoo\[gluoncv\]'"):
        zoo.get_model(SMALL)


def test_int8_names_are_refused_with_the_reason() -> None:
    with pytest.raises(ConfigError, match="only as a download: take 'resnet50_v1'"):
        zoo.get_model("gluoncv/resnet50_v1_int8")


def test_zoo_publishes_none_of_their_weights() -> None:
    with pytest.raises(ConfigError, match=r"pass pretrained='FILE\.params'"):
        zoo.get_model(SMALL, pretrained=True)


def test_an_argument_that_gluoncv_refuses(mx: Any) -> None:
    with pytest.raises(ConfigError, match=r"GluonCV refuses \{'layers': 3\}"):
        zoo.get_model("gluoncv/ssd_512_mobilenet1.0_voc", layers=3)


@pytest.mark.parametrize("nothing", ["", None])
def test_a_file_that_is_not_named_is_no_network_without_weights(nothing: Any, mx: Any) -> None:
    expected = TypeError if nothing is None else WeightsError
    with pytest.raises(expected, match=r"no such file|not a regular file|NoneType"):
        zoo.get_model(SMALL, pretrained=nothing)


def test_weights_of_a_base_network_would_be_a_download(mx: Any) -> None:
    with pytest.raises(ConfigError, match="pretrained_base would be a download"):
        zoo.get_model("gluoncv/ssd_512_resnet50_v1_voc", pretrained_base=True)


@pytest.mark.parametrize("form", ["params", "safetensors"])
def test_weights_come_from_a_file(form: str, net: Any, mx: Any, tmp_path: Path) -> None:
    path = tmp_path / f"mine.{form}"
    if form == "params":
        net.save_parameters(str(path))
    else:
        params.write(path, params.arrays(net))
    again = zoo.get_model(SMALL, pretrained=path)
    picture = mx.nd.random.normal(shape=(2, 3, 32, 32))
    np.testing.assert_array_equal(net(picture).asnumpy(), again(picture).asnumpy())


def test_weights_of_another_network_are_refused(net: Any, tmp_path: Path) -> None:
    net.save_parameters(str(tmp_path / "mine.params"))
    with pytest.raises(WeightsError, match="do not fit"):
        zoo.get_model("gluoncv/cifar_resnet56_v1", pretrained=tmp_path / "mine.params")


def test_a_damaged_file_is_refused(net: Any, tmp_path: Path) -> None:
    path = tmp_path / "mine.params"
    net.save_parameters(str(path))
    path.write_bytes(path.read_bytes()[:-1000])
    with pytest.raises(WeightsError, match=r"mine\.params"):
        zoo.get_model(SMALL, pretrained=path)


@pytest.mark.parametrize(
    "name",
    [
        "resnet50_v1b_gn",  # its normalization asked a symbol for its shape
        "custom_faster_rcnn_fpn",  # its builder was overwritten by another
        "vgg16_ucf101",  # these fetched a base network's weights
        "resnet18_v1b_kinetics400",
        "i3d_resnet50_v1_ucf101",
        "alpha_pose_resnet101_v1b_coco",
        "monodepth2_resnet18_posenet_kitti_mono_640x192",
    ],
)
def test_what_gluoncv_cannot_build_or_trace_by_itself(
    name: str, mx: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from gluoncv.model_zoo import model_store

    monkeypatch.setattr(model_store, "download", lambda *args, **kw: pytest.fail("a download"))
    net = zoo.get_model(f"gluoncv/{name}")
    assert net.input_specs()
    assert zoo.list_models(f"gluoncv/{name}") == [f"gluoncv/{name}"]


def test_other_threads_load_weights_while_one_builds(mx: Any, tmp_path: Path) -> None:
    from zoo.models.gluoncv_repairs import repaired

    path, nets = str(tmp_path / "mine.params"), [mx.gluon.nn.Dense(2, in_units=3) for _ in range(3)]
    nets[0].initialize(mx.init.One())
    nets[0].save_parameters(path)
    with repaired():
        nets[1].load_parameters(path)
        other = threading.Thread(target=nets[2].load_parameters, args=(path,))
        other.start()
        other.join()
    assert nets[1].weight._data is None
    assert nets[2].weight.data().asnumpy().sum() == 6


def test_repairs_end_with_the_building(mx: Any) -> None:
    from gluoncv import nn
    from gluoncv.model_zoo import model_store

    before = (mx.gluon.Block.load_parameters, mx.gluon.Parameter.reset_ctx, nn.GroupNorm)
    zoo.get_model("gluoncv/resnet50_v1b_gn")
    assert before == (mx.gluon.Block.load_parameters, mx.gluon.Parameter.reset_ctx, nn.GroupNorm)
    assert model_store.get_model_file.__module__ == "gluoncv.model_zoo.model_store"
    assert "load_parameters" not in vars(mx.gluon.SymbolBlock)


def test_group_normalization_is_what_gluoncvs_gives(mx: Any) -> None:
    from gluoncv.nn import GroupNorm

    from zoo.models.gluoncv_repairs import _traceable

    data = mx.nd.random.normal(shape=(2, 64, 5, 7)) * 3 + 1
    layers = [kind(ngroups=32, in_channels=64) for kind in (GroupNorm, _traceable(GroupNorm))]
    values = [mx.nd.random.normal(shape=(64,)) for _ in range(2)]
    outputs = []
    for layer in layers:
        layer.initialize()
        layer.gamma.set_data(values[0])
        layer.beta.set_data(values[1])
        outputs.append(layer(data).asnumpy())
    np.testing.assert_allclose(*outputs, rtol=1e-4, atol=1e-5)


def test_the_command_exports_with_the_weights_of_a_file(
    net: Any, mx: Any, run: Run, tmp_path: Path
) -> None:
    from zoo.onnx import open_session

    net.save_parameters(str(tmp_path / "mine.params"))
    path = tmp_path / "net.onnx"
    report = document(run("export", SMALL, path, "--params", tmp_path / "mine.params", "--json"))
    assert report["max_rel"] < 1e-5
    picture = np.random.default_rng(0).standard_normal((3, 3, 32, 32)).astype(np.float32)
    (found,) = open_session(path).run(None, {"data": picture})
    np.testing.assert_allclose(net(mx.nd.array(picture)).asnumpy(), found, rtol=1e-4, atol=1e-5)


def test_the_command_says_that_weights_are_random(mx: Any, run: Run, tmp_path: Path) -> None:
    path = tmp_path / "net.onnx"
    inputs = ("--input", "picture:batch,3,height,width", "--size", "height:32,64", "--size",
              "width:64,32", "--opset", "17")  # fmt: skip
    result = run("export", "gluoncv/mobilenet0.25", path, *inputs)
    assert result.exit_code == 0, result.output
    assert "gluoncv/mobilenet0.25 are random: --params FILE" in result.stderr
    assert path.is_file()


def test_the_command_refuses_an_unknown_name(run: Run, tmp_path: Path, mx: Any) -> None:
    message = refusal(run("export", "gluoncv/resnet51", tmp_path / "net.onnx"))
    assert "Did you mean 'gluoncv/resnet" in message
