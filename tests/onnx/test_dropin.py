"""export_model, called as MXNet's own, and networks of MXNet's model zoo as files."""

from __future__ import annotations

import pytest

pytest.importorskip("zoo._mxnet", reason="needs MXNet", exc_type=ImportError)

import os
from pathlib import Path
from typing import Any

import numpy as np
import onnx

from zoo._mxnet import gluon, mx, nn
from zoo.errors import ExportError
from zoo.onnx import export_model, open_session

vision = gluon.model_zoo.vision
SHAPE = (1, 3, 8, 8)


@pytest.fixture
def files(tmp_path: Path) -> tuple[str, str]:
    """A small network as MXNet writes it."""
    net = nn.HybridSequential()
    net.add(nn.Conv2D(4, 3), nn.BatchNorm(), nn.GlobalAvgPool2D(), nn.Dense(2))
    return written(net, tmp_path, SHAPE)


def written(net: Any, folder: Path, shape: tuple[int, ...]) -> tuple[str, str]:
    net.initialize(mx.init.Xavier())
    net.hybridize()
    net(mx.nd.random.normal(shape=shape))
    net.export(str(folder / "net"))
    return str(folder / "net-symbol.json"), str(folder / "net-0000.params")


def shape_of(path: str) -> list[Any]:
    dims = onnx.load(path).graph.input[0].type.tensor_type.shape.dim
    return [dim.dim_param or dim.dim_value for dim in dims]


def test_files(files: tuple[str, str], tmp_path: Path) -> None:
    target = str(tmp_path / "net.onnx")
    assert export_model(*files, [SHAPE], np.float32, target) == target
    assert shape_of(target) == [*SHAPE]


def test_the_call_of_older_versions(files: tuple[str, str], tmp_path: Path) -> None:
    target = str(tmp_path / "net.onnx")
    symbol, params = files
    export_model(symbol, params, input_shape=[SHAPE], input_type=np.float32, onnx_file_path=target)
    assert shape_of(target) == [*SHAPE]


def test_a_symbol_and_its_parameters(files: tuple[str, str], tmp_path: Path) -> None:
    symbol, arrays = mx.sym.load(files[0]), mx.nd.load(files[1])
    whole, halves = tmp_path / "whole.onnx", tmp_path / "halves.onnx"
    plain = {name.split(":")[1]: array for name, array in arrays.items()}
    kinds = [
        {name[4:]: array for name, array in arrays.items() if name.startswith(kind)}
        for kind in ("arg:", "aux:")
    ]
    export_model(symbol, plain, [SHAPE], [np.float32], whole)
    export_model(symbol, kinds, SHAPE, onnx_file_path=halves)
    assert whole.read_bytes() == halves.read_bytes()


@pytest.mark.parametrize(
    ("wanted", "shape"),
    [
        (None, ["batch", 3, 8, 8]),
        ([(None, 3, None, None)], ["batch", 3, "data_axis_2", "data_axis_3"]),
        ([("n", 3, "height", 8)], ["n", 3, "height", 8]),
    ],
)
def test_free_axes(files: tuple[str, str], tmp_path: Path, wanted: Any, shape: list[Any]) -> None:
    target = str(tmp_path / "net.onnx")
    export_model(*files, [SHAPE], np.float32, target, dynamic=True, dynamic_input_shapes=wanted)
    assert shape_of(target) == shape


@pytest.mark.parametrize(
    ("sizes", "second"), [((2, 7), "y_axis_0"), ((2, 2), "batch")], ids=["apart", "equal"]
)
def test_first_sizes_that_differ_are_different_axes(
    tmp_path: Path, sizes: tuple[int, int], second: str
) -> None:
    symbol = mx.sym.dot(mx.sym.var("x"), mx.sym.var("y"), transpose_b=True)
    target, free = tmp_path / "net.onnx", [(None, 5), (None, 5)]
    shapes = [(size, 5) for size in sizes]
    export_model(symbol, {}, shapes, onnx_file_path=target, dynamic=True, dynamic_input_shapes=free)
    named = [one.type.tensor_type.shape.dim[0].dim_param for one in onnx.load(target).graph.input]
    assert named == ["batch", second]


def test_shape_inference_names_the_shapes_within(files: tuple[str, str], tmp_path: Path) -> None:
    target = str(tmp_path / "net.onnx")
    export_model(*files, [SHAPE], np.float32, target, run_shape_inference=True)
    assert onnx.load(target).graph.value_info


def test_a_trained_head_needs_no_label(tmp_path: Path) -> None:
    symbol = mx.sym.SoftmaxOutput(
        mx.sym.FullyConnected(mx.sym.var("data"), num_hidden=3, name="fc"), name="softmax"
    )
    params = {"fc_weight": mx.nd.ones((3, 4)), "fc_bias": mx.nd.zeros(3)}
    target = tmp_path / "net.onnx"
    export_model(symbol, params, [(2, 4)], np.float32, target)
    (found,) = open_session(target.read_bytes()).run(None, {"data": np.ones((2, 4), np.float32)})
    np.testing.assert_allclose(found, np.full((2, 3), 1 / 3), atol=1e-6)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"in_shapes": None}, "in_shapes is needed"),
        ({"in_shapes": [SHAPE, SHAPE]}, "a shape for each of: data"),
        ({"in_types": [np.float32, np.int32]}, "holds 2 dtypes for 1"),
        ({"sym": "nowhere.json"}, r"nowhere\.json cannot be read: No such file"),
        ({"sym": 3}, "not int"),
        ({"params": 3}, "params must be a path"),
        ({"dynamic": True, "dynamic_input_shapes": []}, "holds 0 shapes for 1"),
        (
            {"dynamic": True, "dynamic_input_shapes": [(None, 3)]},
            "gives 'data' 2 axes, in_shapes 4",
        ),
    ],
)
def test_arguments_that_make_no_sense_are_refused(
    files: tuple[str, str], tmp_path: Path, arguments: dict[str, Any], message: str
) -> None:
    given = {"sym": files[0], "params": files[1], "in_shapes": [SHAPE], **arguments}
    with pytest.raises(ExportError, match=message):
        export_model(**given, onnx_file_path=tmp_path / "net.onnx")


def test_a_file_that_is_no_symbol_is_refused(files: tuple[str, str], tmp_path: Path) -> None:
    broken = tmp_path / "broken.json"
    broken.write_text("{}")
    with pytest.raises(ExportError, match="MXNet cannot read"):
        export_model(str(broken), files[1], [SHAPE], np.float32, tmp_path / "net.onnx")


# MXNet's own model zoo, which never heard of us

SIZES = {"alexnet": 224, "densenet": 224, "inception": 299, "squeezenet": 224}
SMALL = (
    *(
        f"mobilenet{kind}{width}"
        for kind in ("", "v2_")
        for width in ("1.0", "0.75", "0.5", "0.25")
    ),
    *(f"resnet{depth}_v{kind}" for kind in (1, 2) for depth in (18, 34, 50)),
    *(f"squeezenet{version}" for version in ("1.0", "1.1")),
)


def convert(name: str, folder: Path) -> None:
    size = next((size for family, size in SIZES.items() if name.startswith(family)), 32)
    files = written(vision.get_model(name, classes=10), folder, (1, 3, size, size))
    export_model(*files, [(1, 3, size, size)], np.float32, folder / "net.onnx", dynamic=True)
    assert shape_of(str(folder / "net.onnx"))[0] == "batch"


@pytest.mark.parametrize("name", SMALL)
def test_networks_of_the_model_zoo(tmp_path: Path, name: str) -> None:
    convert(name, tmp_path)


ALL = [
    "alexnet",
    *(f"densenet{depth}" for depth in (121, 161, 169, 201)),
    "inceptionv3",
    *(f"mobilenet{width}" for width in ("1.0", "0.75", "0.5", "0.25")),
    *(f"mobilenetv2_{width}" for width in ("1.0", "0.75", "0.5", "0.25")),
    *(f"resnet{depth}_v{kind}" for kind in (1, 2) for depth in (18, 34, 50, 101, 152)),
    *(f"squeezenet{version}" for version in ("1.0", "1.1")),
    *(f"vgg{depth}{suffix}" for suffix in ("", "_bn") for depth in (11, 13, 16, 19)),
]


@pytest.mark.skipif("ZOO_ALL_NETWORKS" not in os.environ, reason="slow: set ZOO_ALL_NETWORKS=1")
@pytest.mark.parametrize("name", [name for name in ALL if name not in SMALL])
def test_all_other_networks_of_the_model_zoo(tmp_path: Path, name: str) -> None:
    convert(name, tmp_path)


def test_the_list_is_whole() -> None:
    assert len(ALL) == 34
    assert set(SMALL) <= set(ALL)
