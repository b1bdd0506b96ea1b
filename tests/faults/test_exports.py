"""Files that commands write: killed at any moment, a full disk."""

from __future__ import annotations

import signal
from pathlib import Path

import numpy as np
import pytest
from bounds import Seen
from mirrors import files_in
from params_files import params_file
from processes import run

COMMAND = "from zoo.cli import main; main()"
KILLED = "import os, signal; os.{} = lambda *_: os.kill(os.getpid(), signal.SIGKILL)\n"


@pytest.fixture(params=["export", "import_params"])
def words(request: pytest.FixtureRequest, tmp_path: Path) -> list[str]:
    """A command that writes the file that comes last."""
    if request.param == "export":
        return ["export", "logistic_regression.mnist", str(tmp_path / "out.onnx")]
    (tmp_path / "x.params").write_bytes(params_file({"a": np.ones(4, np.float32)}))
    return ["import-params", str(tmp_path / "x.params"), str(tmp_path / "out.safetensors")]


def _names(folder: Path) -> list[str]:
    return [name for name in files_in(folder) if name != "x.params"]


@pytest.mark.parametrize("moment", ["fsync", "replace"])
def test_export_killed(words: list[str], moment: str, tmp_path: Path, seen: Seen) -> None:
    """SIGKILL: nothing under the final name; the next run writes it and leaves nothing over"""
    code, said = run(KILLED.format(moment) + COMMAND, *words)
    assert code == -signal.SIGKILL, said
    left = _names(tmp_path)
    seen(f"{len(left)} temporary file left, then none")
    assert Path(words[-1]).name not in left
    code, said = run(COMMAND, *words)
    assert code == 0, said
    assert _names(tmp_path) == [Path(words[-1]).name]


def test_export_on_a_full_disk(words: list[str], tmp_path: Path, seen: Seen) -> None:
    """RLIMIT_FSIZE: one line that says so, exit 1; nothing is left"""
    limit = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (10, 10))\n"
    if words[0] == "import-params":
        limit = "import zoo.importing, zoo.params\n" + f"def f():\n    {limit}"
        limit += "write = zoo.params.write_atomically\n"
        limit += "zoo.params.write_atomically = lambda *a: (f(), write(*a))\n"
    code, said = run(limit + COMMAND, *words)
    assert code == 1, said
    assert len(said.splitlines()) == 1
    assert "File too large" in said
    assert _names(tmp_path) == []
    seen(said.replace(str(tmp_path), "<folder>")[:110])
