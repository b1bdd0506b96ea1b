"""Several seeds of a recipe, one after another, and on from where it was stopped."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from pathlib import Path

import environment
import pytest
from seeds import RECIPES, finished, numbers

from zoo.publishing.run import read_run
from zoo.publishing.seeds import read_others

pytestmark = pytest.mark.xdist_group("trainings")

REGRESSION = "linear_regression.california_housing"


@pytest.mark.parametrize(
    ("text", "expected"),
    [("0-4", [0, 1, 2, 3, 4]), ("7", [7]), ("3,0-1,1", [0, 1, 3])],
)
def test_seeds_are_ranges_and_lists(text: str, expected: list[int]) -> None:
    assert numbers(text) == expected


@pytest.mark.parametrize("text", ["", "a", "1-", "-1", "4-2", "0-9999", "0-999999999", "1,,2"])
def test_what_are_no_seeds(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError):
        numbers(text)


def test_what_would_be_another_run_is_refused(train: Callable[..., object]) -> None:
    child = train("seeds.py", REGRESSION, "--scale", "2")
    _, err = child.communicate(timeout=60)  # type: ignore[attr-defined]
    assert "unrecognized arguments: --scale 2" in err


def test_each_seed_is_trained_once(train: Callable[..., object], tmp_path: Path) -> None:
    arguments = ("seeds.py", REGRESSION, "--out", str(tmp_path))
    out, err = train(*arguments, "--seeds", "0,2").communicate(timeout=240)  # type: ignore[attr-defined]
    assert "(n = 2)" in out, err
    before = (tmp_path / "seed-0" / "run.json").stat().st_mtime_ns
    out, err = train(*arguments, "--seeds", "0-2").communicate(timeout=240)  # type: ignore[attr-defined]
    assert (tmp_path / "seed-0" / "run.json").stat().st_mtime_ns == before
    assert out.startswith("seed 0: finished already")
    assert "(n = 3)" in out
    runs = [json.loads((tmp_path / f"seed-{seed}/run.json").read_text()) for seed in (0, 1, 2)]
    assert [one["seed"] for one in runs] == [0, 1, 2]
    assert len({one["sha256"] for one in runs}) == 3
    others = read_others(read_run(tmp_path / "seed-0"), tmp_path)
    assert [one.facts["seed"] for one in others] == [1, 2]
    here = runs[0]["environment"] | {"settings": environment.settings()}
    recipe = RECIPES[REGRESSION]
    for change, is_ours in (
        ({}, True),
        ({"device": "gpu"}, False),
        ({"settings": {"OMP_NUM_THREADS": "8"}}, False),
    ):
        facts = runs[0] | {"environment": here | change}
        (tmp_path / "seed-0" / "run.json").write_text(json.dumps(facts))
        assert (finished(tmp_path / "seed-0", recipe, 0, "cpu") is not None) is is_ours
