"""The time to a validation perplexity, side by side: our recipe and PyTorch's word model example.

    python benchmarks/perplexity.py --torch-python torch-env/bin/python --write

Ours is the recipe of the published `lstm_lm.wikitext2@2`, from random weights; the other one is
PyTorch's example, 2 x 200 tied, full softmax, its rate divided by 4 after every epoch that is not
the best so far. One trains after the other, each until an epoch ends at the goal or the time is
over. Only training counts, not validation. `--write` puts the table into docs/performance.md.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from pages import measured, table, write_between
from training import HERE, PAGE, THREADS, torch_version

from zoo.data import load_dataset

BEGIN, END = "<!-- perplexity -->", "<!-- end of perplexity -->"
WHAT = {"zoo": "zoo, `lstm_lm.wikitext2@2`", "torch": "PyTorch, full softmax"}

Curve = Sequence[Mapping[str, float]]  # an epoch each: seconds since the start, perplexity


def read() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Time training to a validation perplexity.")
    parser.add_argument("--perplexity", type=float, default=110, help="the goal (110)")
    parser.add_argument("--minutes", type=float, default=120, help="of training at most (120)")
    parser.add_argument("--torch-python", required=True, help="a Python with torch and numpy")
    parser.add_argument("--write", action="store_true", help="into docs/performance.md")
    return parser.parse_args()


def write_data(path: Path) -> None:
    """What PyTorch's side trains on, without zoo."""
    text = load_dataset("wikitext2")
    splits = {"train": text.train, "validation": text.validation}
    np.savez(path, words=len(text.vocabulary), **splits)


def follow(who: str, command: Sequence[str]) -> Curve:
    """One training: the lines of JSON that it printed."""
    paths = {"PYTHONPATH": str(HERE.parent / "scripts"), "ZOO_THREADS": str(THREADS)}
    found: list[Any] = []
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, env=os.environ | paths, text=True
    ) as child:
        assert child.stdout
        for line in filter(lambda one: one.startswith("{"), child.stdout):
            found.append(json.loads(line))
            print(f"{who}: epoch {len(found)}, {line.strip()}", flush=True)
    if child.returncode or not found:
        sys.exit(f"{command[1]} failed with exit code {child.returncode}.")
    return found


def rows(curves: Mapping[str, Curve], goal: float) -> list[list[str]]:
    """The table; where the goal was not reached, the time is what it took at least."""
    head = ["", "epochs", "minutes an epoch", "last perplexity", f"minutes to {goal:g}"]
    lines = [[*head, "ours is sooner by"]]
    ours = curves["zoo"][-1]
    for who, curve in curves.items():
        last = curve[-1]
        more = "" if last["perplexity"] <= goal else "more than "
        ratio = f"{more}{last['seconds'] / ours['seconds']:.1f} times"
        lines.append(
            [
                WHAT[who],
                f"{len(curve)}",
                f"{last['seconds'] / len(curve) / 60:.1f}",
                f"{last['perplexity']:.1f}",
                f"{more}{last['seconds'] / 60:.0f}",
                ratio if who != "zoo" and ours["perplexity"] <= goal else "",
            ]
        )
    return lines


def main() -> None:
    given = read()
    with tempfile.TemporaryDirectory() as place:
        data = Path(place, "wikitext2.npz")
        write_data(data)
        limits = [str(given.perplexity), str(60 * given.minutes)]
        other = [given.torch_python, str(HERE / "perplexity_torch.py"), str(data), *limits]
        commands = {
            "zoo": [sys.executable, str(HERE / "perplexity_zoo.py"), *limits],
            "torch": [*other, str(THREADS)],
        }
        curves = {who: follow(who, command) for who, command in commands.items()}
    torch = torch_version(given.torch_python)
    said = (
        f"At most {given.minutes:g} minutes each, {THREADS} threads. {measured()}, PyTorch {torch}."
    )
    parts = [table(rows(curves, given.perplexity)), said]
    print("\n\n".join(parts))
    if given.write:
        write_between(PAGE, BEGIN, END, parts)


if __name__ == "__main__":
    main()
