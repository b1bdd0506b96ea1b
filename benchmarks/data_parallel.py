"""Two workers of one thread each beside one process of two threads, and what a message costs.

    python benchmarks/data_parallel.py --write

Every run trains the first epochs of a recipe as the scripts do, checkpoints included; the first
epoch is not timed. All take turns, and a ratio is the median over the rounds of that within a
round. Two workers also train a whole recipe, whose accuracy stands beside that of the record's
seeds. --write puts all of it into docs/distributed.md.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median

import pages

from zoo import get_weights
from zoo.figures import metric_value

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "distributed.md"
BEGIN, END = "<!-- distributed -->", "<!-- end of distributed -->"
RECIPES = {  # epochs, parameters
    "logistic_regression.mnist": (5, 7_850),
    "mlp.mnist": (3, 109_386),
    "lenet.mnist": (2, 431_080),
}
MISSED = 1  # the exit code of a finished run that misses its target
WHOLE = "logistic_regression.mnist"  # trained to the end
LAUNCHED = (sys.executable, "scripts/launch.py", "-n", "2")
KINDS = ("one", "one, double batch", "two", "two, double batch")
NETWORK = 1.25e9  # bytes a second of 10 Gbit/s
TRIP = 100e-6  # seconds there and back between two machines
WORKERS = (2, 4, 8)

Rounds = Mapping[str, Sequence[float]]  # seconds of a step in each round, by kind


def step_seconds(name: str, kind: str) -> float:
    """Seconds of a step, over all epochs but the first."""
    epochs, _ = RECIPES[name]
    scale = 2 if "double" in kind else 1
    script = ["scripts/train_classifier.py", name, "--scale", str(scale)]
    with tempfile.TemporaryDirectory() as folder:
        options = ["--stop-epoch", str(epochs), "--out", folder]
        command = [sys.executable, *script, *options]
        if kind.startswith("two"):
            command = [*LAUNCHED, *script, *options, "--distributed"]
        subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
        log = [json.loads(line) for line in Path(folder, "log.jsonl").read_text().splitlines()]
    first, last = log[0], log[-1]
    return float(last["seconds"] - first["seconds"]) / (last["step"] - first["step"])


def accuracy_of_two() -> str:
    """What two workers reach by a whole recipe, beside the seeds of the record."""
    with tempfile.TemporaryDirectory() as folder:
        script = ["scripts/train_classifier.py", WHOLE, "--distributed", "--out", folder]
        command = [*LAUNCHED, *script]
        done = subprocess.run(command, cwd=ROOT, check=False, stdout=subprocess.DEVNULL)
        if done.returncode != MISSED:
            done.check_returncode()
        found = json.loads(Path(folder, "run.json").read_text())["results"]["accuracy"]
    told = metric_value("accuracy", found)
    return (
        f"`{WHOLE}`, trained whole by two workers: {told}; one process: {get_weights(WHOLE).seeds}."
    )


def message_seconds() -> dict[int, float]:
    """Seconds to add as many numbers as a model has over two workers on loopback."""
    sizes = [str(size) for _, size in RECIPES.values()]
    worker = ["benchmarks/distributed_worker.py", *sizes]
    command = [*LAUNCHED, *worker]
    done = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
    lines = [line.split() for line in done.stdout.splitlines()]
    return {int(size): float(seconds) for size, seconds in lines}


def ratio(rounds: Rounds, above: str, below: str) -> float:
    """The median over the rounds of the ratio within a round."""
    pairs = zip(rounds[above], rounds[below], strict=True)
    return median(one / other for one, other in pairs)


def speed_table(found: Mapping[str, Rounds], messages: Mapping[int, float]) -> str:
    """Step times, and how many times the examples a second two workers manage."""
    rows = [
        ["record", "a step alone", "of two workers", "its message", "ratio", "with double batch"]
    ]
    for name, rounds in found.items():
        seconds = (median(rounds["one"]), median(rounds["two"]), messages[RECIPES[name][1]])
        double = 2 * ratio(rounds, "one", "two, double batch")
        cells = [f"{1e3 * one:.2f} ms" for one in seconds]
        rows.append([name, *cells, f"{ratio(rounds, 'one', 'two'):.2f}", f"{double:.2f}"])
    return pages.table(rows)


def predicted(steps: Mapping[str, float], size: int, workers: int, scale: int) -> float:
    """How many times the examples a second of one machine, on a network, as the page explains."""
    each = max(0.0, steps["one, double batch"] - steps["one"])
    fixed = max(0.0, steps["one"] - each)
    message = 2 * TRIP + 2 * workers * 4 * size / NETWORK
    return scale * steps["one"] / (fixed + each * scale / workers + message)


def model_table(found: Mapping[str, Rounds]) -> str:
    """The model's answer for several machines, with the recipe's batch and with larger ones."""
    head = [f"{count} machines" for count in WORKERS]
    rows = [["record", *head, *(f"{one}, batch x {one.split()[0]}" for one in head)]]
    wanted = [(count, 1) for count in WORKERS] + [(count, count) for count in WORKERS]
    for name, rounds in found.items():
        size = RECIPES[name][1]
        each = [dict(zip(rounds, one, strict=True)) for one in zip(*rounds.values(), strict=True)]
        answers = [median(predicted(one, size, *machines) for one in each) for machines in wanted]
        rows.append([name, *(f"{one:.1f}" for one in answers)])
    return pages.table(rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--write", action="store_true", help="put all of it into the page")
    given = parser.parse_args()
    reached, messages = accuracy_of_two(), message_seconds()
    times: dict[str, dict[str, list[float]]] = {name: {} for name in RECIPES}
    for number in range(given.rounds):
        at = number % len(KINDS)
        for name in RECIPES:
            for kind in KINDS[at:] + KINDS[:at]:
                times[name].setdefault(kind, []).append(step_seconds(name, kind))
    parts = [speed_table(times, messages), "", model_table(times), "", reached]
    print("\n".join(parts))
    if given.write:
        pages.write_between(PAGE, BEGIN, END, [one for one in parts if one])


if __name__ == "__main__":
    main()
