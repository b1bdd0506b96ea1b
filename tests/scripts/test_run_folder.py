"""What a run leaves behind, when it is stopped at a bad moment and when it is only completed."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from types import SimpleNamespace

import environment
import numpy as np
import pytest
from distributed import Group
from filelock import FileLock
from recipes import REGRESSIONS
from run_folder import Run
from shared_run import SharedRun

RECIPE = REGRESSIONS["linear_regression.california_housing"]
ARRAYS = {"weight": np.arange(3, dtype=np.float32)}


def trained(folder: Path, stop: tuple[int | None, int | None] = (None, None)) -> Run:
    run = Run(folder, RECIPE, 0, "cpu", stop)
    run.log(1, {"train_loss": 1.0})
    run.save(10, ARRAYS)
    return run


@pytest.mark.parametrize("stop", [None, 1])
def test_a_stop_between_checkpoint_and_log(stop: int | None, tmp_path: Path) -> None:
    trained(tmp_path)
    whole = (tmp_path / "log.jsonl").read_bytes()
    (tmp_path / "log.jsonl").unlink()
    again = Run(tmp_path, RECIPE, 0, "cpu", (stop, None))
    if stop:
        with pytest.raises(SystemExit):
            again.resume()
    else:
        assert again.resume() is not None
    assert (tmp_path / "log.jsonl").read_bytes() == whole


def test_who_only_completes_a_run_has_not_trained_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(environment, "processor", lambda: "the first")
    trained(tmp_path)
    monkeypatch.setattr(environment, "processor", lambda: "the second")
    before = environment.versions()
    monkeypatch.setattr(environment, "versions", lambda: before | {"python": "4"})
    monkeypatch.setattr("sys.argv", ["another.py"])
    again = Run(tmp_path, RECIPE, 0)
    kept = again.resume()
    assert kept is not None
    again.finish(ARRAYS, {"r2": 0.6}, target_met=True)
    facts = json.loads((tmp_path / "run.json").read_text())
    assert facts["environment"]["processors"] == ["the first"]
    assert facts["wall_seconds"] == round(kept.progress["seconds"], 1)
    assert facts["versions"] == before
    assert facts["command"] != "python another.py"
    again.save(20, ARRAYS)
    again.finish(ARRAYS, {"r2": 0.6}, target_met=True)
    facts = json.loads((tmp_path / "run.json").read_text())
    assert facts["environment"]["processors"] == ["the first", "the second"]
    assert (facts["versions"]["python"], facts["command"]) == ("4", "python another.py")


def test_time_and_processors_of_teachers_are_those_of_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 0.0
    monkeypatch.setattr("run_folder.time", SimpleNamespace(monotonic=lambda: now))
    monkeypatch.setattr(environment, "processor", lambda: "the teacher's")
    run, teacher = Run(tmp_path / "run", RECIPE, 0), Run(tmp_path / "teacher", RECIPE, 1)
    now = 100.0
    teacher.save(10, ARRAYS)
    for learnt in (teacher, Run(tmp_path / "teacher", RECIPE, 1)):  # now, or in an earlier session
        learnt.resume()
        run.teachers = [learnt]
        monkeypatch.setattr(environment, "processor", lambda: "the run's")
        assert run.resume() is None
        now += 20.0
        run.save(10, ARRAYS)
        run.finish(ARRAYS, {"r2": 0.6}, target_met=True)
        facts = json.loads((run.folder / "run.json").read_text())
        assert facts["wall_seconds"] == 120.0
        assert facts["environment"]["processors"] == ["the run's", "the teacher's"]
        run = Run(tmp_path / "another", RECIPE, 0)


def test_a_run_of_several_waits_for_its_folder(tmp_path: Path) -> None:
    """the lock of a machine that was lost goes a while later"""
    holder = FileLock(tmp_path / ".lock", thread_local=False)
    holder.acquire()
    letting_go = threading.Timer(0.5, holder.release)
    letting_go.start()
    with SharedRun(Group(), tmp_path, RECIPE, 0).locked():
        assert not holder.is_locked
    letting_go.join()
    impatient = Run(tmp_path, RECIPE, 0).locked()
    with holder, pytest.raises(SystemExit, match="in use by another training"), impatient:
        pass
