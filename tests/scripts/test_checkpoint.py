"""Checkpoints: the newest whole one is found, whatever happened to the others."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import checkpoint
import numpy as np
import pytest

ARRAYS = {"weight": np.arange(6, dtype=np.float32).reshape(2, 3), "count": np.array([3], np.int64)}


def test_what_was_saved_is_loaded(tmp_path: Path) -> None:
    checkpoint.save(tmp_path, 7, ARRAYS, {"step": 7, "losses": [0.1, 1e-30]})
    found = checkpoint.load(tmp_path)
    assert found is not None
    assert found.progress == {"step": 7, "losses": [0.1, 1e-30]}
    for name, value in ARRAYS.items():
        np.testing.assert_array_equal(found.arrays[name], value)


def test_nothing_there_is_none(tmp_path: Path) -> None:
    assert checkpoint.load(tmp_path / "none") is None


def test_the_two_newest_are_kept(tmp_path: Path) -> None:
    for step in (1, 2, 10, 300):
        checkpoint.save(tmp_path, step, ARRAYS, {"step": step})
    names = sorted(one.name for one in tmp_path.iterdir())
    assert names == ["step-00000010.safetensors", "step-00000300.safetensors"]


@pytest.mark.parametrize("damage", ["empty", "cut", "flipped header", "text"])
def test_a_damaged_newest_falls_back(
    damage: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for step in (1, 2):
        checkpoint.save(tmp_path, step, ARRAYS, {"step": step})
    newest = tmp_path / "step-00000002.safetensors"
    content = newest.read_bytes()
    newest.write_bytes(
        {
            "empty": b"",
            "cut": content[:-3],
            "flipped header": content[:3] + b"\xff" + content[4:],
            "text": b"not a checkpoint",
        }[damage]
    )
    found = checkpoint.load(tmp_path)
    assert found is not None
    assert found.progress == {"step": 1}
    assert "step-00000002.safetensors is damaged" in capsys.readouterr().err


def test_damaged_ones_do_not_take_the_place_of_newer_ones(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for step in (900, 930):
        checkpoint.save(tmp_path, step, ARRAYS, {"step": step})
        (tmp_path / f"step-{step:08d}.safetensors").write_bytes(b"")
    assert checkpoint.load(tmp_path) is None
    first, second = capsys.readouterr().err.splitlines()
    assert first.endswith("going on from the one before.")
    assert second.endswith("none is left, starting anew.")
    for step in (15, 30, 45):
        checkpoint.save(tmp_path, step, ARRAYS, {"step": step})
        found = checkpoint.load(tmp_path)
        assert found is not None
        assert found.progress == {"step": step}
    assert len(list(tmp_path.iterdir())) == 2


def test_killed_while_saving_there_is_always_a_whole_one(tmp_path: Path) -> None:
    program = (
        "import sys, itertools, pathlib, numpy as np, checkpoint\n"
        "for step in itertools.count(1):\n"
        "    arrays = {'weight': np.full((300, 1000), step, np.float32)}\n"
        "    checkpoint.save(pathlib.Path(sys.argv[1]), step, arrays, {'step': step})\n"
    )
    path = os.pathsep.join(str(Path(__file__).parents[2] / one) for one in ("scripts", ""))
    random = np.random.Generator(np.random.PCG64(0))
    for _ in range(5):
        child = subprocess.Popen(
            [sys.executable, "-c", program, str(tmp_path)], env=os.environ | {"PYTHONPATH": path}
        )
        while not any(tmp_path.glob("step-*")):
            assert child.poll() is None
            time.sleep(0.01)
        time.sleep(0.5 + random.random())
        child.send_signal(signal.SIGKILL)
        child.wait()
        found = checkpoint.load(tmp_path)
        assert found is not None
        assert (found.arrays["weight"] == found.progress["step"]).all()
        for one in tmp_path.glob("step-*"):
            one.unlink()
