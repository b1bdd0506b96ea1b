"""`zoo evaluate`, on a few rows of data whose metric is known."""

from __future__ import annotations

import dataclasses
import json
import sys
from pathlib import Path
from types import MappingProxyType

import numpy as np
import pytest
from command_line import Run, document, without_styles

import zoo.data
from zoo.cli import evaluating
from zoo.data import Definition, adult
from zoo.data.dataset import Dataset, Split
from zoo.errors import MissingDependencyError
from zoo.manifest import FILE_NAME, Metric, read_manifest, write_manifest
from zoo.pipelines import pipeline

pytest_plugins = ["hubs", "cli_hub"]

NAME = "logistic_regression.tiny"
ROWS = 40
RIGHT = 31


@pytest.fixture
def few_rows(embedded: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The only dataset is one of 40 rows, of which the tiny network gets 31 right."""
    rows = np.random.default_rng(0).integers(0, 2, (ROWS, 123)).astype(np.float32)
    answers = np.array([one.label == ">50K" for one in pipeline(NAME)(rows)])
    targets = np.where(np.arange(ROWS) < RIGHT, answers, ~answers).astype(np.int64)
    split = Split(rows, targets)
    few = Dataset(adult.ABOUT, split, split, split, {})
    definition = Definition(adult.ABOUT, (), lambda read: few)
    monkeypatch.setattr(zoo.data, "DATASETS", MappingProxyType({"adult": definition}))


@pytest.fixture
def claim(embedded: Path, few_rows: None) -> None:
    """The manifest says what is measured on them."""
    metric = Metric(
        "accuracy", "adult", "test", ROWS, RIGHT / ROWS, None, 1e-4, {"mxnet": RIGHT / ROWS}
    )
    path = embedded / FILE_NAME
    records = read_manifest(path)
    records[NAME] = dataclasses.replace(records[NAME], metrics=(metric,))
    write_manifest(path, records)


@pytest.mark.usefixtures("claim")
def test_a_number_that_agrees_on_both_runtimes(run: Run) -> None:
    result = run("evaluate", NAME)
    assert result.exit_code == 0
    head, *lines = result.stdout.splitlines()
    assert head.split() == [
        "weights", "runtime", "metric", "published", "measured", "difference", "tolerance",
        "verdict",
    ]  # fmt: skip
    numbers = ["accuracy", "0.775", "0.775", "0", "0.0001", "agrees"]
    assert [line.split() for line in lines] == [
        [NAME, "onnx", *numbers],
        [NAME, "mxnet", *numbers],
    ]
    assert [line.partition(": ")[0] for line in result.stderr.splitlines()] == [
        f"1/2 {NAME} on onnx",
        f"2/2 {NAME} on mxnet",
    ]


@pytest.mark.usefixtures("claim")
def test_json(run: Run) -> None:
    assert document(run("evaluate", NAME, "--runtime", "onnx", "--json")) == {
        "agrees": True,
        "evaluations": [
            {
                "name": NAME,
                "runtime": "onnx",
                "agrees": True,
                "measurements": [
                    {
                        "name": "accuracy",
                        "dataset": "adult",
                        "split": "test",
                        "n": ROWS,
                        "value": RIGHT / ROWS,
                        "standard_error": pytest.approx(0.066, abs=1e-3),
                        "published": RIGHT / ROWS,
                        "tolerance": 1e-4,
                        "difference": 0.0,
                        "agrees": True,
                    }
                ],
                "error": None,
            }
        ],
    }


@pytest.mark.usefixtures("few_rows")
def test_a_number_that_disagrees_exits_with_1(run: Run) -> None:
    result = run("evaluate", "logistic_regression", "--runtime", "onnx")
    assert result.exit_code == 1
    cells = result.stdout.splitlines()[1].split()
    assert cells == [NAME, "onnx", "accuracy", "0.5", "0.775", "+0.28", "0.0001", "DISAGREES"]


@pytest.mark.usefixtures("claim")
def test_what_cannot_be_measured_exits_with_1_after_the_rest(run: Run) -> None:
    result = run("evaluate", "--all", "--runtime", "onnx", "--json")
    assert result.exit_code == 1
    found = json.loads(result.stdout)
    assert not found["agrees"]
    assert [one["name"] for one in found["evaluations"] if one["agrees"]] == [NAME]
    assert [one["error"] is None for one in found["evaluations"]].count(True) == 1
    assert "zoo: lenet.tiny on onnx: There is no dataset 'mnist'." in result.stderr
    table = run("evaluate", "lenet", NAME, "--runtime", "onnx").stdout.splitlines()
    assert table[1].split()[-2:] == ["not", "measured"]
    assert table[2].endswith("agrees")


@pytest.mark.usefixtures("claim")
def test_names_given_twice_are_measured_once(run: Run) -> None:
    result = run("evaluate", NAME, "logistic_regression", "--runtime", "onnx", "--json")
    assert len(document(result)["evaluations"]) == 1


@pytest.mark.usefixtures("claim")
def test_a_terminal_sees_a_spinner_that_goes_away(
    run: Run, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    with evaluating._waiting("1/1 lenet on onnx"):
        pass
    shown = capsys.readouterr().err
    assert "1/1 lenet on onnx" in shown
    assert shown.endswith("\x1b[2K")


@pytest.mark.usefixtures("claim")
def test_a_narrow_terminal_keeps_the_verdict(run: Run) -> None:
    terminal = {"FORCE_COLOR": "1", "COLUMNS": "80", "TERM": "xterm"}
    text = without_styles(run("evaluate", NAME, "--runtime", "onnx", env=terminal))
    head, line = text.splitlines()
    assert "tolerance" not in head
    assert line.split()[-1] == "agrees"


def test_runtimes_that_are_not_installed_are_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(evaluating, "_is_installed", lambda one: one.value == "onnx")
    assert evaluating.installed_runtimes() == ["onnx"]
    monkeypatch.setattr(evaluating, "_is_installed", lambda one: False)
    with pytest.raises(MissingDependencyError, match="pip install onnxruntime"):
        evaluating.installed_runtimes()


def test_a_published_number_is_confirmed(
    published: dict[str, object], data_mirror: str, run: Run
) -> None:
    name = next((one for one in published if one.startswith("logistic_regression.")), None)
    if name is None:
        pytest.skip("logistic_regression is not published yet")
    assert document(run("evaluate", name, "--json"))["agrees"]
