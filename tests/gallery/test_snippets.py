"""The code on a record's page runs as it is pasted, and predicts what the pipeline predicts."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from gallery_browser import NODE_MODULES, need
from typer.testing import CliRunner

import zoo
from zoo import samples, transforms
from zoo.cli import app
from zoo.gallery.snippets import PROMPTS, example, snippets
from zoo.onnx import open_session
from zoo.pipelines import read_vocabulary

EVERY = [zoo.get_weights(name) for name in zoo.list_weights()]
WRITERS = [one for one in EVERY if one.task == "language-modeling"]
OTHERS = [one for one in EVERY if one not in WRITERS]
TITLES = [one.title for one in snippets(EVERY[0])]
FLOAT = re.compile(r"-?\d+\.?\d*(?:e-?\d+)?")

RUN = """
import contextlib, io, json, os, sys
for folder, code in json.load(sys.stdin):
    os.chdir(folder)
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        exec(compile(code, folder, "exec"), {"__name__": "__main__"})
    print(json.dumps(printed.getvalue()))
"""


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for each record with what its code takes: a picture, an exported file."""
    desk = tmp_path_factory.mktemp("desk")
    for weights in EVERY:
        folder = desk / weights.name
        folder.mkdir()
        if weights.preprocessing["kind"] == "image":
            shutil.copy(picture(weights), folder / "picture.png")
        command = next(one.before for one in snippets(weights) if one.before)
        program, verb, name, file = shlex.split(command)
        result = CliRunner().invoke(app, [verb, name, str(folder / file)])
        assert (program, result.exit_code) == ("zoo", 0), result.output
    return desk


def picture(weights: zoo.Weights) -> Path:
    garments = weights.metrics[0].dataset == "fashion_mnist"
    return samples.garments()[1] if garments else samples.digits()[7]


def code(weights: zoo.Weights, title: str) -> str:
    return next(one.code for one in snippets(weights) if one.title == title)


@cache
def printed(desk: Path, title: str) -> dict[str, str]:
    """By record, what the Python code of this title prints; the records share a process."""
    jobs = [[str(desk / one.name), code(one, title)] for one in EVERY]
    done = subprocess.run(
        [sys.executable, "-c", RUN],
        input=json.dumps(jobs),
        capture_output=True,
        text=True,
        cwd=Path(zoo.__file__).parent.parent,
        env=os.environ | {"PYTHONPATH": str(Path(zoo.__file__).parent.parent)},
    )
    assert done.returncode == 0, done.stderr
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    return {one.name: answer for one, answer in zip(EVERY, answers, strict=True)}


def raw(weights: zoo.Weights) -> Any:
    return picture(weights) if weights.preprocessing["kind"] == "image" else example(weights)


@pytest.mark.parametrize("title", [one for one in TITLES if one.startswith("Python")])
def test_python_predicts_what_the_pipeline_predicts(title: str, desk: Path) -> None:
    if title.endswith("Gluon") and find_spec("mxnet") is None:
        pytest.skip("needs MXNet")
    for weights in OTHERS:
        answer = zoo.pipeline(weights)(raw(weights))
        said = printed(desk, title)[weights.name]
        if weights.task == "tabular-regression":
            value, *unit = said.split(maxsplit=1)
            assert float(value) == pytest.approx(answer.value, abs=1e-3)
            assert answer.unit in unit[0]
        else:
            assert said.split(" (")[0].strip() == answer.label
    for weights in WRITERS:
        level, said = weights.preprocessing["level"], printed(desk, title)[weights.name]
        prompt, space = PROMPTS[level], " " if level == "word" else ""
        if title == "Python":
            assert said.startswith(prompt)
            assert len(said) > len(prompt) + 20
        else:
            assert said == "".join(f"{token}{space}" for token in likeliest(weights))


def likeliest(weights: zoo.Weights) -> list[str]:
    """The tokens after the prompt, unknown ones too, which the code does not leave out."""
    prompt = PROMPTS[weights.preprocessing["level"]]
    return list(zoo.pipeline(weights)(prompt, length=30, forbidden=[]).tokens)


def javascript_input(weights: zoo.Weights) -> np.ndarray[Any, Any]:
    """What the code gives the network: a black picture, or the example."""
    if weights.preprocessing["kind"] == "features":
        return transforms.features(example(weights), weights.preprocessing)
    height, width = weights.preprocessing["size"]
    return transforms.image(np.zeros((1, height, width), np.uint8), weights.preprocessing)


@pytest.mark.parametrize("weights", EVERY, ids=lambda one: one.name)
def test_javascript_predicts_what_python_predicts(weights: zoo.Weights, desk: Path) -> None:
    need(shutil.which("node") is not None, "needs Node.js: apt-get install nodejs")
    need(NODE_MODULES.is_dir(), "needs make docs/gallery/node_modules")
    folder = desk / weights.name
    modules = folder / "node_modules"
    if not modules.exists():
        modules.symlink_to(NODE_MODULES)
    script = folder / "predict.mjs"
    script.write_text(code(weights, TITLES[-1]), "utf-8")
    done = subprocess.run(["node", script.name], cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    if weights in WRITERS:
        assert int(done.stdout) == read_vocabulary(weights).index[likeliest(weights)[0]]
        return
    session = open_session((folder / "model.onnx").read_bytes())
    [expected] = session.run(None, {weights.inputs[0].name: javascript_input(weights)})
    found = [float(one) for one in FLOAT.findall(done.stdout.partition("[")[2])]
    np.testing.assert_allclose(found, expected[0], atol=1e-4)
