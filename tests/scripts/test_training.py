"""Every recipe trains; a killed run goes on to the same bytes; mistakes end in one line."""

from __future__ import annotations

import dataclasses
import json
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from recipes import CLASSIFIERS, LANGUAGE_MODELS, REGRESSIONS

from zoo import models, params
from zoo.text import Vocabulary

pytestmark = pytest.mark.xdist_group("trainings")

Train = Callable[..., "subprocess.Popen[str]"]

SCRIPT = {
    **dict.fromkeys(CLASSIFIERS, "train_classifier.py"),
    **dict.fromkeys(REGRESSIONS, "train_regression.py"),
    **dict.fromkeys(LANGUAGE_MODELS, "train_language_model.py"),
}
RECIPES = CLASSIFIERS | REGRESSIONS | LANGUAGE_MODELS


def ended(child: subprocess.Popen[str]) -> str:
    """What a training that must succeed printed."""
    out, err = child.communicate(timeout=240)
    assert child.returncode == 0, err
    return out


@pytest.mark.parametrize("name", SCRIPT)
def test_smoke(name: str, train: Train, tmp_path: Path) -> None:
    child = train(SCRIPT[name], name, "--smoke", "--out", str(tmp_path))
    assert f"{name}: test" in ended(child)
    run = json.loads((tmp_path / "run.json").read_text())
    log = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert run["name"] == name
    assert [one["epoch"] for one in log] == [1, 2]
    assert all(np.isfinite(one["train_loss"]) for one in log)
    assert (tmp_path / "curve.png").read_bytes().startswith(b"\x89PNG")
    net = models.build(name.split(".")[0], **run["config"])
    params.load(net, params.read(tmp_path / "final.safetensors"))
    if name in LANGUAGE_MODELS:
        vocabulary = Vocabulary.read(tmp_path / "vocabulary.txt")
        assert len(vocabulary) == run["config"]["vocabulary_size"]


@pytest.mark.parametrize(
    "name", ["mlp.mnist", "linear_regression.california_housing", "lstm_lm.shakespeare"]
)
def test_killed_and_resumed_gives_the_same_bytes(name: str, train: Train, tmp_path: Path) -> None:
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    arguments = (SCRIPT[name], name, "--smoke", "--seed", "3", "--out")
    ended(train(*arguments, str(whole)))
    child = train(*arguments, str(cut))
    middle = 2 if name in LANGUAGE_MODELS else 1  # checkpoints; the second is within an epoch
    while len(list(cut.glob("checkpoints/step-*.safetensors"))) < middle:
        assert child.poll() is None, "it ended before its first checkpoint"
        time.sleep(0.005)
    child.send_signal(signal.SIGKILL)
    child.communicate()
    assert not (cut / "run.json").exists()
    ended(train(*arguments, str(cut)))
    first, second = (folder / "final.safetensors" for folder in (whole, cut))
    assert first.read_bytes() == second.read_bytes()
    assert len((cut / "log.jsonl").read_text().splitlines()) == 2


def test_seeds_differ(train: Train, tmp_path: Path) -> None:
    name = "linear_regression.california_housing"
    for seed in ("0", "1"):
        out = tmp_path / seed
        ended(train(SCRIPT[name], name, "--smoke", "--seed", seed, "--out", str(out)))
    weights = [(tmp_path / seed / "final.safetensors").read_bytes() for seed in ("0", "1")]
    assert weights[0] != weights[1]


def test_another_recipes_folder_is_refused(train: Train, tmp_path: Path) -> None:
    name = "linear_regression.california_housing"
    ended(train(SCRIPT[name], name, "--smoke", "--out", str(tmp_path)))
    child = train(SCRIPT[name], name, "--smoke", "--seed", "9", "--out", str(tmp_path))
    _, err = child.communicate(timeout=240)
    assert child.returncode == 1
    assert "another recipe, seed, device or settings" in err
    assert "Traceback" not in err


@pytest.mark.parametrize(
    ("script", "arguments", "message"),
    [
        ("train_classifier.py", ["lenet.minst"], "Did you mean 'lenet.mnist'"),
        ("train_regression.py", ["lenet.mnist"], "There is no recipe 'lenet.mnist'"),
        ("train_classifier.py", ["lenet.mnist", "--device", "tpu"], "--device is cpu, gpu"),
        ("train_classifier.py", ["lenet.mnist", "--device", "gpu:7"], "There is no gpu:7 here"),
    ],
)
def test_mistakes_are_one_line(
    script: str, arguments: list[str], message: str, train: Train
) -> None:
    _, err = (child := train(script, *arguments)).communicate(timeout=60)
    assert child.returncode == 1
    assert message in err
    assert len(err.strip().splitlines()) == 1


def test_a_batch_larger_than_the_data(train: Train, tmp_path: Path) -> None:
    words = ("mlp.mnist", "--smoke", "--scale", "16", "--out", str(tmp_path))
    _, err = (child := train("train_classifier.py", *words)).communicate(timeout=60)
    assert child.returncode == 1
    assert err.strip() == "A batch of 2048 needs more than 2000 examples."


@pytest.mark.parametrize("option", ["--stop-epoch", "--stop-step", "--scale"])
def test_counts_begin_with_one(option: str, train: Train) -> None:
    _, err = (child := train("train_classifier.py", "mlp.mnist", option, "0")).communicate(
        timeout=60
    )
    assert child.returncode == 2
    assert f"{option}: '0' is not a whole number from 1 on" in err


@pytest.mark.parametrize("name", RECIPES)
def test_recipes_are_frozen_and_named_by_their_key(name: str) -> None:
    recipe = RECIPES[name]
    assert recipe.name == name
    assert json.loads(json.dumps(dataclasses.asdict(recipe)))["name"] == name
    models.complete(name.split(".")[0], **recipe.config)
    with pytest.raises(dataclasses.FrozenInstanceError):
        recipe.target = 0.0  # type: ignore[misc]
