"""`zoo list` and `zoo info`."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
from command_line import Run, document, without_styles
from records import NAMES

from zoo.manifest import read_manifest, write_manifest

pytest_plugins = ["hubs", "cli_hub"]
pytestmark = pytest.mark.usefixtures("embedded")


def test_the_table_has_a_line_for_each_record(run: Run) -> None:
    head, *lines = run("list").stdout.splitlines()
    assert head.split() == ["name", "parameters", "size", "metric", "value", "task"]
    assert [line.split()[0] for line in lines] == NAMES
    assert lines[0].split()[1:] == [
        "431,080", "1.7", "MB", "accuracy", "99.51", "%", "image-classification"
    ]  # fmt: skip
    assert all(line == line.rstrip() for line in lines)


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["lenet"], NAMES[:1]),
        (["lstm_lm.*"], NAMES[4:]),
        (["lstm_lm"], NAMES[4:]),
        (["mlp.tiny"], ["mlp.tiny"]),
        (["--task", "tabular-regression"], ["linear_regression.tiny"]),
        (["lenet", "--task", "tabular-regression"], []),
        (["resnet"], []),
    ],
)
def test_patterns_and_tasks(arguments: list[str], expected: list[str], run: Run) -> None:
    assert [one["name"] for one in document(run("list", *arguments, "--json"))] == expected


def test_nothing_found_is_said_on_standard_error(run: Run) -> None:
    result = run("list", "resnet")
    assert (result.exit_code, result.stdout) == (0, "")
    assert result.stderr == "No published weights match; zoo list shows all.\n"


def test_json_has_what_the_table_has(embedded: Path, run: Run) -> None:
    first = document(run("list", "--json"))[0]
    record = read_manifest(embedded / "weights_manifest.json")["lenet.tiny"]
    assert first == {
        "name": "lenet.tiny",
        "task": "image-classification",
        "description": record.description,
        "parameters": 431080,
        "size": record.artifacts["safetensors"].size,
        "metrics": [one.to_json() for one in record.metrics],
    }


def test_a_narrow_terminal_goes_without_spare_columns_and_keeps_names_whole(run: Run) -> None:
    terminal = {"FORCE_COLOR": "1", "COLUMNS": "72", "TERM": "xterm"}
    head, *lines = without_styles(run("list", env=terminal)).splitlines()
    assert "task" not in head
    assert "value" in head
    assert [line.split()[0] for line in lines] == NAMES
    assert max(map(len, lines)) <= 72


@pytest.mark.parametrize("name", ["lenet.tiny", "linear_regression.tiny", "lstm_lm.tiny-words"])
def test_info_shows_the_record(name: str, embedded: Path, run: Run) -> None:
    text = run("info", name).stdout
    record = read_manifest(embedded / "weights_manifest.json")[name]
    assert text.startswith(f"{name}  {record.description}\n")
    for artifact in record.artifacts.values():
        assert artifact.sha256 in text
    assert record.paper in text
    assert record.provenance["command"] in text
    assert record.licence["data"] in text
    assert f"n = {record.metrics[0].n:,}" in text


def test_a_training_of_seconds_is_told_in_seconds(embedded: Path, run: Run) -> None:
    path = embedded / "weights_manifest.json"
    records = read_manifest(path)
    quick = {**records["mlp.tiny"].provenance, "wall_seconds": 12.4}
    records["mlp.tiny"] = dataclasses.replace(records["mlp.tiny"], provenance=quick)
    write_manifest(path, records)
    assert "epochs, 12 seconds\n" in run("info", "mlp").stdout


def test_info_takes_an_architecture(run: Run) -> None:
    assert run("info", "lenet").stdout == run("info", "lenet.tiny").stdout


def test_info_as_json_is_the_record(embedded: Path, run: Run) -> None:
    record = read_manifest(embedded / "weights_manifest.json")["mlp.tiny"]
    assert document(run("info", "mlp", "--json")) == {"name": "mlp.tiny", **record.to_json()}
