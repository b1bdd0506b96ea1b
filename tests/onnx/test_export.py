"""export_onnx: its arguments, the file it writes, Symbols, and what it refuses."""

from __future__ import annotations

import pytest

pytest.importorskip("zoo._mxnet", reason="needs MXNet", exc_type=ImportError)

import hashlib
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from layers import CUBE, ROW, chain, function

import zoo
from zoo._mxnet import gluon, mx, nn
from zoo.errors import ExportError
from zoo.manifest import TensorSpec
from zoo.onnx import ExportReport, export_onnx, open_session, supported_operators, to_model
from zoo.onnx.operators import OPERATORS


def dense(units: int = 3) -> Any:
    net = nn.Dense(units, in_units=6)
    net.initialize(mx.init.Normal(1))
    return net


def names(values: Any) -> list[str]:
    return [one.name for one in values]


class Recurrent(gluon.HybridBlock):
    """A cell of its own: one tensor and a list of two states."""

    def hybrid_forward(self, F: Any, data: Any, states: Any) -> Any:
        first, second = states
        return data + first, [second - data]


class Told(nn.HybridSequential):
    """A network that tells what it takes."""

    def input_specs(self) -> list[TensorSpec]:
        return [TensorSpec("pixels", ROW)]


# the file


GROWTH = """
import sys
import zoo
from zoo._mxnet import mx, nn
from zoo.onnx import export_onnx
def peak():  # KiB; what getrusage tells begins at the peak of the process that started this one
    lines = open("/proc/self/status").read().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))
net = nn.HybridSequential()
net.add(*(nn.Dense(1024, use_bias=False, in_units=1024) for _ in range(16)))
net.initialize(mx.init.One())
params = None
if "symbol" in sys.argv:
    params = {name: one.data() for name, one in net.collect_params().items()}
    net = net(mx.sym.var("data"))
mx.nd.waitall()
before = peak()
export_onnx(
    net,
    sys.argv[1],
    inputs=("batch", 1024),
    params=params,
    check=False,
    external_data="external" in sys.argv,
)
print(peak() - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="memory is counted in KiB on Linux")
@pytest.mark.parametrize("kind", ["block", "symbol"])
@pytest.mark.parametrize("external", [[], ["external"]], ids=["one file", "two files"])
def test_an_export_holds_one_weight_at_a_time(
    external: list[str], kind: str, tmp_path: Path
) -> None:
    command, mebi = [sys.executable, "-c", GROWTH, tmp_path / "net.onnx", kind, *external], 1 << 20
    told = subprocess.check_output(command, text=True)
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) > 64 * mebi
    assert int(told) * 1024 < 32 * mebi


def test_the_file_is_what_the_report_says(tmp_path: Path) -> None:
    report = zoo.export_onnx(dense(), tmp_path / "net.onnx", inputs=ROW)
    content = report.path.read_bytes()
    assert isinstance(report, ExportReport)
    assert report.sha256 == hashlib.sha256(content).hexdigest()
    assert report.nodes == len(onnx.load_model_from_string(content).graph.node) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["net.onnx"]


def test_without_the_check_no_difference_is_told(tmp_path: Path) -> None:
    report = export_onnx(dense(), tmp_path / "net.onnx", inputs=ROW, check=False)
    assert (report.max_abs, report.max_rel) == (None, None)


def test_a_missing_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ExportError, match=r"There is no folder .*nowhere: create it first"):
        export_onnx(dense(), tmp_path / "nowhere" / "net.onnx", inputs=ROW)


def test_a_folder_of_that_name_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ExportError, match="cannot be written"):
        export_onnx(dense(), tmp_path, inputs=ROW)


def test_wrong_numbers_are_refused_and_the_old_file_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(OPERATORS, "exp", OPERATORS["tanh"])  # type: ignore[arg-type]
    target = tmp_path / "net.onnx"
    target.write_bytes(b"old")
    layer = function(lambda F, x: F.exp(x))
    with pytest.raises(ExportError, match=r"'output' differs from MXNet's by [0-9.]+"):
        export_onnx(layer(), target, inputs=ROW)
    assert [path.name for path in tmp_path.iterdir()] == ["net.onnx"]
    assert target.read_bytes() == b"old"


def test_wrong_shapes_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(OPERATORS, "Flatten", OPERATORS["relu"])  # type: ignore[arg-type]
    with pytest.raises(ExportError, match=r"not valid ONNX|in ONNX Runtime"):
        export_onnx(nn.Flatten(), tmp_path / "net.onnx", inputs=CUBE)


def test_what_onnx_runtime_cannot_run_is_refused(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    net = gluon.rnn.LSTM(3, input_size=6)
    net.initialize()
    net.cast("float64")
    inputs = [TensorSpec("data", ("time", "batch", 6), "float64")]
    with pytest.raises(ExportError, match=r"ONNX Runtime cannot .*double"):
        export_onnx(net, tmp_path / "net.onnx", inputs=inputs)
    assert capfd.readouterr().err == ""


def test_what_mxnet_cannot_run_is_refused(tmp_path: Path) -> None:
    net = dense()
    net.cast("float16")
    inputs = [TensorSpec("data", ROW, "float16")]
    with pytest.raises(ExportError, match=r"MXNet cannot run the network on data \(2, 6\)"):
        export_onnx(net, tmp_path / "net.onnx", inputs=inputs)


def test_outputs_without_one_number_are_refused(tmp_path: Path) -> None:
    layer = function(lambda F, x: F.log(-F.abs(x) - 1))
    with pytest.raises(ExportError, match="not finite"):
        export_onnx(layer(), tmp_path / "net.onnx", inputs=ROW)


def test_weights_beside_the_model(tmp_path: Path) -> None:
    net = nn.Dense(300, in_units=6)
    net.initialize(mx.init.Normal(1))
    report = export_onnx(net, tmp_path / "net.onnx", inputs=ROW, external_data=True)
    assert report.data is not None
    assert sorted(tmp_path.iterdir()) == [report.path, report.data]
    assert report.sha256 == hashlib.sha256(report.path.read_bytes()).hexdigest()
    data = np.ones((2, 6), np.float32)
    (found,) = open_session(report.path).run(None, {"data": data})
    np.testing.assert_allclose(found, net(mx.nd.array(data)).asnumpy(), rtol=1e-5, atol=1e-5)


def test_weights_beside_the_model_are_checked_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(OPERATORS, "exp", OPERATORS["tanh"])  # type: ignore[arg-type]
    layer = function(lambda F, x: F.exp(x))
    with pytest.raises(ExportError, match=r"'output' differs from MXNet's"):
        export_onnx(layer(), tmp_path / "net.onnx", inputs=ROW, external_data=True)
    assert list(tmp_path.iterdir()) == []


def test_a_graph_without_weights_has_nothing_to_put_beside_it(tmp_path: Path) -> None:
    with pytest.raises(ExportError, match="leave out weights=False"):
        export_onnx(dense(), tmp_path / "net.onnx", inputs=ROW, weights=False, external_data=True)


def test_the_model_tells_its_source_and_the_difference(tmp_path: Path) -> None:
    report = export_onnx(dense(), tmp_path / "net.onnx", inputs=ROW, metadata={"mine": "yes"})
    found = {one.key: one.value for one in onnx.load(report.path).metadata_props}
    assert found.keys() == {"difference_from_mxnet", "mine", "source"}
    assert found["source"] == "Dense"
    assert float(found["difference_from_mxnet"].split(",")[0]) == pytest.approx(
        report.max_abs, rel=0.5
    )


# opsets


@pytest.mark.parametrize(
    ("opset", "ir"),
    [(17, 8), (18, 8), (19, 9), (20, 9), (21, 10), (22, 10), (23, 11)],
)
def test_each_opset_is_honoured(tmp_path: Path, opset: int, ir: int) -> None:
    net = chain(lambda: nn.Dense(4), nn.GELU, nn.LayerNorm)()
    net.initialize()
    net(mx.nd.ones((2, 6)))
    report = export_onnx(net, tmp_path / "net.onnx", inputs=ROW, opset=opset)
    model = onnx.load(report.path)
    assert (model.opset_import[0].version, model.ir_version) == (opset, ir)


@pytest.mark.parametrize("opset", [16, 24, "21"])
def test_other_opsets_are_refused(opset: Any) -> None:
    with pytest.raises(ExportError, match="choose one from 17 to 23"):
        to_model(dense(), inputs=ROW, opset=opset)


# inputs and outputs


@pytest.mark.parametrize(
    ("inputs", "name"),
    [
        (ROW, "data"),
        (list(ROW), "data"),
        ([ROW], "data"),
        ({"x": ROW}, "x"),
        ({"x": TensorSpec("y", ROW)}, "y"),
        (TensorSpec("z", ROW), "z"),
        ([TensorSpec("z", (4, 6))], "z"),
    ],
)
def test_inputs_may_be_given_in_many_forms(inputs: Any, name: str) -> None:
    assert names(to_model(dense(), inputs=inputs).graph.input) == [name]


@pytest.mark.parametrize(
    "inputs", [[ROW, [ROW, ROW]], [ROW, ROW, ROW], {"a": ROW, "b": ROW, "c": ROW}]
)
def test_states_are_a_nested_list_or_the_rest(tmp_path: Path, inputs: Any) -> None:
    report = export_onnx(Recurrent(), tmp_path / "net.onnx", inputs=inputs)
    graph = onnx.load(report.path).graph
    wanted = list(inputs) if isinstance(inputs, dict) else ["data0", "data1", "data2"]
    assert names(graph.input) == wanted
    assert names(graph.output) == ["output0", "output1"]
    assert report.max_abs == 0


def test_a_network_may_tell_its_inputs() -> None:
    net = Told()
    net.add(nn.Activation("relu"))
    assert names(to_model(net).graph.input) == ["pixels"]


def test_free_axes_stay_free_and_others_fixed() -> None:
    graph = to_model(nn.Activation("relu"), inputs=("batch", 3, "width")).graph
    for tensor in (graph.input[0], graph.output[0]):
        axes = tensor.type.tensor_type.shape.dim
        assert [axis.dim_param or axis.dim_value for axis in axes] == ["batch", 3, "width"]


def test_sizes_choose_where_free_axes_are_tried(tmp_path: Path) -> None:
    net = nn.Conv1D(2, 9, in_channels=3)
    net.initialize()
    inputs = ("batch", 3, "width")
    with pytest.raises(ExportError, match="sizes"):
        export_onnx(net, tmp_path / "net.onnx", inputs=inputs)
    report = export_onnx(net, tmp_path / "net.onnx", inputs=inputs, sizes={"width": (20, 31)})
    found = open_session(report.path.read_bytes()).run(None, {"data": np.ones((1, 3, 64), "f")})
    assert found[0].shape == (1, 2, 56)


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        (None, "inputs is needed: Dense does not tell"),
        ([], "inputs is empty"),
        ("data", "must be shapes or TensorSpecs"),
        (7, "must be shapes or TensorSpecs"),
        ([TensorSpec("a", ROW), TensorSpec("a", ROW)], "names must be distinct"),
        (("batch", 0), "sizes positive"),
        (("batch", -1), "sizes positive"),
        (("batch", ""), "sizes positive"),
        ({"x": "batch"}, "must be numbers and names"),
        ([TensorSpec("x", ROW, "complex64")], "dtype 'complex64' is not supported"),
        (("batch", 7), "MXNet refuses these inputs"),
        ([TensorSpec("weight", ROW)], "'weight' names two"),
    ],
)
def test_inputs_that_make_no_sense_are_refused(
    inputs: Any, message: str, capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(ExportError, match=message):
        to_model(dense(), inputs=inputs)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("sizes", "message"),
    [
        ({"time": (2, 3)}, "sizes names 'time'; the free axes are: batch"),
        ({"batch": (2, 2)}, "two different sizes"),
        ({"batch": (2,)}, "two different sizes"),
        ({"batch": (0, 2)}, "two different sizes"),
        ({"batch": 224}, r"sizes\['batch'\] must be two different sizes, such as .*, not 224"),
        ({"batch": (2.5, 3.5)}, "two different sizes"),
        ({"batch": "ab"}, "two different sizes"),
    ],
)
def test_sizes_that_make_no_sense_are_refused(sizes: Any, message: str) -> None:
    with pytest.raises(ExportError, match=message):
        to_model(dense(), inputs=ROW, sizes=sizes)


@pytest.mark.parametrize("given", [["a", "b"], [], "output", [""]])
def test_output_names_must_be_as_many_as_outputs(given: Any) -> None:
    with pytest.raises(ExportError, match="names must be 1 output names"):
        to_model(dense(), inputs=ROW, names=given)


def test_an_output_may_not_take_the_name_of_an_input() -> None:
    with pytest.raises(ExportError, match="'data' names two"):
        to_model(dense(), inputs=ROW, names=["data"])


def test_inputs_and_repeats_may_be_outputs(tmp_path: Path) -> None:
    def call(F: Any, x: Any) -> Any:
        y = F.exp(x)
        return x, y, y

    report = export_onnx(nn.HybridLambda(call), tmp_path / "net.onnx", inputs=ROW)
    operators = [node.op_type for node in onnx.load(report.path).graph.node]
    assert operators == ["Exp", "Identity", "Identity"]


def test_an_input_that_nothing_needs_stays(tmp_path: Path) -> None:
    layer = nn.HybridLambda(lambda F, x, y: F.exp(x))
    report = export_onnx(layer, tmp_path / "net.onnx", inputs=[ROW, CUBE])
    assert names(onnx.load(report.path).graph.input) == ["data0", "data1"]


# refusals


def test_an_operator_that_is_not_known_is_named_with_what_is() -> None:
    def call(F: Any, x: Any) -> Any:
        return F.linalg.potrf(F.linalg.potri(F.linalg.potrf(x), name="mine"))

    with pytest.raises(ExportError) as caught:
        to_model(nn.HybridLambda(call), inputs=("batch", 3, 3))
    text = str(caught.value)
    assert "operator '_linalg_potrf' (node " in text
    assert "and 1 more" in text
    assert "'_linalg_potri' (node 'hybridlambda" in text
    assert "Supported: abs, Activation, _add" in text


def test_an_attribute_that_nobody_reads_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(OPERATORS, "clip", OPERATORS["exp"])  # type: ignore[arg-type]
    with pytest.raises(ExportError, match=r"the attribute a_max='2\.0' is not supported"):
        to_model(nn.HybridLambda(lambda F, x: F.clip(x, 1.0, 2.0)), inputs=ROW)


@pytest.mark.parametrize("stored", ["int8", "float64"])
def test_other_stored_dtypes_are_refused(stored: str) -> None:
    with pytest.raises(ExportError, match="stored_dtype is 'float16'"):
        to_model(dense(), inputs=ROW, weights=False, stored_dtype=stored)


def test_a_stored_dtype_is_for_graphs_without_weights() -> None:
    with pytest.raises(ExportError, match="weights=False"):
        to_model(dense(), inputs=ROW, stored_dtype="float16")


def test_weights_that_float16_cannot_hold_are_refused(tmp_path: Path) -> None:
    arguments = {"inputs": ROW, "weights": False, "stored_dtype": "float16"}
    with pytest.raises(ExportError, match="weight holds numbers that float16 cannot"):
        export_onnx(dense(), tmp_path / "net.onnx", **arguments)
    export_onnx(dense(), tmp_path / "net.onnx", **arguments, check=False)


def test_every_operator_of_mx2onnx_is_supported() -> None:
    """Its names are read in its source, which does not import here; some are aliases."""
    folder = Path(mx.__file__).parent / "onnx" / "mx2onnx" / "_op_translations"
    sources = [path.read_text() for path in folder.glob("*.py")]
    found = {name for text in sources for name in re.findall(r"register\(\s*[\"']([^\"']+)", text)}
    aliases = {"identity": "_copy", "null": "_copy", "sum_axis": "sum"}
    assert len(found) == 149
    assert {aliases.get(name, name) for name in found} <= set(supported_operators())


def test_the_supported_operators_are_sorted_names() -> None:
    known = supported_operators()
    assert len(known) == len(set(known)) == len(OPERATORS)
    assert {"Convolution", "FullyConnected", "RNN"} <= set(known)
