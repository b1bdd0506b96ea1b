"""Train a recipe with several seeds: `python scripts/seeds.py lenet.mnist --seeds 0-4`.

One after another, each into a folder seed-N of its own; started again after a stop it goes on where
it was. `zoo publish RUN --seeds FOLDER` then measures all of them and records mean and spread.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import re
import sys
from pathlib import Path
from typing import Any, NamedTuple

import command
import environment
import recorded
from recipes import CLASSIFIERS, LANGUAGE_MODELS, REGRESSIONS, ClassifierRecipe, Recipe

from zoo import relay
from zoo.errors import PublishError, near
from zoo.publishing.run import read_run
from zoo.spread import Spread

RECIPES: dict[str, Recipe] = {**CLASSIFIERS, **REGRESSIONS, **LANGUAGE_MODELS}
HERE = Path(__file__).resolve().parent


class Wanted(NamedTuple):
    """What the command line asks for; `rest` goes on to the training script."""

    recipe: Recipe
    seeds: list[int]
    device: str
    out: Path
    teachers: Path
    rest: list[str]


def read() -> Wanted:
    parser = argparse.ArgumentParser(description="Train a recipe with several seeds.")
    parser.add_argument("name", help="the recipe, such as lenet.mnist")
    parser.add_argument("--seeds", type=numbers, default="0-4", help="such as 0-4 or 0,3,7 (0-4)")
    parser.add_argument("--out", type=Path, help="the folder of the runs (runs/NAME-seeds)")
    parser.add_argument("--teachers", type=Path, help="their folder (default: OUT/teachers)")
    parser.add_argument("--device", default="cpu", help="cpu, gpu or gpu:1")
    parser.add_argument("--tensorboard", action="store_true", help="write event files too")
    given = parser.parse_args()
    if given.name not in RECIPES:
        sys.exit(f"There is no recipe {given.name!r}. {near(given.name, RECIPES)}")
    out = given.out or Path("runs", f"{given.name}-seeds")
    rest = ["--device", given.device, *["--tensorboard"][: given.tensorboard]]
    teachers = given.teachers or out / "teachers"
    return Wanted(RECIPES[given.name], given.seeds, given.device, out, teachers, rest)


def numbers(text: str) -> list[int]:
    """`0-4` or `0,3,7` as a list without repetitions."""
    if not re.fullmatch(r"\d{1,9}(-\d{1,9})?(,\d{1,9}(-\d{1,9})?)*", text):
        raise argparse.ArgumentTypeError(f"{text!r} is not of the form 0-4 or 0,3,7")
    ends = [part.partition("-") for part in text.split(",")]
    ranges = [range(int(first), int(last or first) + 1) for first, _, last in ends]
    count = sum(map(len, ranges))
    if not 0 < count <= 1000:
        raise argparse.ArgumentTypeError(f"{text!r} means {count} seeds, and not 1 to 1000")
    return sorted({seed for one in ranges for seed in one})


def train(wanted: Wanted, seed: int) -> dict[str, Any]:
    """The finished run of that seed: what its run.json says."""
    folder = wanted.out / f"seed-{seed}"
    facts = finished(folder, wanted.recipe, seed, wanted.device)
    if facts is not None:
        print(f"seed {seed}: finished already, in {folder}")
        return facts
    print(f"seed {seed}: trains in {folder}", flush=True)
    script = HERE / recorded.SCRIPTS[type(wanted.recipe)]
    words = [wanted.recipe.name, "--seed", str(seed), "--out", str(folder), *wanted.rest]
    if isinstance(wanted.recipe, ClassifierRecipe) and wanted.recipe.teachers:
        words += ["--teachers", str(wanted.teachers)]  # they have seeds of their own
    code = relay.run([sys.executable, str(script), *words])
    facts = finished(folder, wanted.recipe, seed, wanted.device)
    if facts is None:  # a missed target is a finished run too
        sys.exit(
            code or f"{folder} holds no finished run of this recipe, seed, device and settings."
        )
    return facts


def finished(folder: Path, recipe: Recipe, seed: int, device: str) -> dict[str, Any] | None:
    """What the folder's run.json says, None where it is not of a finished run of this kind."""
    try:
        facts = dict(read_run(folder).facts)
    except PublishError:
        return None
    ours = json.loads(json.dumps(dataclasses.asdict(recipe)))
    told = facts["environment"]
    found = (facts["recipe"], facts["seed"], told.get("device"), told.get("settings"))
    return facts if found == (ours, seed, device, environment.settings()) else None


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
