"""`zoo demo`."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from command_line import Run, finished, without_styles

from zoo import samples
from zoo.cli import demo
from zoo.cli.evaluating import installed_runtimes
from zoo.manifest import FILE_NAME, read_manifest, write_manifest
from zoo.models import build
from zoo.onnx.export import export_onnx
from zoo.pipelines import pipeline

pytest_plugins = ["hubs", "cli_hub"]


def _captions(text: str) -> list[str]:
    """The labels below the pictures, in order."""
    return re.findall(r"(\d)  \d+\.\d\d %", text.partition("right.")[0])


@pytest.mark.usefixtures("embedded")
def test_the_tour(run: Run) -> None:
    result = run("demo")
    assert result.exit_code == 0, result.output
    text = result.stdout
    answers = pipeline("lenet")(samples.digits())
    assert _captions(text) == [one.label for one in answers]
    right = sum(one.label == str(digit) for digit, one in enumerate(answers))
    assert f"\n{right} of 10 right.\n" in text
    assert "█" in text
    words = pipeline("lstm_lm.tiny-words")(demo._PROMPTS["word"], **demo._DECODING["word"]).text
    assert "".join(words.split()) in "".join(text.split())
    assert "\n    ROMEO:\n" in text
    [difference] = re.findall(r"differ by at most (\S+)\.\n", text)
    assert 0 <= float(difference) < 1e-4
    assert "\nzoo list " in text
    assert 'zoo.get_model("lenet", pretrained=True)' in text
    assert max(map(len, text.splitlines())) <= 120


@pytest.mark.parametrize(("columns", "rows"), [(40, 5), (80, 3), (120, 2), (200, 1)])
@pytest.mark.usefixtures("embedded")
def test_as_many_pictures_side_by_side_as_fit(columns: int, rows: int, run: Run) -> None:
    terminal = {"FORCE_COLOR": "1", "COLUMNS": str(columns), "TERM": "xterm"}
    shown = without_styles(run("demo", env=terminal)).partition("right.")[0].splitlines()
    captions = [line for line in shown if re.fullmatch(r"(\s*\d  +\d+\.\d\d %\s*)+", line)]
    assert len(captions) == rows
    assert max(map(len, shown[3:])) <= columns


def test_without_mxnet_it_says_so(installation: Path, tmp_path: Path) -> None:
    (tmp_path / "mxnet.py").write_text("raise ImportError('blocked')\n")
    ended = finished(installation, "demo", PYTHONPATH=f"{tmp_path}:{installation}")
    assert (ended.returncode, ended.stderr) == (0, "")
    said = " ".join(ended.stdout.split())
    assert "Nothing to compare with: MXNet is installed but does not load (blocked)." in said
    assert "get_model" not in ended.stdout


def test_without_a_language_model_it_fails(embedded: Path, run: Run) -> None:
    path = embedded / FILE_NAME
    write_manifest(path, {"lenet.tiny": read_manifest(path)["lenet.tiny"]})
    result = run("demo")
    assert result.exit_code == 1
    assert result.stderr == "zoo: No language model is published here: the demo ends early.\n"
    assert len(_captions(result.stdout)) == 10


@pytest.mark.usefixtures("embedded")
def test_a_file_that_computes_something_else_is_noticed(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    def export_another(net: object, path: Path, **options: Any) -> object:
        another = build("lenet")
        another.initialize()
        return export_onnx(another, path, **options)

    monkeypatch.setattr("zoo.onnx.export.export_onnx", export_another)
    result = run("demo")
    assert result.exit_code == 1
    assert re.fullmatch(
        r"zoo: ONNX Runtime and Gluon differ by \S+: please report it\.\n", result.stderr
    )


def test_the_published_tour(published: dict[str, object], run: Run) -> None:
    if not any(name.startswith("lstm_lm.") for name in published) or "lenet.mnist" not in published:
        pytest.skip("lenet.mnist and a language model are not published yet")
    result = run("demo")
    assert result.exit_code == 0, result.output
    assert _captions(result.stdout) == list("0123456789")
    assert ("differ by at most" in result.stdout) == ("mxnet" in installed_runtimes())
