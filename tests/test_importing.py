"""`.params` files in every style of name, against the network and against the symbol."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from command_line import Run, document, refusal
from params_files import params_file

import zoo
from zoo import gluon_params, params
from zoo.errors import MissingDependencyError, WeightsError
from zoo.importing import import_params, read_params

pytest_plugins = ["cli_hub"]

LSTM = {"vocabulary_size": 7, "embed_size": 4, "hidden_size": 4, "layers": 2}
ARRAYS = {
    "a": np.arange(6, dtype=np.float32).reshape(2, 3),
    "b": np.array([1, -2], np.int8),
    "c": np.array([0.5], np.float16),
}


@pytest.fixture
def mx() -> Any:
    try:
        from zoo._mxnet import mx
    except MissingDependencyError as error:
        pytest.skip(str(error))
    return mx


def _network(mx: Any, name: str, config: dict[str, Any]) -> Any:
    net = zoo.get_model(name, **config)
    net.initialize(mx.init.Uniform(0.5))
    return net


def _same(found: Any, expected: Any) -> None:
    assert found.keys() == expected.keys()
    for name, array in expected.items():
        np.testing.assert_array_equal(found[name], array)
        assert found[name].dtype == array.dtype


@pytest.mark.parametrize("version", [0, 1, 2, 3])
def test_every_version_of_the_format_is_read(version: int, tmp_path: Path) -> None:
    path = tmp_path / "x.params"
    path.write_bytes(params_file(ARRAYS, version))
    _same(read_params(path), ARRAYS)


def test_scalars_and_empty_arrays_of_numpy_semantics(tmp_path: Path) -> None:
    arrays = {"scalar": np.array(3, np.float32), "empty": np.zeros((0, 2), np.float64)}
    path = tmp_path / "x.params"
    path.write_bytes(params_file(arrays, 3))
    _same(read_params(path), arrays)


def test_what_mxnet_writes_is_read(mx: Any, tmp_path: Path) -> None:
    path = tmp_path / "x.params"
    mx.nd.save(
        str(path), {f"arg:{k}": mx.nd.array(one, dtype=one.dtype) for k, one in ARRAYS.items()}
    )
    _same(read_params(path), ARRAYS)
    assert path.read_bytes() == params_file({f"arg:{k}": one for k, one in ARRAYS.items()})


@pytest.mark.parametrize(("name", "config"), [("lenet", {}), ("lstm_lm", LSTM)])
@pytest.mark.parametrize("style", ["save_parameters", "deduplicated", "collect_params", "prefixed"])
def test_the_architecture_gives_structural_names(
    name: str, config: dict[str, Any], style: str, mx: Any, tmp_path: Path
) -> None:
    net = _network(mx, name, config)
    path, out = tmp_path / "x.params", tmp_path / "x.safetensors"
    if style == "collect_params":
        net.collect_params().save(str(path))
    elif style == "prefixed":
        values = {f"arg:{key}": one.data() for key, one in net.collect_params().items()}
        mx.nd.save(str(path), values)
    else:
        net.save_parameters(str(path), deduplicate=style == "deduplicated")
    expected = params.arrays(net)
    _same(import_params(path, out, architecture=name, **config), expected)
    _same(params.arrays(zoo.get_model(name, pretrained=out, **config)), expected)


def test_a_module_checkpoint_fits_its_symbol(mx: Any, tmp_path: Path) -> None:
    data = mx.sym.BatchNorm(mx.sym.FullyConnected(mx.sym.var("data"), num_hidden=3, name="fc"))
    module = mx.mod.Module(mx.sym.SoftmaxOutput(data, name="softmax"))
    module.bind([("data", (2, 4))], [("softmax_label", (2,))])
    module.init_params()
    module.save_checkpoint(str(tmp_path / "net"), 1)
    symbol = tmp_path / "net-symbol.json"
    found = import_params(tmp_path / "net-0001.params", tmp_path / "o", symbol=symbol)
    arguments, states = module.get_params()
    _same(found, {k: one.asnumpy() for k, one in {**arguments, **states}.items()})
    (tmp_path / "cut.params").write_bytes(
        params_file({k: one for k, one in found.items() if k != "fc_bias"})
    )
    with pytest.raises(WeightsError, match="missing: fc_bias"):
        import_params(tmp_path / "cut.params", tmp_path / "p", symbol=symbol)
    assert not (tmp_path / "p").exists()


def test_arguments_of_a_network_need_one(tmp_path: Path) -> None:
    (tmp_path / "x.params").write_bytes(params_file(ARRAYS))
    with pytest.raises(TypeError, match="Without architecture nothing takes architecure, classes"):
        import_params(tmp_path / "x.params", tmp_path / "o", architecure="lenet", classes=3)
    assert not (tmp_path / "o").exists()


def test_paths_may_be_texts(tmp_path: Path) -> None:
    source, target = tmp_path / "x.params", tmp_path / "o"
    source.write_bytes(params_file(ARRAYS))
    _same(import_params(str(source), str(target)), params.read(str(target)))


def test_where_nothing_can_be_written(tmp_path: Path) -> None:
    (tmp_path / "x.params").write_bytes(params_file(ARRAYS))
    (tmp_path / "folder").mkdir()
    with pytest.raises(WeightsError, match=r"o cannot be written: there is no folder .*nowhere"):
        import_params(tmp_path / "x.params", tmp_path / "nowhere" / "o")
    with pytest.raises(WeightsError, match="folder cannot be written: Is a directory"):
        import_params(tmp_path / "x.params", tmp_path / "folder")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a device that is always full")
def test_a_full_temporary_folder_is_not_the_files_fault(tmp_path: Path) -> None:
    (tmp_path / "x.params").write_bytes(params_file(ARRAYS))
    with (tmp_path / "x.params").open("rb") as source, Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            [sys.executable, "-I", "-S", gluon_params.__file__],
            stdin=source,
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
        )
    assert done.returncode == gluon_params.REFUSED
    assert done.stderr == "the temporary folder is full: make room, or set TMPDIR to another"


def test_a_network_and_a_graph_are_not_asked_together(tmp_path: Path) -> None:
    (tmp_path / "x.params").write_bytes(params_file(ARRAYS))
    (tmp_path / "x.json").write_text(_symbol(a="(2, 3)", b="(2,)", c="(1,)"))
    with pytest.raises(WeightsError, match="of a network or of a graph: give one of the two"):
        import_params(
            tmp_path / "x.params",
            tmp_path / "o",
            architecture="lenet",
            symbol=tmp_path / "x.json",
        )
    assert not (tmp_path / "o").exists()


def _symbol(**shapes: str) -> str:
    nodes = [{"op": "null", "name": "data", "inputs": []}]
    nodes += [{"op": "null", "name": k, "attrs": {"__shape__": one}} for k, one in shapes.items()]
    return json.dumps({"nodes": [*nodes, {"op": "exp", "name": "e", "attrs": {}}]})


@pytest.mark.parametrize(
    ("symbol", "message"),
    [
        (_symbol(a="(2, 4)", b="(2,)", c="(1,)"), r"wrong shape: a is \(2, 3\), expected \(2, 4\)"),
        (_symbol(a="(2, 3)", b="(2,)"), "unknown: c"),
        (_symbol(a="(2, 3)", b="(2,)", c="(1,)", d="(9,)"), "missing: d"),
        ("[]", "not the JSON of an MXNet symbol"),
        ('{"nodes": [1]}', "not the JSON of an MXNet symbol"),
        ("{", "not the JSON of an MXNet symbol"),
        ('{"nodes": [{"op": "null", "name": 5}]}', "unknown: a, b, c"),
        ('{"nodes": [{"op": "null", "name": [5], "attrs": null}]}', "not the JSON of an MXNet"),
    ],
)
def test_the_symbol_decides(symbol: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "x.params").write_bytes(params_file(ARRAYS))
    (tmp_path / "x.json").write_text(symbol)
    with pytest.raises(WeightsError, match=message):
        import_params(tmp_path / "x.params", tmp_path / "o", symbol=tmp_path / "x.json")
    assert not (tmp_path / "o").exists()


def test_shapes_that_the_symbol_does_not_know_are_not_compared(tmp_path: Path) -> None:
    (tmp_path / "x.params").write_bytes(params_file(ARRAYS))
    (tmp_path / "x.json").write_text(_symbol(a="(2, 0)", b="((", c="None"))
    found = import_params(tmp_path / "x.params", tmp_path / "o", symbol=tmp_path / "x.json")
    _same(params.read(tmp_path / "o"), found)


def test_inputs_can_be_named(tmp_path: Path) -> None:
    (tmp_path / "x.params").write_bytes(params_file(ARRAYS))
    parameters = {"a": "(2, 3)", "b": "(2,)", "c": "(1,)"}
    symbol, out = tmp_path / "x.json", tmp_path / "o"
    symbol.write_text(_symbol(**parameters, shaped="(1, 3)"))
    with pytest.raises(WeightsError, match=r"missing: shaped.* is named among the inputs"):
        import_params(tmp_path / "x.params", out, symbol=symbol)
    with pytest.raises(WeightsError, match=r"missing: data.* is named among the inputs"):
        import_params(tmp_path / "x.params", out, symbol=symbol, inputs=["shaped"])
    with pytest.raises(WeightsError, match=r"no input 'dta'. Did you mean 'data'"):
        import_params(tmp_path / "x.params", out, symbol=symbol, inputs=["dta"])
    assert not out.exists()
    import_params(tmp_path / "x.params", out, symbol=symbol, inputs=["data", "shaped"])
    assert out.exists()


def test_names_of_a_strangers_graph_are_shown_harmless(tmp_path: Path) -> None:
    (tmp_path / "x.params").write_bytes(params_file(ARRAYS))
    name = "\x1b]0;owned\x07\n/tmp/x: written_weight" + "a" * 1_000_000
    (tmp_path / "x.json").write_text(_symbol(**{name: "(9,)"}))
    with pytest.raises(WeightsError, match=r"missing: .*owned") as caught:
        import_params(tmp_path / "x.params", tmp_path / "o", symbol=tmp_path / "x.json")
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 1000


@pytest.mark.skipif(not Path("/dev/zero").exists(), reason="a device that never ends")
def test_a_symbol_that_never_ends(tmp_path: Path) -> None:
    (tmp_path / "x.params").write_bytes(params_file(ARRAYS))
    with pytest.raises(WeightsError, match="/dev/zero: cannot be read: not a regular file"):
        import_params(tmp_path / "x.params", tmp_path / "o", symbol=Path("/dev/zero"))


def test_a_symbol_that_is_not_there(tmp_path: Path) -> None:
    (tmp_path / "x.params").write_bytes(params_file(ARRAYS))
    with pytest.raises(WeightsError, match="No such file"):
        import_params(tmp_path / "x.params", tmp_path / "o", symbol=tmp_path / "x.json")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"output.bias": None}, "missing: output.bias"),
        ({"more": np.zeros(1, np.float32)}, "unknown: more"),
        ({"output.bias": np.zeros(9, np.float32)}, r"output.bias is \(9,\), expected \(10,\)"),
        ({"output.bias": np.zeros(10, np.int32)}, "output.bias is int32, expected float32"),
    ],
)
def test_the_architecture_decides(
    changes: dict[str, Any], message: str, mx: Any, tmp_path: Path
) -> None:
    arrays = {**params.arrays(_network(mx, "lenet", {})), **changes}
    path = tmp_path / "x.params"
    path.write_bytes(params_file({k: one for k, one in arrays.items() if one is not None}))
    with pytest.raises(WeightsError, match=message):
        import_params(path, tmp_path / "o", architecture="lenet")
    assert [one.name for one in tmp_path.iterdir()] == ["x.params"]


def test_tied_parameters_with_two_values(mx: Any, tmp_path: Path) -> None:
    net = _network(mx, "lstm_lm", LSTM)
    arrays = {name: one.data().asnumpy() for name, one in params.names(net).items()}
    arrays["decoder.weight"] = arrays["decoder.weight"] + 1
    (tmp_path / "x.params").write_bytes(params_file(arrays))
    with pytest.raises(WeightsError, match=r"weight is tied .* has two values"):
        import_params(tmp_path / "x.params", tmp_path / "o", architecture="lstm_lm", **LSTM)


def test_get_model_says_what_to_do_with_a_params_file(mx: Any, tmp_path: Path) -> None:
    path = tmp_path / "x.params"
    path.write_bytes(params_file(ARRAYS))
    with pytest.raises(WeightsError, match=r"`zoo import-params \S*x\.params \S*x\.safetensors"):
        zoo.get_model("lenet", pretrained=path)


def test_the_command_writes_once(tmp_path: Path, run: Run) -> None:
    path, out = tmp_path / "x.params", tmp_path / "x.safetensors"
    path.write_bytes(params_file(ARRAYS))
    shapes = document(run("import-params", path, out, "--json"))["arrays"]
    assert shapes == {"a": [2, 3], "b": [2], "c": [1]}
    _same(params.read(out), ARRAYS)
    assert "exists" in refusal(run("import-params", path, out))
    assert "3 arrays" in run("import-params", path, out, "--force").stdout
    both = run("import-params", path, out, "--architecture", "lenet", "--symbol", "x")
    assert both.exit_code == 2
    assert "not both" in both.stderr


def test_the_command_holds_them_against_a_network(tmp_path: Path, run: Run) -> None:
    pytest.importorskip("zoo._mxnet", reason="needs MXNet", exc_type=ImportError)
    path, out = tmp_path / "x.params", tmp_path / "x.safetensors"
    path.write_bytes(params_file(ARRAYS))
    assert "missing" in refusal(run("import-params", path, out, "--architecture", "lenet"))
    assert not out.exists()


def test_the_command_holds_them_against_a_graph(tmp_path: Path, run: Run) -> None:
    path, out = tmp_path / "x.params", tmp_path / "x.safetensors"
    path.write_bytes(params_file(ARRAYS))
    symbol = tmp_path / "net-symbol.json"
    symbol.write_text("not a symbol")
    assert str(symbol) in refusal(run("import-params", path, out, "--symbol", symbol))
    assert not out.exists()


class _Streams:
    """Standard streams of bytes, as the reader's process has them."""

    def __init__(self, content: bytes = b"") -> None:
        self.buffer = io.BytesIO(content)


def test_the_program_of_the_child_process(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    written = _Streams()
    monkeypatch.setattr("sys.stdin", _Streams(params_file(ARRAYS)))
    monkeypatch.setattr("sys.stdout", written)
    gluon_params.main()
    _same(params.read(written.buffer.getvalue()), ARRAYS)
    monkeypatch.setattr("sys.stdin", _Streams(params_file(ARRAYS)[:-1]))
    with pytest.raises(SystemExit) as caught:
        gluon_params.main()
    assert caught.value.code == gluon_params.REFUSED
    assert "the file is cut" in capsys.readouterr().err


def test_a_file_that_cannot_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "x.params").write_bytes(params_file(ARRAYS))

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(WeightsError, match="cannot be read: Permission denied"):
        read_params(tmp_path / "x.params")


@pytest.mark.parametrize("what", ["absent", "folder"])
def test_what_is_no_file(what: str, tmp_path: Path) -> None:
    if what == "folder":
        (tmp_path / what).mkdir()
    with pytest.raises(WeightsError, match="no such file"):
        read_params(tmp_path / what)
