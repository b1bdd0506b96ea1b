"""Training side by side: ours and PyTorch's usual way, LeNet on MNIST and the word language model.

    python benchmarks/training.py --torch-python torch-env/bin/python --write

Every contestant trains in a process of its own with the same threads; they take turns, round by
round. A ratio is the median over the rounds of our rate divided by the other's in the same round:
above 1 ours is faster. Memory is the largest sum, over the processes of a contestant, of what is
theirs alone and their share of what they have in common (PSS). `--write` puts the tables into
docs/performance.md.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from pages import measured, table, write_between

from zoo.data import load_dataset

HERE = Path(__file__).resolve().parent
PAGE = HERE.parent / "docs" / "performance.md"
BEGIN, END = "<!-- training -->", "<!-- end of training -->"
THREADS = 2  # those of the recipes
UNIT = {"lenet": "images", "language_model": "tokens"}
WHAT = {
    "zoo": "zoo",
    "usual": "PyTorch, an image at a time",
    "vectorised": "PyTorch, our distortion",
    "example": "PyTorch, full softmax",
}
CONTESTANTS = {"lenet": ("zoo", "usual", "vectorised"), "language_model": ("zoo", "example")}


class Result(NamedTuple):
    """Units a second in each round, the part of the time that waits for data, peak memory in MB."""

    rates: list[float]
    waiting: list[float]
    memory: list[float]


def read() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Time training side by side.")
    parser.add_argument("--only", choices=UNIT, nargs="+", default=list(UNIT))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=30, help="of training in each round")
    parser.add_argument("--torch-python", required=True, help="a Python with torch and numpy")
    parser.add_argument("--write", action="store_true", help="into docs/performance.md")
    given = parser.parse_args()
    if given.write and set(given.only) != set(UNIT):
        parser.error("--write replaces the tables of all cases: leave --only out.")
    return given


def torch_version(python: str) -> str:
    asked = [python, "-c", "import torch; print(torch.__version__)"]
    return subprocess.run(asked, stdout=subprocess.PIPE, text=True, check=True).stdout.strip()


def write_data(folder: Path) -> None:
    """What PyTorch's side trains on, without zoo."""
    mnist, text = load_dataset("mnist"), load_dataset("wikitext2")
    np.savez(folder / "lenet.npz", inputs=mnist.train.inputs, targets=mnist.train.targets)
    np.savez(folder / "language_model.npz", train=text.train, words=len(text.vocabulary))


def contestant(case: str, who: str, given: argparse.Namespace, folder: Path) -> list[str]:
    """The command that trains and prints its figures as JSON."""
    if who == "zoo":
        return [sys.executable, str(HERE / "training_zoo.py"), case, str(given.seconds)]
    program = str(HERE / "training_torch.py")
    data = str(folder / f"{case}.npz")
    return [given.torch_python, program, who, data, str(given.seconds), str(THREADS)]


def measure(command: Sequence[str]) -> Mapping[str, float]:
    """One training: what it printed, and its memory."""
    paths = {"PYTHONPATH": str(HERE.parent / "scripts")}
    child = subprocess.Popen(command, stdout=subprocess.PIPE, env=os.environ | paths, text=True)
    with peak(child.pid) as largest:
        out, _ = child.communicate()
    if child.returncode:
        sys.exit(f"{command[1]} failed with exit code {child.returncode}.")
    return {**json.loads(out.splitlines()[-1]), "memory": max(largest) / 1e6}


@contextlib.contextmanager
def peak(process: int) -> Iterator[list[int]]:
    """The memory of the process and its children in bytes, every half second within the block."""
    found, ended = [0], threading.Event()

    def watch() -> None:
        while not ended.wait(0.5):
            found.append(sum(map(proportional, family(process))))

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield found
    finally:
        ended.set()
        watcher.join()


def family(process: int) -> Iterator[int]:
    """The process and all below it."""
    yield process
    with contextlib.suppress(OSError):
        for tasks in Path(f"/proc/{process}/task").glob("*/children"):
            for child in tasks.read_text().split():
                yield from family(int(child))


def proportional(process: int) -> int:
    with contextlib.suppress(OSError, IndexError):
        text = Path(f"/proc/{process}/smaps_rollup").read_text()
        return int(text.split("\nPss:")[1].split()[0]) * 1024
    return 0


def compare(case: str, given: argparse.Namespace, folder: Path) -> dict[str, Result]:
    """All rounds of a case."""
    found = {who: Result([], [], []) for who in CONTESTANTS[case]}
    for number in range(given.rounds):
        order = list(found)
        for who in order[number % len(order) :] + order[: number % len(order)]:
            one = measure(contestant(case, who, given, folder))
            for values, name in zip(found[who], ("rate", "waiting", "memory"), strict=True):
                values.append(one[name])
            print(f"{case}, {WHAT[who]}: {one['rate']:,.0f} {UNIT[case]}/s", flush=True)
    return found


def rows(case: str, found: Mapping[str, Result]) -> list[list[str]]:
    """The table of a case."""
    lines = [["", f"{UNIT[case]} a second", "ours is faster by", "waiting for data", "memory"]]
    for who, one in found.items():
        ratios = [a / b for a, b in zip(found["zoo"].rates, one.rates, strict=True)]
        spread = f"{statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})"
        lines.append(
            [
                WHAT[who],
                f"{statistics.median(one.rates):,.0f}",
                "" if who == "zoo" else spread,
                f"{100 * statistics.median(one.waiting):.1f} %",
                f"{max(one.memory):,.0f} MB",
            ]
        )
    return lines


def main() -> None:
    given = read()
    parts = []
    with tempfile.TemporaryDirectory() as place:
        write_data(Path(place))
        for case in given.only:
            found = compare(case, given, Path(place))
            parts += [f"### {case}", table(rows(case, found))]
    settings = (
        f"{given.rounds} rounds of {given.seconds:g} s, {THREADS} threads. "
        f"{measured()}, PyTorch {torch_version(given.torch_python)}."
    )
    print("\n\n".join([*parts, settings]))
    if given.write:
        write_between(PAGE, BEGIN, END, [*parts, settings])


if __name__ == "__main__":
    main()
