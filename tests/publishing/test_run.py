"""Run folders that are not what a finished training leaves."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from run_folders import change_run, write_run

from zoo.errors import PublishError
from zoo.publishing.run import read_run

ARRAYS = {"output.weight": np.ones((1, 3), np.float32)}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    about = SimpleNamespace(task="tabular-regression")
    dataset = SimpleNamespace(name="houses", about=about, digests={})
    return write_run(tmp_path / "run", "linear_regression.houses", ARRAYS, dataset)


def test_a_whole_run(folder: Path) -> None:
    run = read_run(folder)
    assert (run.name, run.architecture, run.tag) == (
        "linear_regression.houses",
        "linear_regression",
        "houses",
    )
    np.testing.assert_array_equal(run.arrays["output.weight"], ARRAYS["output.weight"])
    assert run.recipe["dataset"] == "houses"
    assert (run.stored_dtype, run.vocabulary) == ("float32", None)
    assert run.log.endswith(b'{"epoch": 2}\n')
    assert run.curve.startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("typed", "published"),
    [
        ("python scripts/train.py a.b", "python scripts/train.py a.b"),
        (
            "python /home/me/zoo/scripts/train.py a.b --seed 1",
            "python scripts/train.py a.b --seed 1",
        ),
        ("python train.py a.b --out '/my runs/a' --seed 1", "python scripts/train.py a.b --seed 1"),
        ("python train.py --out=/my/runs a.b", "python scripts/train.py a.b"),
        ("python train.py --ou /my/runs a.b", "python scripts/train.py a.b"),
        (
            "python train.py a.b --teachers /my/runs --tensorboard",
            "python scripts/train.py a.b --tensorboard",
        ),
        ("python train.py --teach=/my/runs a.b", "python scripts/train.py a.b"),
    ],
)
def test_the_command_names_no_place(folder: Path, typed: str, published: str) -> None:
    change_run(folder, command=typed)
    assert read_run(folder).command == published


def _weights(folder: Path, array: Any) -> None:
    from safetensors.numpy import save_file

    save_file({"output.weight": array}, folder / "final.safetensors")


def _not_finite(folder: Path) -> None:
    import hashlib

    _weights(folder, np.array([[1, np.nan, 3]], np.float32))
    content = (folder / "final.safetensors").read_bytes()
    change_run(folder, sha256=hashlib.sha256(content).hexdigest())


def _recipe(folder: Path, **changes: Any) -> None:
    recipe = json.loads((folder / "run.json").read_text())["recipe"] | changes
    change_run(folder, recipe=recipe)


CASES: list[tuple[Callable[[Path], Any], str]] = [
    (shutil.rmtree, "There is no run folder"),
    (lambda folder: (folder / "run.json").unlink(), "no finished run"),
    (lambda folder: (folder / "run.json").write_text('{"name": '), "run.json is damaged"),
    (lambda folder: (folder / "run.json").write_bytes(b"\xff\xfe\xff"), "run.json is damaged"),
    (lambda folder: (folder / "run.json").write_text("[" * 100_000), "run.json is damaged"),
    (lambda folder: (folder / "run.json").write_text("[]"), "not a table of facts"),
    (lambda folder: change_run(folder, sha256=None), "sha256 is missing"),
    (lambda folder: change_run(folder, seed=True), "seed is missing or of the wrong kind"),
    (lambda folder: change_run(folder, epochs="2"), "epochs is missing or of the wrong kind"),
    (lambda folder: change_run(folder, recipe={}), "recipe: dataset is missing"),
    (lambda folder: _recipe(folder, target="high"), "recipe: target is missing"),
    (lambda folder: _recipe(folder, stored_dtype="int8"), "stored_dtype is not one of"),
    (lambda folder: change_run(folder, name="../lenet.mnist"), "not a name such as"),
    (lambda folder: change_run(folder, name="lenet"), "not a name such as"),
    (lambda folder: change_run(folder, name="lenett.mnist"), "Did you mean 'lenet'"),
    (lambda folder: change_run(folder, smoke=True), "is a smoke run"),
    (lambda folder: change_run(folder, smoke=None), "smoke is missing"),
    (lambda folder: change_run(folder, smoke=0), "smoke is missing or of the wrong kind"),
    (lambda folder: change_run(folder, command="python 'a"), "the command is damaged"),
    (lambda folder: change_run(folder, command="train"), "the command is damaged"),
    (lambda folder: change_run(folder, epochs=3), "log.jsonl has 2 lines for 3 epochs"),
    (lambda folder: (folder / "log.jsonl").unlink(), "log.jsonl cannot be read"),
    (lambda folder: (folder / "curve.png").unlink(), "curve.png cannot be read"),
    (lambda folder: (folder / "final.safetensors").unlink(), "final.safetensors cannot be read"),
    (lambda folder: _weights(folder, np.zeros((1, 3), "f4")), "they are not of the same run"),
    (_not_finite, "numbers that are not finite in output.weight"),
]


@pytest.mark.parametrize(("damage", "message"), CASES, ids=[message for _, message in CASES])
def test_refusals(folder: Path, damage: Callable[[Path], Any], message: str) -> None:
    damage(folder)
    with pytest.raises(PublishError) as caught:
        read_run(folder)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)
