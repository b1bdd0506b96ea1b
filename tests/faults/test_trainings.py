"""Trainings that are killed, told to end, out of room, out of bounds, or not alone."""

from __future__ import annotations

import functools
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import checkpoint
import environment
import pytest
from bounds import Seen
from small_disk import small_disk

pytestmark = pytest.mark.xdist_group("trainings")

HERE = Path(__file__).parent
SCRIPTS = HERE.parents[1] / "scripts"
HOUSING = "linear_regression.california_housing"
NAMES = {  # smoke runs, and a step after the first checkpoint and before the end
    "train_classifier": ("mlp.mnist", 20),
    "train_regression": (HOUSING, 25),
    "train_language_model": ("lstm_lm.shakespeare", 30),
}
every_script = pytest.mark.parametrize("script", NAMES)
GREEDY = """
import sys, command, {script} as script
real = script.one_cycle
script.one_cycle = lambda step, *rest: float("inf") if step >= {step} else real(step, *rest)
command.run(script.main)
"""
SLOW = """
import pathlib, sys, time, command, {script} as script
real = script.one_cycle
def slowly(*rest):
    pathlib.Path(sys.argv[-1], "steps").touch()
    time.sleep(0.05)
    return real(*rest)
script.one_cycle = slowly
command.run(script.main)
"""
SMALL = """
import resource, sys, command, train_classifier, run_folder
real = run_folder.Run.save
def save(run, step, arrays, **progress):
    if step > 15:
        resource.setrlimit(resource.RLIMIT_FSIZE, (100000, 100000))
    real(run, step, arrays, **progress)
run_folder.Run.save = save
command.run(train_classifier.main)
"""
NO_PICKLE = """
import pickle, sys, command
def refuse(*_, **__):
    raise AssertionError("a pickle")
import train_classifier as script
for name in ("load", "loads", "dump", "dumps", "Pickler", "Unpickler"):
    setattr(pickle, name, refuse)
command.run(script.main)
"""

Start = Callable[..., "subprocess.Popen[str]"]
Untouched = Callable[[str], bytes]


@pytest.fixture
def start(data_mirror: str) -> Start:
    """Starts a training, where it can run."""
    pytest.importorskip("zoo._mxnet", reason="training needs MXNet", exc_type=ImportError)
    return begin


@pytest.fixture(scope="module")
def untouched(tmp_path_factory: pytest.TempPathFactory) -> Untouched:
    """The weights of a script's smoke run that nothing happened to; it is trained once."""

    @functools.cache
    def train(script: str) -> bytes:
        out = tmp_path_factory.mktemp("untouched") / "run"
        code, said = smoke(begin, script, out)
        assert code == 0, said
        return (out / "final.safetensors").read_bytes()

    return train


def begin(script: str, *arguments: str, program: str = "") -> subprocess.Popen[str]:
    """A script, or a program that uses it, with the pinned settings already there."""
    what = ["-c", program] if program else [str(SCRIPTS / f"{script}.py")]
    return subprocess.Popen(
        [sys.executable, *what, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, **environment.PINNED, **environment.AT_ONCE, "PYTHONPATH": str(SCRIPTS)},
    )


def smoke(start: Start, script: str, out: Path, program: str = "") -> tuple[int, str]:
    """A smoke run to its end: its exit code, and what it said."""
    child = start(script, NAMES[script][0], "--smoke", "--out", str(out), program=program)
    said = child.communicate(timeout=240)
    return child.returncode, "".join(said)


def steps(out: Path) -> list[int]:
    """The steps of the checkpoints that are there."""
    found = sorted((out / "checkpoints").glob("*"))
    assert all(re.fullmatch(r"step-\d{8}\.safetensors", one.name) for one in found), found
    return [int(one.stem[5:]) for one in found]


def same_bytes(untouched: Untouched, script: str, out: Path) -> None:
    """The run goes on to its end, to the bytes of one that was never stopped."""
    code, said = smoke(begin, script, out)
    assert code == 0, said
    assert (out / "final.safetensors").read_bytes() == untouched(script)


def worker(*words: str) -> dict[str, int]:
    """What training_worker.py counted."""
    done = subprocess.run(
        [sys.executable, str(HERE / "training_worker.py"), *words],
        capture_output=True,
        text=True,
        env={**os.environ, **environment.PINNED, **environment.AT_ONCE, "PYTHONPATH": str(SCRIPTS)},
        timeout=500,
    )
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout))


def test_killed_while_saving(tmp_path: Path, seen: Seen) -> None:
    """SIGKILL at 200 random moments: the newest checkpoint is always whole, nothing is left over"""
    counted = worker("saving", str(tmp_path), "200")
    assert counted["within a write"] > 20
    seen(", ".join(f"{name} {count}" for name, count in counted.items()))


def test_killed_and_resumed(tmp_path: Path, data_mirror: str, seen: Seen) -> None:
    """SIGKILL at 20 random moments, gone on from each time: the bytes of a run never killed"""
    pytest.importorskip("zoo._mxnet", reason="training needs MXNet", exc_type=ImportError)
    counted = worker("resuming", str(tmp_path), "20")
    seen(", ".join(f"{name} {count}" for name, count in counted.items()))


@every_script
def test_told_to_end(
    script: str, start: Start, tmp_path: Path, seen: Seen, untouched: Untouched
) -> None:
    """SIGTERM: saves, says so, exits with 143; goes on to the bytes of a run never ended"""
    out = tmp_path / "run"
    words = (NAMES[script][0], "--smoke", "--out", str(out))
    child = start(script, *words, program=SLOW.format(script=script))
    while not (out / "steps").exists():
        assert child.poll() is None
        time.sleep(0.005)
    for _ in range(2):  # as a supervisor's reaches it by itself and by its starter
        child.send_signal(signal.SIGTERM)
        time.sleep(0.01)
    text, said = child.communicate(timeout=240)
    assert child.returncode == 128 + signal.SIGTERM, said
    assert said.startswith("SIGTERM: ends at the next checkpoint")
    last = re.search(r"Ended by SIGTERM at step (\d+), which is saved", text)
    assert last is not None
    assert steps(out) == [int(last[1])]
    assert not (out / "run.json").exists()
    seen(last[0])
    same_bytes(untouched, script, out)


@every_script
def test_not_finite(
    script: str, start: Start, tmp_path: Path, seen: Seen, untouched: Untouched
) -> None:
    """a loss that is not a number: one line, the last good checkpoint is kept and gone on from"""
    out, step = tmp_path / "run", NAMES[script][1]
    program = GREEDY.format(script=script, step=step)
    code, said = smoke(start, script, out, program)
    assert code == 1
    assert said.splitlines()[-1].endswith("is not finite. The last checkpoint is kept.")
    assert "Traceback" not in said
    assert steps(out)
    assert max(steps(out)) <= step
    assert not (out / "run.json").exists()
    seen(said.splitlines()[-1])
    same_bytes(untouched, script, out)


def test_training_with_a_file_size_limit(
    start: Start, tmp_path: Path, seen: Seen, untouched: Untouched
) -> None:
    """RLIMIT_FSIZE: one line, the checkpoint before is kept and gone on from, nothing is left"""
    out = tmp_path / "run"
    code, said = smoke(start, "train_classifier", out, SMALL)
    assert code == 1
    assert "cannot be written at step 30 (File too large); the checkpoint before is kept" in said
    assert "Traceback" not in said
    assert steps(out) == [15]
    seen(said.strip().splitlines()[-1])
    same_bytes(untouched, "train_classifier", out)


def test_training_on_a_full_disk(
    start: Start, tmp_path: Path, seen: Seen, untouched: Untouched
) -> None:
    """a disk that is full after one checkpoint: one line, that one is kept and gone on from"""
    with small_disk(tmp_path / "small", "2m") as small:
        out = small / "run"
        code, said = smoke(start, "train_classifier", out)
        assert code == 1
        assert "cannot be written at step 30 (No space left on device)" in said
        assert "Traceback" not in said
        assert steps(out) == [15]
        seen(said.strip().splitlines()[-1])
        subprocess.run(["mount", "-o", "remount,size=64m", str(small)], check=True)
        same_bytes(untouched, "train_classifier", out)


@pytest.mark.parametrize("damage", ["cut", "one bit"])
def test_damaged_checkpoint(
    damage: str, start: Start, tmp_path: Path, seen: Seen, untouched: Untouched
) -> None:
    """the newest one damaged: falls back to the one before and says so, to the same bytes"""
    out = tmp_path / "run"
    assert smoke(start, "train_regression", out)[0] == 0
    (out / "run.json").unlink()
    newest = sorted((out / "checkpoints").glob("*"))[-1]
    content = bytearray(newest.read_bytes())
    if damage == "cut":
        del content[len(content) // 2 :]
    else:
        content[-1] ^= 64
    newest.write_bytes(bytes(content))
    code, said = smoke(start, "train_regression", out)
    assert code == 0
    assert f"{newest.name} is damaged" in said
    assert "going on from the one before" in said
    seen("falls back")
    same_bytes(untouched, "train_regression", out)


def test_two_trainers(start: Start, tmp_path: Path, seen: Seen, untouched: Untouched) -> None:
    """the second one on a folder is refused in one line; the first one is not disturbed"""
    out = tmp_path / "run"
    script = "train_classifier"
    words = (NAMES[script][0], "--smoke", "--out", str(out))
    first = start(script, *words, program=SLOW.format(script=script))
    while not (out / "steps").exists():  # written once the folder is held
        assert first.poll() is None
        time.sleep(0.005)
    first.send_signal(signal.SIGSTOP)
    try:
        code, said = smoke(start, script, out)
    finally:
        first.send_signal(signal.SIGCONT)
    assert code == 1
    assert said.strip() == f"{out} is in use by another training: wait for it or pass --out."
    seen(said.strip())
    assert first.wait(240) == 0
    first.communicate()
    same_bytes(untouched, script, out)


def test_no_pickle(start: Start, tmp_path: Path, seen: Seen) -> None:
    """pickle switched off: trains and goes on; a run's files are JSON, safetensors and a picture"""
    out = tmp_path / "run"
    program = NO_PICKLE
    assert smoke(start, "train_classifier", out, program)[0] == 0
    for name in ("run.json", "final.safetensors"):
        (out / name).unlink()
    sorted((out / "checkpoints").glob("*"))[-1].unlink()
    code, said = smoke(start, "train_classifier", out, program)
    assert code == 0, said
    assert checkpoint.load(out / "checkpoints") is not None
    kinds = {one.suffix for one in out.rglob("*") if one.is_file() and one.name != ".lock"}
    assert kinds == {".json", ".jsonl", ".safetensors", ".png"}
    seen(", ".join(sorted(kinds)))
