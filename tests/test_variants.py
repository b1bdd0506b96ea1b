"""Variants of published weights and of a user's models: worth, refusals, the command line."""

from __future__ import annotations

import pytest

pytest.importorskip("zoo._mxnet", reason="needs MXNet", exc_type=ImportError)

import hashlib
import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from command_line import Run, document, refusal

from zoo import variants
from zoo.data.dataset import Split
from zoo.errors import ExportError, InputError
from zoo.lookup import get_weights
from zoo.onnx import open_session
from zoo.onnx.published import self_contained
from zoo.pipelines import prepare
from zoo.variants import FLOAT16, INT8, check_worth, make_file_variant, make_variant

pytest_plugins = ["hubs", "cli_hub"]


@pytest.fixture
def clear_examples(embedded: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Pictures whose class the untrained LeNet is sure of, and tokens, as every split."""
    weights = get_weights("lenet")
    pictures = np.random.default_rng(0).integers(0, 256, (300, 28, 28)).astype(np.uint8)
    session = open_session(self_contained(weights))
    (logits,) = session.run(None, {"data": prepare(pictures, weights)})
    best = np.sort(logits, axis=1)
    sure = np.argsort(best[:, -2] - best[:, -1])[:64]
    images = Split(pictures[sure], logits[sure].argmax(1))
    tokens = np.random.default_rng(1).integers(0, 14, 300).astype(np.int32)

    def read(one: Any, dataset: str, split: str) -> Any:
        assert split in ("validation", "test")
        return tokens if one.task == "language-modeling" else images

    monkeypatch.setattr(variants, "read_split", read)


# published weights


@pytest.mark.usefixtures("clear_examples")
@pytest.mark.parametrize(
    ("name", "kind", "operator"),
    [
        ("lenet", INT8, "QuantizeLinear"),
        ("lenet", FLOAT16, "Cast"),
        ("lstm_lm.tiny-words", INT8, "DynamicQuantizeLSTM"),
        ("lstm_lm.tiny-words", FLOAT16, "Cast"),
    ],
)
def test_a_variant_has_its_own_metrics(
    name: str, kind: str, operator: str, run: Run, tmp_path: Path
) -> None:
    target = tmp_path / "out.onnx"
    flag = "--int8" if kind == INT8 else "--float16"
    told = document(run("quantize", name, target, flag, "--json"))
    content = target.read_bytes()
    assert (told["kind"], told["size"]) == (kind, len(content))
    assert told["sha256"] == hashlib.sha256(content).hexdigest()
    assert [one["split"] for one in told["metrics"]] == ["validation", "test"]
    before, after = told["float32"][0], told["metrics"][0]
    assert after["value"] == pytest.approx(before["value"], rel=0.01)
    model = onnx.load_model_from_string(content)
    found = {one.key: one.value for one in model.metadata_props}
    assert found["variant"] == kind
    assert json.loads(found["metrics"]) == told["metrics"]
    assert found["name"] == get_weights(name).name
    assert operator in {node.op_type for node in model.graph.node}


@pytest.mark.usefixtures("clear_examples")
def test_what_the_command_prints(run: Run, tmp_path: Path) -> None:
    result = run("quantize", "lenet", tmp_path / "out.onnx", "--float16")
    assert result.exit_code == 0, result.output
    lines = result.stdout.splitlines()
    assert lines[0].startswith(f"{tmp_path / 'out.onnx'}  ")
    assert lines[1:] == [
        f"accuracy 100.00 % on {split}, n = 64; 100.00 % in float32"
        for split in ("validation", "test")
    ]


@pytest.mark.usefixtures("clear_examples")
def test_a_worse_variant_is_refused_with_the_figure(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Signs turned around stand for a quantization that goes wrong."""
    from zoo.onnx import quantizing

    def wrong(model: bytes) -> bytes:
        found = onnx.load_model_from_string(model)
        last = found.graph.output[0].name
        node = next(one for one in found.graph.node if last in one.output)
        node.output[:] = ["turned"]
        found.graph.node.append(onnx.helper.make_node("Neg", ["turned"], [last], name="turn"))
        return bytes(found.SerializeToString())

    monkeypatch.setattr(quantizing, "to_float16", wrong)
    message = refusal(run("quantize", "lenet", tmp_path / "out.onnx", "--float16"))
    assert message.startswith("lenet.tiny as onnx-float16 is refused: its accuracy on the valid")
    assert "that of float32 is 1, and 0.001 worse is allowed" in message
    assert list(tmp_path.glob("*.onnx")) == []


@pytest.mark.parametrize(
    ("metric", "before", "after"),
    [
        ("accuracy", 0.99, 0.989),
        ("accuracy", 0.99, 0.999),
        ("r2", 0.64, 0.6391),
        ("perplexity", 100.0, 101.0),
        ("nats_per_character", 1.5, 1.2),
        ("mean_squared_error", 2.0, 2.02),
    ],
)
def test_what_is_allowed(metric: str, before: float, after: float) -> None:
    check_worth("x", metric, before, after)


@pytest.mark.parametrize(
    ("metric", "before", "after", "allowed"),
    [
        ("accuracy", 0.99, 0.9889, "0.001"),
        ("accuracy", 0.99, float("nan"), "0.001"),
        ("r2", 0.64, 0.638, "0.001"),
        ("perplexity", 100.0, 101.1, "1"),
        ("nats_per_character", 1.5, 1.52, "0.015"),
    ],
)
def test_what_is_refused(metric: str, before: float, after: float, allowed: str) -> None:
    with pytest.raises(ExportError, match=rf"x is refused: its {metric}.*and {allowed} worse"):
        check_worth("x", metric, before, after)


@pytest.mark.usefixtures("clear_examples")
@pytest.mark.parametrize(
    ("name", "dynamic", "message"),
    [
        ("lenet", True, "makes Conv slower"),
        ("lstm_lm.tiny-words", False, "use --dynamic"),
    ],
)
def test_the_wrong_kind_of_int8_is_refused(name: str, dynamic: bool, message: str) -> None:
    weights = get_weights(name)
    with pytest.raises(ExportError, match=message):
        make_variant(weights, self_contained(weights), INT8, dynamic=dynamic)


# models of the user's


@pytest.fixture
def model(embedded: Path) -> bytes:
    return self_contained(get_weights("lenet"))


def pictures(count: int = 100) -> np.ndarray[Any, Any]:
    return np.random.default_rng(2).standard_normal((count, 1, 28, 28)).astype(np.float32)


@pytest.mark.parametrize("flag", ["--int8", "--float16"])
def test_a_file_is_held_against_its_own_outputs(
    flag: str, model: bytes, run: Run, tmp_path: Path
) -> None:
    (tmp_path / "net.onnx").write_bytes(model)
    np.save(tmp_path / "data.npy", pictures())
    arguments = (tmp_path / "net.onnx", tmp_path / "out.onnx", flag)
    options = ("--calibration", tmp_path / "data.npy")
    told = document(run("quantize", *arguments, *options, "--json"))
    assert 0 < told["error"] < 0.1
    assert told["size"] == (tmp_path / "out.onnx").stat().st_size < 0.6 * len(model)
    assert "exists" in refusal(run("quantize", *arguments, *options))
    shown = run("quantize", *arguments, *options, "--force")
    assert "of their size away from float32" in shown.stdout


def test_outputs_far_from_those_of_float32_are_refused(
    model: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(variants._ERRORS, INT8, 1e-6)
    with pytest.raises(ExportError, match=r"outputs are 0\.\d+ of their size away .* 1e-06 is"):
        make_file_variant(model, INT8, {"data": pictures()})


def elementwise(kind: str) -> bytes:
    """A model of one node, on rows of one number."""
    ends = [
        onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, ["batch", 1])
        for name in ("data", "out")
    ]
    node = onnx.helper.make_node(kind, ["data"], ["out"])
    graph = onnx.helper.make_graph([node], "elementwise", ends[:1], ends[1:])
    opsets = [onnx.helper.make_opsetid("", 21)]
    model = onnx.helper.make_model(graph, opset_imports=opsets, ir_version=10)
    return bytes(model.SerializeToString())


def test_a_nan_in_a_later_batch_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(variants, "convert", lambda *_: elementwise("Sqrt"))
    data = np.ones((100, 1), np.float32)
    assert make_file_variant(elementwise("Identity"), FLOAT16, {"data": data})[1] == 0
    data[-1] = -1
    with pytest.raises(ExportError, match="are nan of their size away"):
        make_file_variant(elementwise("Identity"), FLOAT16, {"data": data})


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({"data": pictures(), "more": pictures()}, "an array for each input of the model: data"),
        ({"data": pictures(0)}, "an array for each input"),
        ({"data": pictures().astype(np.float64)}, "does not take data float64"),
        ({"": pictures()[:, 0]}, "does not take data float32"),
        ({"": np.array(1, np.float32)}, r"does not take data float32 \(\)"),
    ],
)
def test_data_that_the_model_does_not_take(
    data: dict[str, Any], message: str, model: bytes
) -> None:
    with pytest.raises(InputError, match=message):
        make_file_variant(model, INT8, data)


def test_the_byte_order_of_the_data_does_not_matter(model: bytes) -> None:
    one, other = (
        make_file_variant(model, INT8, {"": pictures().astype(kind)}) for kind in ("<f4", ">f4")
    )
    assert one == other


def test_data_that_onnx_has_no_type_for(model: bytes) -> None:
    with pytest.raises(InputError, match="does not take data complex64"):
        make_file_variant(model, INT8, {"": pictures().astype(np.complex64)})


@pytest.mark.parametrize(
    ("outputs", "message"),
    [
        ([[{"a": 1.0}]], "an output that is no array of numbers"),
        ([np.array(["a"])], "an output that is no array of numbers"),
        ([np.zeros((3, 2))], r"has the shape \(3, 2\), in float32 it has \(2, 2\)"),
    ],
)
def test_outputs_that_cannot_be_compared(outputs: list[Any], message: str) -> None:
    with pytest.raises(ExportError, match=message):
        variants._error(np.zeros((2, 2)), outputs[0])


def test_what_is_infinite_in_both_is_no_error() -> None:
    masked = np.array([-np.inf, 3.0, 4.0])
    assert variants._error(masked, masked) == 0
    assert variants._error(masked, np.array([-np.inf, 3.0, 4.5])) == pytest.approx(0.1)
    assert np.isnan(variants._error(masked, np.array([-np.inf, np.nan, 4.0])))
    assert variants._error(masked[:1], masked[:1]) == 0


def test_the_command_says_which_int8(
    model: bytes, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "net.onnx").write_bytes(model)
    np.save(tmp_path / "data.npy", pictures())
    real, asked = variants.convert, []

    def convert(content: bytes, kind: str, dynamic: bool | None, batches: Any) -> bytes:
        asked.append(dynamic)
        return real(content, kind, None, batches)

    monkeypatch.setattr(variants, "convert", convert)
    arguments = (tmp_path / "net.onnx", tmp_path / "out.onnx", "--int8", "--force")
    for option in ([], ["--static"], ["--dynamic"]):
        options = ("--calibration", tmp_path / "data.npy", *option)
        assert run("quantize", *arguments, *options).exit_code == 0
    assert asked == [None, False, True]


def test_data_that_cannot_be_read(model: bytes, run: Run, tmp_path: Path) -> None:
    (tmp_path / "net.onnx").write_bytes(model)
    arguments = ("quantize", tmp_path / "net.onnx", tmp_path / "out.onnx", "--int8")
    assert "--calibration FILE" in refusal(run(*arguments))
    (tmp_path / "data.npy").write_bytes(b"nothing")
    for name, reason in (("data.npy", "no arrays of numbers"), ("nowhere.npy", "No such file")):
        assert reason in refusal(run(*arguments, "--calibration", tmp_path / name))
    with zipfile.ZipFile(tmp_path / "picture.zip", "w") as archive:
        archive.writestr("digit.png", b"no array")
    assert "no arrays of numbers" in refusal(
        run(*arguments, "--calibration", tmp_path / "picture.zip")
    )
    for shape in ("(1000000000000000,)", f"({10**30},)", "(3", "(True,)"):
        header = f"{{'descr': '<f4', 'fortran_order': False, 'shape': {shape}, }}"
        start = b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little")
        (tmp_path / "data.npy").write_bytes(start + header.encode())
        assert "no arrays of numbers" in refusal(
            run(*arguments, "--calibration", tmp_path / "data.npy")
        )
    np.savez(tmp_path / "data.npz", data=pictures())
    assert run(*arguments, "--calibration", tmp_path / "data.npz").exit_code == 0


@pytest.mark.parametrize(
    "options",
    [[], ["--int8", "--float16"], ["--float16", "--dynamic"], ["--int8", "--calibration", "x"]],
)
@pytest.mark.usefixtures("embedded")
def test_a_wrong_command_line(options: list[str], run: Run, tmp_path: Path) -> None:
    assert run("quantize", "lenet", tmp_path / "out.onnx", *options).exit_code == 2
