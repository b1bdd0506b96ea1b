"""The code on a record's page runs as it is pasted, and predicts what the pipeline predicts."""

from __future__ import annotations

import ast
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from dataclasses import replace
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
from zoo.gallery.demonstrations import demonstration
from zoo.gallery.snippets import PROMPTS, example, measuring, prompt, snippets
from zoo.onnx import open_session
from zoo.pipelines import read_vocabulary
from zoo.text import Vocabulary, tokenize

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


MISCHIEF = 'a"]); evil(); // \u2028evil() \U0001f600\nevil() `x` $(evil) \\'
SCRIPT_STRING = re.compile(r'"(?:[^"\\\n\r\u2028\u2029]|\\.)*"')


def of_a_stranger(weights: zoo.Weights) -> zoo.Weights:
    """The same record with mischief in every text that stands in code."""
    use = dict(weights.preprocessing)
    if use.get("end") is not None:
        use["end"] = MISCHIEF
    inputs = tuple(replace(one, name=MISCHIEF) for one in weights.inputs)
    outputs = tuple(replace(one, name=MISCHIEF) for one in weights.outputs)
    changed = replace(weights, inputs=inputs, outputs=outputs, preprocessing=use)
    return changed.of_hub(f"https://example.org/{MISCHIEF}")


@pytest.mark.parametrize("weights", EVERY, ids=lambda one: one.name)
def test_nothing_of_a_stranger_s_record_is_more_than_text(weights: zoo.Weights) -> None:
    stranger = of_a_stranger(weights)
    address = f"{stranger.hub}::{weights.name}"
    for one in snippets(stranger):
        if one.before:
            assert shlex.split(one.before) == ["zoo", "export", address, "model.onnx"]
        if one.title.startswith("Python"):
            nodes = list(ast.walk(ast.parse(one.code)))
            assert "evil" not in [node.id for node in nodes if isinstance(node, ast.Name)]
            texts = [node.value for node in nodes if isinstance(node, ast.Constant)]
            assert address in texts
            assert MISCHIEF in texts or one.title != "Python, ONNX Runtime"
        else:
            assert one.code.isascii()
            bare = re.sub("//.*", "", SCRIPT_STRING.sub("", one.code))
            assert "evil" not in bare
            assert bare.count('"') == 0
    assert shlex.split(measuring(stranger)) == ["zoo", "evaluate", address]


def test_a_record_of_another_hub_is_named_with_its_address() -> None:
    weights = OTHERS[0]
    there = weights.of_hub("hf://owner/models@main")
    address = f"hf://owner/models@main::{weights.name}"
    for one in snippets(there):
        assert address in one.code or one.before == f"zoo export {address} model.onnx"
    assert measuring(there) == f"zoo evaluate {address}"
    assert snippets(weights.of_hub("/srv/hub")) == snippets(weights)


def test_without_a_graph_there_is_only_what_runs_without_one() -> None:
    for weights in EVERY:
        kept = {kind: one for kind, one in weights.artifacts.items() if kind != "onnx-graph"}
        bare = replace(weights, artifacts=kept)
        assert [one.title for one in snippets(bare)] == ["Python, Gluon"]
        assert measuring(bare) == f"zoo evaluate {weights.name} --runtime mxnet"


@pytest.mark.parametrize(
    ("level", "tokens", "expected"),
    [
        ("character", tuple("\n MOx"), "OMO\n"),
        ("character", ("<pad>", "x", "y"), "x"),
        ("character", ("<pad>",), ""),
        ("word", ("<eos>", "game", "The"), "The game"),
        ("word", ("a b", "cat"), "cat"),
    ],
)
def test_a_prompt_is_of_tokens_that_the_model_knows(
    level: str, tokens: tuple[str, ...], expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("zoo.gallery.snippets.read_vocabulary", lambda _: Vocabulary(tokens))
    use = {"kind": "tokens", "level": level, "unknown": None, "end": None}
    weights = replace(WRITERS[0], preprocessing=use)
    assert prompt(weights) == expected
    assert f"model({json.dumps(expected)}, " in code(weights, "Python")
    ids = [f"{tokens.index(one)}n" for one in tokenize(expected, level)]
    assert f"const ids = [{', '.join(ids)}];" in code(weights, TITLES[-1])
    assert demonstration(weights, [weights], 0)["prompt"] == expected
