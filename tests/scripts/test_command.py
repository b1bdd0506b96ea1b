"""What the training scripts have in common: exit codes, and mistakes in one line."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import environment
import pytest

SCRIPTS = Path(__file__).parents[2] / "scripts"
SHORT = """
import dataclasses, sys
import command, recipes, train_regression

name, target, *_ = sys.argv.pop(), float(sys.argv.pop())
sys.argv.insert(1, name)
recipe = dataclasses.replace(recipes.REGRESSIONS[name], epochs=1, target=target, agreement=9.0)
train_regression.REGRESSIONS = {name: recipe}
command.run(train_regression.main)
"""


@pytest.mark.usefixtures("data_mirror")
@pytest.mark.parametrize(("target", "code"), [(0.99, 1), (0.1, 0)])
def test_a_missed_target_is_exit_code_1(target: float, code: int, tmp_path: Path) -> None:
    name = "linear_regression.california_housing"
    program = [sys.executable, "-c", SHORT, "--out", str(tmp_path), str(target), name]
    done = subprocess.run(
        program,
        env=os.environ | environment.PINNED | environment.AT_ONCE | {"PYTHONPATH": str(SCRIPTS)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert f"{name}: test r2 0." in done.stdout, done.stderr
    assert done.returncode == code
    assert done.stderr.endswith(f"{name} missed its target.\n") == bool(code)
    assert (tmp_path / "run.json").is_file()


@pytest.mark.parametrize("script", [one.name for one in sorted(SCRIPTS.glob("train_*.py"))])
def test_without_mxnet_it_is_one_line(
    script: str,
    train: Callable[..., subprocess.Popen[str]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (tmp_path / "mxnet.py").write_text("raise ImportError('blocked')\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    child = train(script, "lenet.mnist")
    _, err = child.communicate(timeout=60)
    assert child.returncode == 1
    assert err.startswith("MXNet is installed but does not load (blocked).")
    assert err.count("\n") == 1
