"""The benchmarks' tables and graphs are what they say; their ratios are asserted nowhere."""

from __future__ import annotations

import importlib
import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

BENCHMARKS = Path(__file__).parent.parent / "benchmarks"


@pytest.fixture
def load(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    return importlib.import_module


def row(load: Any, name: str, **seconds: list[float]) -> Any:
    cases, tables = load("inference_cases"), load("inference_tables")
    times = {kind: np.array(taken) for kind, taken in seconds.items()}
    nodes = {"ours": 10, "mxnet": None}
    ours = {"cpu_seconds": 0.5, "peak_gigabytes": 0.3, "gigabytes_before": 0.2}
    costs = {"ours": ours, "mx2onnx": {"refused": "no"}}
    return tables.Row(cases.CASES[name], times, nodes, {}, {"mx2onnx": "no"}, costs)


def test_a_ratio_is_the_others_time_in_the_same_round(load: Any) -> None:
    found = row(load, "lenet", ours=[1e-3, 2e-3, 4e-3], mxnet=[3e-3, 6e-3, 12e-3], torch=[1, 1, 1])
    assert found.verdict("mxnet") == "3.00 (3.00-3.00, ok 2.5)"
    assert found.verdict("mx2onnx") == "refused"
    assert found.verdict("written") == "-"
    assert found.time("ours") == "2 (1.5-3) ms"
    slower = row(load, "lenet", ours=[1.0], mxnet=[2.0])
    assert slower.verdict("mxnet") == "2.00 (2.00-2.00, MISSED 2.5)"


def test_generation_is_in_tokens_a_second(load: Any) -> None:
    assert row(load, "generation", ours=[0.01]).time("ours") == "100 (100-100) tokens/s"


def test_tables_are_put_between_their_marks(load: Any, tmp_path: Path) -> None:
    tables, page = load("inference_tables"), tmp_path / "performance.md"
    found = [row(load, "lenet", ours=[1e-3], mxnet=[3e-3])]
    content = [tables.speed_table(found), tables.exports_table(found)]
    page.write_text(f"before\n{tables.BEGIN}\nold\n{tables.END}\nafter\n")
    for _ in range(2):
        tables.write_tables(page, content, threads=2, rounds=1, clock="perf_counter")
        text = page.read_text()
        assert text.startswith("before\n")
        assert text.endswith("after\n")
        assert "old" not in text
        assert "| LeNet, batch 1 | 1 (1-1) ms | - | - | refused | 3.00" in text
        assert "| LeNet, batch 1 | 0.50 s, 0.30 GB (0.20 before) | refused |" in text
    page.write_text("a page without marks")
    with pytest.raises(ValueError, match="has not one line"):
        tables.write_tables(page, content, threads=2, rounds=1, clock="perf_counter")


@pytest.mark.parametrize(
    "module",
    ["inference_tables", "browser", "fetch", "training", "perplexity", "variants", "data_parallel"],
)
def test_the_page_has_the_marks(load: Any, module: str) -> None:
    if module == "browser":
        pytest.importorskip("playwright", reason="needs Playwright")
    if module == "variants":
        pytest.importorskip("zoo._mxnet", reason="needs MXNet", exc_type=ImportError)
    tables = load(module)
    page = getattr(tables, "PAGE", BENCHMARKS.parent / "docs" / "performance.md")
    assert page.read_text("utf-8").count(tables.BEGIN) == 1
    assert page.read_text("utf-8").count(tables.END) == 1


def test_the_training_table_is_of_the_named_command(
    load: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    training = load("training")
    page = training.PAGE.read_text("utf-8")
    command = re.search(r"^python (benchmarks/training\.py.*?)(?:\s+#.*)?$", page, re.MULTILINE)
    assert command
    monkeypatch.setattr("sys.argv", command[1].split())
    given = training.read()
    assert f"{given.rounds} rounds of {given.seconds:g} s, {training.THREADS} threads." in page


@pytest.mark.parametrize(
    ("module", "words"),
    [
        ("training", ["--torch-python", "python", "--only", "lenet", "--write"]),
        ("variants", ["lenet.mnist", "--write"]),
    ],
)
def test_a_part_does_not_replace_whole_tables(
    module: str,
    words: list[str],
    load: Any,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    pytest.importorskip("zoo._mxnet", reason="needs MXNet", exc_type=ImportError)
    monkeypatch.setattr("sys.argv", [module, *words])
    with pytest.raises(SystemExit):
        load(module).main()
    assert "--write replaces" in capsys.readouterr().err


def test_ratios_are_within_a_round(load: Any) -> None:
    parallel, training, fetch = load("data_parallel"), load("training"), load("fetch")
    kinds = {"one": [1.0, 4.0, 9.0], "two": [2.0, 8.0, 3.0]}
    rounds = kinds | {"one, double batch": [1.5, 6.0, 12.0], "two, double batch": [2.0, 8.0, 3.0]}
    text = parallel.speed_table({"mlp.mnist": rounds}, {109_386: 0.001})
    assert text.endswith("| mlp.mnist | 4000.00 ms | 3000.00 ms | 1.00 ms | 0.50 | 1.00 |")
    assert "| mlp.mnist |" in parallel.model_table({"mlp.mnist": rounds})
    one, other = (training.Result(kinds[name], [0.0], [1.0]) for name in ("one", "two"))
    cells = training.rows("lenet", {"zoo": one, "usual": other})[2]
    assert cells[2] == "0.50 (0.50 to 3.00)"
    sides = [[{"s": value} for value in kinds[name]] for name in ("one", "two")]
    assert fetch._cell(*sides, "s") == "4.000 (0.50)"


def test_a_time_to_a_perplexity_that_was_not_reached_is_a_least_one(load: Any) -> None:
    perplexity = load("perplexity")
    ours = [{"seconds": 60.0, "perplexity": 150.0}, {"seconds": 120.0, "perplexity": 109.0}]
    reached = [{"seconds": 600.0, "perplexity": 108.0}]
    other = [{"seconds": 600.0, "perplexity": 200.0}]
    cells = [perplexity.rows({"zoo": ours, "torch": one}, 110) for one in (reached, other)]
    assert cells[0][1][1:] == ["2", "1.0", "109.0", "2", ""]
    assert cells[0][2][1:] == ["1", "10.0", "108.0", "10", "5.0 times"]
    assert cells[1][2][4:] == ["more than 10", "more than 5.0 times"]
    never = perplexity.rows({"zoo": other, "torch": reached}, 110)
    assert (never[1][4], never[2][5]) == ("more than 10", "")


def test_what_was_refused_is_tried_again(load: Any, tmp_path: Path) -> None:
    inference, cases = load("onnx_inference"), load("inference_cases")
    case, working = cases.CASES["lenet"], tmp_path / "python"
    working.write_text("#!/bin/sh\necho tried\n")
    working.chmod(0o755)
    for python, found in (("/bin/false", {"refused": ""}), (str(working), {})):
        options = SimpleNamespace(graphs=tmp_path, torch_python=python)
        assert inference.export(case, "torch", options) == found


def test_the_browser_and_python_take_turns(load: Any) -> None:
    pytest.importorskip("playwright", reason="needs Playwright")
    browser = load("browser")
    assert browser.spread([3.0, 1.0, 2.0], "ms") == "2 (1-3) ms"
    calls: list[str] = []
    first, second = (lambda: calls.append("first") or 1.0), (lambda: calls.append("second") or 2.0)
    for at in range(2):
        assert [side() for side in browser.turns(first, second, at)] == [1.0, 2.0]
    assert calls == ["first", "second", "second", "first"]


@pytest.mark.parametrize("network", ["lenet", "lstm_lm"])
def test_graphs_written_by_hand_are_the_network(network: str, load: Any, tmp_path: Path) -> None:
    pytest.importorskip("zoo._mxnet", reason="needs MXNet", exc_type=ImportError)
    from zoo import models, params
    from zoo._mxnet import mx
    from zoo.onnx import open_session

    config = (
        {"vocabulary_size": 11, "embed_size": 4, "hidden_size": 4} if network != "lenet" else {}
    )
    net = models.build(network, **config)
    mx.random.seed(0)
    net.initialize(mx.init.Uniform(0.5))
    random = np.random.default_rng(0)
    if network == "lenet":
        inputs = [random.standard_normal((2, 1, 28, 28)).astype(np.float32)]
        expected = [net(mx.nd.array(inputs[0]))]
    else:
        state = random.standard_normal((2, 2, 3, 4)).astype(np.float32)
        inputs = [random.integers(0, 11, (5, 3)), *state]
        data, *states = (mx.nd.array(one) for one in inputs)
        output, states = net(data, states)
        expected = [output, *states]
    target = tmp_path / "written.onnx"
    load("written_graphs").write_graph(network, params.arrays(net), 2, target)
    session = open_session(target.read_bytes())
    names = [one.name for one in session.get_inputs()]
    found = session.run(None, dict(zip(names, inputs, strict=True)))
    for one, other in zip(found, expected, strict=True):
        largest = np.abs(other.asnumpy()).max()
        np.testing.assert_allclose(one, other.asnumpy(), rtol=0, atol=1e-5 * largest)
