"""Every record runs on both runtimes, gives its golden output, and refuses what does not fit."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from records import NAMES

from zoo import params
from zoo.errors import ChecksumError, ConfigError, DownloadError, InputError, WeightsError
from zoo.evaluation import golden_output
from zoo.fetching import read_artifact
from zoo.manifest import TensorSpec, Weights
from zoo.runtimes import RUNTIMES, OnnxRunner, Runner, open_runner

pytest_plugins = ["hubs"]

LANGUAGE = NAMES[-2:]
Hub = Mapping[str, Weights]


def inputs(weights: Weights, seed: int = 0, **axes: int) -> list[np.ndarray[Any, Any]]:
    """Random arrays that fit the record."""
    rng = np.random.default_rng(seed)
    shapes = [[axes.get(str(a), a) for a in spec.shape] for spec in weights.inputs]
    return [
        rng.integers(0, 10, shape) if spec.dtype == "int64" else rng.normal(size=shape)
        for spec, shape in zip(weights.inputs, shapes, strict=True)
    ]


def fitting(weights: Weights, seed: int = 0, **axes: int) -> list[np.ndarray[Any, Any]]:
    arrays = inputs(weights, seed, **axes)
    return [one.astype(spec.dtype) for one, spec in zip(arrays, weights.inputs, strict=True)]


@pytest.mark.parametrize("runtime", RUNTIMES)
@pytest.mark.parametrize("name", NAMES)
def test_the_golden_output(name: str, runtime: str, hub: Hub) -> None:
    golden = hub[name].golden
    output = golden_output(open_runner(hub[name], runtime), golden.input)
    np.testing.assert_allclose(output, golden.output, atol=golden.tolerance)


@pytest.mark.parametrize("name", NAMES)
def test_both_runtimes_give_all_outputs_in_the_records_order(name: str, hub: Hub) -> None:
    runners = [open_runner(hub[name], runtime) for runtime in RUNTIMES]
    for axes in ({"batch": 1, "time": 1}, {"batch": 3, "time": 5}):
        first, second = (runner.run(*fitting(hub[name], **axes)) for runner in runners)
        for spec, one, other in zip(hub[name].outputs, first, second, strict=True):
            assert one.shape == tuple(axes.get(str(axis), axis) for axis in spec.shape)
            assert one.dtype == other.dtype == spec.dtype
            np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_any_number_of_rows_is_run_in_parts(runtime: str, hub: Hub) -> None:
    runner = open_runner(hub["mlp.tiny"], runtime)
    (rows,) = fitting(runner.weights, batch=600)
    outputs = runner.run_rows(rows)
    assert outputs.shape == (600, 10)
    np.testing.assert_allclose(outputs[-3:], runner.run(rows[-3:])[0], rtol=1e-5, atol=1e-5)
    with pytest.raises(InputError, match="must be float32"):
        runner.run_rows(rows[:0])


@pytest.mark.parametrize("runtime", RUNTIMES)
@pytest.mark.parametrize("name", LANGUAGE)
def test_a_language_models_state_carries_what_it_has_read(
    name: str, runtime: str, hub: Hub
) -> None:
    runner = open_runner(hub[name], runtime)
    ids = np.random.default_rng(0).integers(0, 10, (9, 2))
    whole, _ = runner.step(ids, runner.begin_state(2))
    first, state = runner.step(ids[:4], runner.begin_state(2))
    second, _ = runner.step(ids[4:], state)
    np.testing.assert_allclose(np.concatenate([first, second]), whole, atol=1e-5)
    assert [part.shape for part in runner.begin_state()] == [(2, 1, 12)] * len(state)


def _wrong(weights: Weights, place: int, array: Any) -> list[Any]:
    arrays: list[Any] = fitting(weights, batch=2, time=3)
    arrays[place] = array
    return arrays


F32, I64 = np.float32, np.int64
REFUSED = [
    ("lenet.tiny", 0, np.zeros((2, 28, 28), F32), r"must be float32 \(batch, 1, 28, 28\)"),
    ("lenet.tiny", 0, np.zeros((2, 1, 28, 27), F32), r"not float32 \(2, 1, 28, 27\)"),
    ("lenet.tiny", 0, np.zeros((2, 1, 28, 28)), "not float64"),
    ("lenet.tiny", 0, np.zeros((0, 1, 28, 28), F32), r"\(0, 1, 28, 28\)"),
    ("lenet.tiny", 0, [[0.0]], "not a list"),
    ("lstm_lm.tiny-words", 0, np.zeros((3, 2), np.int32), "Input 'data'.*not int32"),
    ("lstm_lm.tiny-words", 0, np.full((3, 2), 14, I64), "token ids from 0 to 13, not from 14"),
    ("lstm_lm.tiny-words", 0, np.full((3, 2), -1, I64), "from -1 to -1"),
    ("lstm_lm.tiny-words", 2, np.zeros((2, 5, 12), F32), r"Input 'c'.*\(2, 5, 12\)"),
]


@pytest.mark.parametrize("runtime", RUNTIMES)
@pytest.mark.parametrize(("name", "place", "array", "message"), REFUSED)
def test_inputs_that_do_not_fit_are_refused(
    name: str, place: int, array: Any, message: str, runtime: str, hub: Hub
) -> None:
    with pytest.raises(InputError, match=message):
        open_runner(hub[name], runtime).run(*_wrong(hub[name], place, array))


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_the_number_of_inputs_is_checked(runtime: str, hub: Hub) -> None:
    runner = open_runner(hub["lstm_lm.tiny-words"], runtime)
    with pytest.raises(InputError, match=r"takes 3 inputs \(data, h, c\), not 1"):
        runner.run(np.zeros((1, 1), np.int64))


def test_onnx_is_the_default_and_unknown_runtimes_are_refused(hub: Hub) -> None:
    assert open_runner(hub["mlp.tiny"]).name == "onnx"
    with pytest.raises(ConfigError, match=r"no runtime 'onxx'\. Did you mean 'onnx'"):
        open_runner(hub["mlp.tiny"], "onxx")


def test_an_onnx_session_needs_no_mxnet(hub: Hub, hub_folder: Path) -> None:
    code = f"""
import sys
from pathlib import Path
from zoo.manifest import read_manifest
from zoo.pipelines import pipeline
records = read_manifest(Path({str(hub_folder)!r}) / "weights_manifest.json")
pipeline(records["lstm_lm.tiny-words"])("the cat", length=3)
assert "mxnet" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120)


def test_damaged_files_are_never_opened(hub: Hub, hub_folder: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken"
    broken.mkdir()
    for kind in ("safetensors", "onnx-graph"):
        file = hub["mlp.tiny"].artifact(kind).file
        content = bytearray((hub_folder / file).read_bytes())
        content[-1] ^= 1
        (broken / file).write_bytes(content)
    for runtime in RUNTIMES:
        with pytest.raises((ChecksumError, DownloadError), match="other bytes"):
            open_runner(hub["mlp.tiny"], runtime, mirrors=[str(broken)])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("name", r"logistic_regression\.tiny: its graph cannot be run: "),
        (
            "shape",
            r"output 'output' of its network is float32 \(3, \d+\), not float32 \(3, \d+\), as",
        ),
        (
            "dtype",
            r"output 'output' of its network is float64 \(3, \d+\), not float32 \(3, \d+\), as",
        ),
    ],
)
def test_a_graph_that_is_not_the_records_is_refused(change: str, message: str, hub: Hub) -> None:
    weights = next(one for one in hub.values() if one.architecture == "logistic_regression")
    graph = onnx.load_model_from_string(read_artifact(weights.artifact("onnx-graph")))
    change_output(graph.graph, change)
    arrays = params.read(read_artifact(weights.artifact("safetensors")))
    runner = OnnxRunner(weights, graph.SerializeToString(), arrays)
    with pytest.raises(WeightsError, match=message) as caught:
        runner.run(*fitting(weights, batch=3))
    assert "\n" not in str(caught.value)


def change_output(graph: onnx.GraphProto, change: str) -> None:
    output = graph.output[0]
    name, before = output.name, f"{output.name}_before"
    for node in graph.node:
        node.output[:] = [before if one == name else one for one in node.output]
    del graph.output[:]
    if change == "name":
        graph.output.add(name=before)
        return
    kind = onnx.TensorProto.DOUBLE if change == "dtype" else onnx.TensorProto.FLOAT
    inputs, kinds = ([before], {"to": kind}) if change == "dtype" else ([before, before], {})
    node = onnx.helper.make_node(
        "Cast" if change == "dtype" else "Concat", inputs, [name], **kinds or {"axis": 1}
    )
    graph.node.append(node)
    graph.output.append(onnx.helper.make_tensor_value_info(name, kind, None))


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_a_network_of_other_outputs_is_refused(runtime: str, hub: Hub) -> None:
    five = (TensorSpec("output", ("batch", 5)),)
    weights = dataclasses.replace(hub["mlp.tiny"], outputs=five)
    message = r"'output' of its network is float32 \(3, 10\), not float32 \(3, 5\), as the record"
    with pytest.raises(WeightsError, match=message):
        open_runner(weights, runtime).run(*fitting(weights, batch=3))


def test_a_network_of_more_outputs_is_refused(hub: Hub) -> None:
    weights = hub["lstm_lm.tiny-words"]
    weights = dataclasses.replace(weights, outputs=weights.outputs[:1])
    with pytest.raises(WeightsError, match="its network has 3 outputs, not 1, as the record says"):
        open_runner(weights, "mxnet").run(*fitting(weights, batch=1, time=2))


@pytest.mark.parametrize(
    ("name", "inputs", "reason"),
    [
        ("mlp.tiny", (TensorSpec("data", ("batch", 3)),), "Shape inconsistent"),
        ("lstm_lm.tiny-words", (TensorSpec("data", ("time", "batch"), "int64"),), "'states'"),
        (
            "lstm_lm.tiny-words",
            (TensorSpec("data", ("time", "batch"), "int64"), TensorSpec("h", (2, "batch", 12))),
            "Unknown input",
        ),
    ],
)
def test_what_mxnet_cannot_run_is_told_in_a_line(
    name: str, inputs: tuple[TensorSpec, ...], reason: str, hub: Hub
) -> None:
    weights = dataclasses.replace(hub[name], inputs=inputs)
    message = rf"^{name}: its network cannot be run: [^\n]*{reason}[^\n]*$"
    with pytest.raises(WeightsError, match=message):
        open_runner(weights, "mxnet").run(*fitting(weights, batch=3, time=2))


def test_a_runner_is_abstract() -> None:
    with pytest.raises(TypeError, match="abstract"):
        Runner(None)  # type: ignore[abstract,arg-type]
