"""Event files of a run, also of one that was stopped and went on."""

from __future__ import annotations

import json
import struct
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

pytestmark = pytest.mark.xdist_group("trainings")

REGRESSION = "linear_regression.california_housing"

Train = Callable[..., "subprocess.Popen[str]"]


def scalars(path: Path) -> Iterator[tuple[str, int, float]]:
    """Name, step and value of each scalar; records are length, check, content, check."""
    from tensorboardX.proto.event_pb2 import Event

    content = path.read_bytes()
    while content:
        (length,) = struct.unpack("<Q", content[:8])
        event = Event.FromString(content[12 : 12 + length])
        content = content[16 + length :]
        for one in event.summary.value:
            yield one.tag, event.step, one.simple_value


def test_event_files_hold_the_logs_figures(train: Train, tmp_path: Path) -> None:
    pytest.importorskip("tensorboardX")
    words = (REGRESSION, "--smoke", "--out", str(tmp_path), "--tensorboard")
    for more in (["--stop-epoch", "1"], []):
        _, err = (child := train("train_regression.py", *words, *more)).communicate(timeout=240)
        assert child.returncode == 0, err
    files = sorted((tmp_path / "tensorboard").iterdir())
    assert len(files) == 2
    found = {(name, step): value for file in files for name, step, value in scalars(file)}
    lines = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    names = ("train_loss", "learning_rate", "validation_r2", "seconds")
    expected = {(name, line["step"]): line[name] for line in lines for name in names}
    assert found == pytest.approx(expected, rel=1e-6)


def test_without_the_option_there_are_none(train: Train, tmp_path: Path) -> None:
    child = train("train_regression.py", REGRESSION, "--smoke", "--out", str(tmp_path))
    child.communicate(timeout=240)
    assert child.returncode == 0
    assert not (tmp_path / "tensorboard").exists()
