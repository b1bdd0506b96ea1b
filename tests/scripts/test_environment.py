"""What a training script finds in its environment after it has started itself again."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from environment import AT_ONCE, PINNED, WITHOUT

SCRIPTS = Path(__file__).parents[2] / "scripts"

SHOWING = """
import json, os
import environment
environment.pin()
print(json.dumps(dict(os.environ)))
"""

CLASSIFYING = """
import dataclasses, hashlib
import numpy as np
from optimizers import NAG
from recipes import CLASSIFIERS
from train_classifier import loss_function, network
from zoo import params
from zoo._mxnet import mx

mx.random.seed(0)
recipe = dataclasses.replace(CLASSIFIERS["lenet.mnist"], teachers=None)
net, loss_of = network(recipe, mx.cpu()), loss_function(recipe)
optimizer = NAG(params.parameters(net), 0.9, 1e-4)
drawn = np.random.default_rng(0)
for step in range(5):
    data = mx.nd.array(drawn.normal(size=(128, 1, 28, 28)))
    with mx.autograd.record():
        loss = loss_of(net(data), mx.nd.array(drawn.integers(0, 10, 128)))
    loss.backward()
    optimizer.step(0.1, 128)
digest = hashlib.sha256()
for _, array in sorted((params.arrays(net) | optimizer.state()).items()):
    digest.update(array.tobytes())
print(digest.hexdigest())
"""

LEARNING = """
import dataclasses, hashlib
import numpy as np
from recipes import LANGUAGE_MODELS
from language_learner import Learner
from zoo._mxnet import mx

recipe = LANGUAGE_MODELS["lstm_lm.wikitext2"]
config = recipe.config | {"embed_size": 64, "hidden_size": 64}
recipe = dataclasses.replace(recipe, batch_size=16, samples=256, config=config)
learner = Learner(recipe, np.arange(1, 2000), 0, mx.cpu())
states = learner.net.begin_state(16)
tokens = np.random.default_rng(0).integers(0, 1999, (36, 16))
for step in range(5):
    _, states = learner.step(step, 0.01, tokens[:-1], tokens[1:], states)
digest = hashlib.sha256()
for _, array in sorted(learner.state().items()):
    digest.update(array.tobytes())
print(digest.hexdigest())
"""


def output(program: str, folder: Path, **changes: str) -> str:
    """What the program prints, under this environment without any pin and with these changes."""
    path = folder / "program.py"
    path.write_text(program)
    clean = {name: one for name, one in os.environ.items() if name not in PINNED | AT_ONCE}
    environment = clean | {"PYTHONPATH": str(SCRIPTS)} | changes
    command = [sys.executable, str(path)]
    return subprocess.run(
        command, env=environment, capture_output=True, text=True, check=True
    ).stdout


def test_the_settings_are_pinned(tmp_path: Path) -> None:
    found = json.loads(output(SHOWING, tmp_path, OPENBLAS_CORETYPE="Zen", USER="somebody"))
    assert found.items() >= (PINNED | AT_ONCE | {"USER": "somebody"}).items()
    assert "AVX512F" in found[WITHOUT]


def test_a_choice_that_changes_no_bit_is_the_users(tmp_path: Path) -> None:
    found = json.loads(output(SHOWING, tmp_path, MXNET_ENGINE_TYPE="ThreadedEngine"))
    assert found["MXNET_ENGINE_TYPE"] == "ThreadedEngine"
    assert found["MXNET_CPU_PARALLEL_SIZE"] == AT_ONCE["MXNET_CPU_PARALLEL_SIZE"]


def test_a_role_keeps_the_engine(tmp_path: Path) -> None:
    found = json.loads(output(SHOWING, tmp_path, DMLC_ROLE="worker"))
    assert found.items() >= PINNED.items()
    assert not found.keys() & AT_ONCE


@pytest.mark.parametrize("program", [CLASSIFYING, LEARNING])
def test_at_once_gives_the_same_bits(program: str, tmp_path: Path) -> None:
    pytest.importorskip("mxnet")
    assert output(program, tmp_path, **PINNED) == output(program, tmp_path, **PINNED, **AT_ONCE)


@pytest.mark.parametrize(("text", "threads"), [("", "2"), ("04", "4"), ("0", None), ("two", None)])
def test_threads_are_a_number(text: str, threads: str | None) -> None:
    program = "import environment; print(environment.THREADS)"
    env = os.environ | {"ZOO_THREADS": text, "PYTHONPATH": str(SCRIPTS)}
    done = subprocess.run([sys.executable, "-c", program], env=env, capture_output=True, text=True)
    if threads:
        assert done.stdout.strip() == threads
    else:
        line = f"ZOO_THREADS has to be a whole number from 1 on, not {text!r}."
        assert (done.returncode, done.stderr.strip()) == (1, line)
