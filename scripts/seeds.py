"""Train a recipe with several seeds: `python scripts/seeds.py lenet.mnist --seeds 0-4`.

One after another, each into a folder seed-N of its own; started again after a stop it goes on where
it was. `zoo publish RUN --seeds FOLDER` then measures all of them and records mean and spread.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

import command
import recorded
from recipes import CLASSIFIERS, LANGUAGE_MODELS, REGRESSIONS, ClassifierRecipe, Recipe

from zoo.errors import PublishError, near
from zoo.publishing.run import read_run
from zoo.spread import Spread

RECIPES: dict[str, Recipe] = {**CLASSIFIERS, **REGRESSIONS, **LANGUAGE_MODELS}
HERE = Path(__file__).resolve().parent


class Wanted(NamedTuple):
    """What the command line asks for; `rest` goes on to the training script."""

    recipe: Recipe
    seeds: list[int]
    out: Path
    rest: list[str]


def read() -> Wanted:
    parser = argparse.ArgumentParser(description="Train a recipe with several seeds.")
    parser.add_argument("name", help="the recipe, such as lenet.mnist")
    parser.add_argument("--seeds", type=numbers, default="0-4", help="such as 0-4 or 0,3,7 (0-4)")
    parser.add_argument("--out", type=Path, help="the folder of the runs (runs/NAME-seeds)")
    given, rest = parser.parse_known_args()
    if given.name not in RECIPES:
        sys.exit(f"There is no recipe {given.name!r}. {near(given.name, RECIPES)}")
    out = given.out or Path("runs", f"{given.name}-seeds")
    return Wanted(RECIPES[given.name], given.seeds, out, rest)


def numbers(text: str) -> list[int]:
    """`0-4` or `0,3,7` as a list without repetitions."""
    if not re.fullmatch(r"\d{1,9}(-\d{1,9})?(,\d{1,9}(-\d{1,9})?)*", text):
        raise argparse.ArgumentTypeError(f"{text!r} is not of the form 0-4 or 0,3,7")
    found: list[int] = []
    for part in text.split(","):
        first, _, last = part.partition("-")
        found += range(int(first), int(last or first) + 1)
    if not 0 < len(found) <= 1000:
        raise argparse.ArgumentTypeError(f"{text!r} means {len(found)} seeds")
    return sorted(set(found))


def train(wanted: Wanted, seed: int) -> dict[str, Any]:
    """The finished run of that seed: what its run.json says."""
    folder = wanted.out / f"seed-{seed}"
    facts = finished(folder, wanted.recipe, seed)
    if facts is not None:
        print(f"seed {seed}: finished already, in {folder}")
        return facts
    print(f"seed {seed}: trains in {folder}", flush=True)
    script = HERE / recorded.SCRIPTS[type(wanted.recipe)]
    words = [wanted.recipe.name, "--seed", str(seed), "--out", str(folder), *wanted.rest]
    if isinstance(wanted.recipe, ClassifierRecipe) and wanted.recipe.teachers:
        words += ["--teachers", str(wanted.out / "teachers")]  # they have seeds of their own
    done = subprocess.run([sys.executable, str(script), *words], check=False)
    facts = finished(folder, wanted.recipe, seed)
    if facts is None:  # a missed target is a finished run too
        sys.exit(done.returncode or f"{folder} holds no finished run of this recipe and seed.")
    return facts


def finished(folder: Path, recipe: Recipe, seed: int) -> dict[str, Any] | None:
    """What the folder's run.json says, None where it is not of a finished run of this kind."""
    try:
        facts = dict(read_run(folder).facts)
    except PublishError:
        return None
    ours = json.loads(json.dumps(dataclasses.asdict(recipe)))
    return facts if (facts["recipe"], facts["seed"]) == (ours, seed) else None


def main() -> None:
    wanted = read()
    found = {seed: train(wanted, seed) for seed in wanted.seeds}
    metric = next(iter(next(iter(found.values()))["results"]))
    values = {seed: float(facts["results"][metric]) for seed, facts in found.items()}
    for seed, value in values.items():
        print(f"seed {seed}: test {metric} {value:.6g}")
    spread = Spread(metric, wanted.recipe.dataset, "test", values)
    print(f"{wanted.recipe.name}: test {metric} {spread}")
    first = wanted.out / f"seed-{wanted.seeds[0]}"
    print(f"To publish: zoo publish {first} --seeds {wanted.out}")


if __name__ == "__main__":
    command.run(main)
