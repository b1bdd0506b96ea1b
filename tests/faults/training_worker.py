"""Trainings and savings forked from one process that has imported everything, and killed.

python training_worker.py saving FOLDER KILLS
python training_worker.py resuming FOLDER KILLS

Prints what it counted as JSON; exits with 1, and says why, where something was lost.
"""

from __future__ import annotations

import contextlib
import io
import itertools
import json
import os
import random
import shutil
import signal
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import checkpoint
import numpy as np

from zoo.owners import PARTIAL

NAME = "linear_regression.california_housing"


def forked(work: Callable[[], object]) -> int:
    """The id of a process that does the work and ends."""
    child = os.fork()
    if child:
        return child
    code = 1
    try:
        work()
        code = 0
    except SystemExit as end:
        code = int(end.code or 0) if isinstance(end.code, int | None) else 1
    finally:
        os._exit(code)


def kill(child: int) -> bool:
    """Whether the process was still at work, and is dead now."""
    os.kill(child, signal.SIGKILL)
    return os.WIFSIGNALED(os.waitpid(child, 0)[1])


def save_on(folder: Path, step: int) -> None:
    """Save one checkpoint after the other."""
    for number in itertools.count(step):
        arrays = {"weight": np.full((300, 1000), number, np.float32)}
        checkpoint.save(folder, number, arrays, {"step": number})


def newest_step(folder: Path) -> int:
    return max(int(path.stem[5:]) for path in folder.glob("step-*.safetensors"))


def newest(folder: Path) -> int:
    """The step of the checkpoint that a training would go on from; it is whole, and the newest."""
    said = io.StringIO()
    with contextlib.redirect_stderr(said):
        found = checkpoint.load(folder)
    assert found is not None, "nothing can be loaded"
    assert said.getvalue() == "", said.getvalue()
    assert (found.arrays["weight"] == found.progress["step"]).all(), "a mixture of two steps"
    return int(found.progress["step"])


def saving(folder: Path, kills: int) -> dict[str, int]:
    """Kill the saving at random moments; every time the newest checkpoint is whole."""
    step, midway = 0, 0
    checkpoint.save(folder, 0, {"weight": np.zeros((300, 1000), np.float32)}, {"step": 0})
    for _ in range(kills):
        start = time.monotonic()
        child = forked(partial(save_on, folder, step + 1))
        while newest_step(folder) == step:
            time.sleep(0.001)
        taken = time.monotonic() - start  # however busy the machine is
        time.sleep(random.uniform(0, 2 * taken))
        assert kill(child), "the saving ended by itself"
        left = list(folder.glob(f".*{PARTIAL}"))
        assert len(left) <= 1, f"left over: {left}"
        midway += len(left)
        assert newest(folder) >= step, "an older checkpoint than before"
        step = newest(folder)
    checkpoint.save(folder, step + 1, {"weight": np.zeros(3, np.float32)}, {"step": step + 1})
    names = sorted(path.name for path in folder.iterdir())
    assert names == [f"step-{one:08d}.safetensors" for one in (step, step + 1)], names
    return {"kills": kills, "within a write": midway, "checkpoints": step}


def resuming(folder: Path, kills: int) -> dict[str, int]:
    """Kill a real training at random moments until it is finished; the bytes are the same."""
    import train_regression

    def train(out: Path) -> None:
        sys.stdout = sys.stderr = io.StringIO()
        sys.argv = ["scripts/train_regression.py", NAME, "--out", str(out)]
        train_regression.main()

    start = time.monotonic()
    assert os.waitpid(forked(lambda: train(folder / "whole")), 0)[1] == 0, "it does not train"
    whole, seconds = (folder / "whole/final.safetensors").read_bytes(), time.monotonic() - start
    cut, killed, finished = folder / "cut", 0, 0
    while killed < kills or not finished:
        child = forked(lambda: train(cut))
        if killed < kills:
            time.sleep(random.uniform(0, 0.7 * seconds))
            killed += kill(child)
        else:
            os.waitpid(child, 0)
        if (cut / "run.json").exists():
            assert (cut / "final.safetensors").read_bytes() == whole, "other bytes"
            assert len((cut / "log.jsonl").read_text().splitlines()) == 10
            finished += 1
            shutil.rmtree(cut)
    return {"kills": killed, "finished": finished}


if __name__ == "__main__":
    random.seed(0)
    works = {"saving": saving, "resuming": resuming}
    print(json.dumps(works[sys.argv[1]](Path(sys.argv[2]), int(sys.argv[3]))))
