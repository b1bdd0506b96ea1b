"""Networks in MXNet's own files, by `export_onnx` and by `zoo export`."""

from __future__ import annotations

import pytest

pytest.importorskip("zoo._mxnet", reason="needs MXNet", exc_type=ImportError)

import hashlib
import shutil
from pathlib import Path

import onnx
from command_line import Run, document, refusal

from zoo._mxnet import gluon, mx, nn
from zoo.errors import ExportError
from zoo.onnx import export_onnx
from zoo.onnx.mxnet_files import read_network

pytest_plugins = ["cli_hub"]

INPUT = "data:batch,3,32,32"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small network, as MXNet writes it."""
    folder = tmp_path_factory.mktemp("network")
    net = nn.HybridSequential()
    net.add(nn.Conv2D(4, 3), nn.BatchNorm(), nn.GlobalAvgPool2D(), nn.Dense(2))
    write(net, folder / "net", (1, 3, 32, 32))
    return folder


def write(net: gluon.HybridBlock, prefix: Path, shape: tuple[int, ...]) -> None:
    net.initialize(mx.init.Xavier())
    net.hybridize()
    net(mx.nd.random.normal(shape=shape))
    net.export(str(prefix))


def shapes(path: Path) -> dict[str, list[int | str]]:
    return {
        one.name: [axis.dim_param or axis.dim_value for axis in one.type.tensor_type.shape.dim]
        for one in onnx.load(path).graph.input
    }


# the file path of export_onnx


def test_a_path_is_a_network(folder: Path, tmp_path: Path) -> None:
    params = folder / "net-0000.params"
    report = export_onnx(
        folder / "net-symbol.json",
        tmp_path / "net.onnx",
        params=params,
        inputs=("batch", 3, 32, 32),
        opset=19,
    )
    assert report.max_rel is not None
    assert shapes(report.path) == {"data": ["batch", 3, 32, 32]}
    model = onnx.load(report.path)
    found = {one.key: one.value for one in model.metadata_props}
    assert found["source"] == "net-symbol.json"
    assert found["weights_sha256"] == hashlib.sha256(params.read_bytes()).hexdigest()
    assert model.opset_import[0].version == 19


def test_a_lone_shape_is_that_of_the_lone_input_whatever_its_name(tmp_path: Path) -> None:
    symbol = mx.sym.FullyConnected(mx.sym.var("pixels"), num_hidden=2, name="fc")
    values = {"fc_weight": mx.nd.ones((2, 4)), "fc_bias": mx.nd.zeros(2)}
    report = export_onnx(symbol, tmp_path / "fc.onnx", params=values, inputs=("batch", 4))
    assert shapes(report.path) == {"pixels": ["batch", 4]}


def test_parameters_beside_the_symbol_must_be_one_file(folder: Path, tmp_path: Path) -> None:
    shutil.copy(folder / "net-symbol.json", tmp_path)
    symbol, target, inputs = tmp_path / "net-symbol.json", tmp_path / "a.onnx", ("batch", 3, 32, 32)
    with pytest.raises(ExportError, match=r"--params FILE \(beside it: none\)"):
        export_onnx(symbol, target, inputs=inputs)
    shutil.copy(folder / "net-0000.params", tmp_path / "net-0007.params")
    assert export_onnx(symbol, target, inputs=inputs, check=False).nodes
    shutil.copy(folder / "net-0000.params", tmp_path)
    with pytest.raises(ExportError, match=r"beside it: net-0000\.params, net-0007\.params"):
        export_onnx(symbol, target, inputs=inputs)


def test_parameters_beside_a_name_with_brackets(folder: Path, tmp_path: Path) -> None:
    for end in ("symbol.json", "0000.params"):
        shutil.copy(folder / f"net-{end}", tmp_path / f"net[1]-{end}")
    source, target = tmp_path / "net[1]-symbol.json", tmp_path / "net.onnx"
    assert export_onnx(source, target, inputs=("batch", 3, 32, 32)).max_rel is not None


def test_a_network_without_parameters_needs_no_file_of_them(tmp_path: Path) -> None:
    mx.sym.relu(mx.sym.var("x")).save(str(tmp_path / "relu-symbol.json"))
    source, target = tmp_path / "relu-symbol.json", tmp_path / "relu.onnx"
    assert export_onnx(source, target, inputs=("batch", 4), params={}).max_rel == 0


@pytest.mark.parametrize("name", ["mobilenetv2_0.25", "resnet18_v2"])
def test_networks_of_the_model_zoo_as_files(name: str, run: Run, tmp_path: Path) -> None:
    """The files alone: their names, a shape, and nothing of the network in Python."""
    size = 64
    net = gluon.model_zoo.vision.get_model(name, classes=10)
    write(net, tmp_path / "net", (1, 3, size, size))
    target = tmp_path / "net.onnx"
    options = ("--input", f"data:batch,3,{size},{size}", "--output", "scores", "--json")
    told = document(run("export", tmp_path / "net-symbol.json", target, *options))
    assert told["max_rel"] < 1e-4
    assert shapes(target) == {"data": ["batch", 3, size, size]}
    assert [one.name for one in onnx.load(target).graph.output] == ["scores"]


# the command


def test_options(folder: Path, run: Run, tmp_path: Path) -> None:
    target = tmp_path / "net.onnx"
    options = ["--input", "data:batch,3,height,32", "--size", "height:32,40", "--opset", 18]
    result = run("export", folder / "net-symbol.json", target, *options)
    assert result.exit_code == 0, result.output
    assert "from MXNet" in result.stdout
    assert onnx.load(target).opset_import[0].version == 18
    assert shapes(target) == {"data": ["batch", 3, "height", 32]}


def test_external_data_without_the_check(folder: Path, run: Run, tmp_path: Path) -> None:
    target = tmp_path / "net.onnx"
    options = ["--input", INPUT, "--external-data", "--no-check", "--json"]
    told = document(run("export", folder / "net-symbol.json", target, *options))
    assert told["max_abs"] is None
    assert Path(told["path"]) == target
    assert sorted(tmp_path.iterdir()) == sorted([target, Path(told["data"]["path"])])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ([], "inputs is needed: the shapes of data."),
        (["--input", INPUT, "--params", "nowhere"], "nowhere cannot be read"),
        (["--input", "pixels:batch,3,32,32"], "The network needs 'data'"),
        (["--input", "data:batch,3,32,32:int3"], "dtype 'int3' is not supported"),
        (["--input", INPUT, "--size", "width:3,4"], "the free axes are: batch"),
    ],
)
def test_what_makes_no_sense_is_refused(
    folder: Path, run: Run, tmp_path: Path, options: list[str], message: str
) -> None:
    target = tmp_path / "net.onnx"
    assert message in refusal(run("export", folder / "net-symbol.json", target, *options))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("shape", ["batch,7", "batch,4,32,32"])
def test_inputs_that_mxnet_refuses_are_told_in_one_line(
    folder: Path, run: Run, tmp_path: Path, shape: str
) -> None:
    options = ("--input", f"data:{shape}")
    message = refusal(run("export", folder / "net-symbol.json", tmp_path / "net.onnx", *options))
    assert message.startswith("MXNet refuses these inputs: ")
    assert "\n" not in message
    assert "Traceback" not in message


@pytest.mark.parametrize(
    "options",
    [
        ["--input", "data"],
        ["--input", "data:3,,4"],
        ["--input", INPUT, "--input", INPUT],
        ["--input", INPUT, "--size", "height:3"],
        ["--input", INPUT, "--opset", "16"],
    ],
)
def test_a_wrong_command_line(folder: Path, run: Run, tmp_path: Path, options: list[str]) -> None:
    result = run("export", folder / "net-symbol.json", tmp_path / "net.onnx", *options)
    assert result.exit_code == 2
    assert list(tmp_path.iterdir()) == []


def test_files_that_are_not_there(run: Run, tmp_path: Path) -> None:
    missing = tmp_path / "net-symbol.json"
    options = ["--input", INPUT]
    message = refusal(run("export", missing, tmp_path / "net.onnx", *options))
    assert message.startswith(f"There is no file {missing}: a network is a HybridBlock,")
    options += ["--params", str(tmp_path / "net-0000.params")]
    message = refusal(run("export", missing, tmp_path / "net.onnx", *options))
    assert message.endswith("cannot be read: No such file or directory.")


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("net-symbol.json", b"{", "net-symbol.json is not the JSON of an MXNet symbol: "),
        ("net-symbol.json", b"[" * 5000, "is not the JSON of an MXNet symbol: nested too deeply."),
        ("net-symbol.json", b"{}", "MXNet cannot read"),
        ("net-0000.params", b"\0" * 40, "net-0000.params cannot be read: it does not begin as"),
        ("net-0000.params", None, "are left: the file is cut"),
    ],
)
def test_damaged_files_are_refused(
    folder: Path, tmp_path: Path, name: str, content: bytes | None, message: str
) -> None:
    for one in folder.iterdir():
        shutil.copy(one, tmp_path)
    damaged = tmp_path / name
    damaged.write_bytes(damaged.read_bytes()[:-100] if content is None else content)
    with pytest.raises(ExportError, match=message):
        export_onnx(tmp_path / "net-symbol.json", tmp_path / "a.onnx", inputs=("batch", 3, 32, 32))


def test_only_the_prefixes_of_mxnets_files_are_taken_off() -> None:
    named = {"arg:fc_weight": 1, "aux:bn_mean": 2, "dense/kernel:0": 3, "dense/bias:0": 4}
    _, found = read_network(mx.sym.var("data"), named)
    assert found == {"fc_weight": 1, "bn_mean": 2, "dense/kernel:0": 3, "dense/bias:0": 4}
