"""The door to MXNet: what is said where it is missing, does not load, or meets NumPy 2."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest


def import_with(module: str | None, folder: Path) -> str:
    """The last line of what `import zoo._mxnet` says beside a stand-in for mxnet."""
    if module is not None:
        (folder / "mxnet.py").write_text(module)
    blocked = "import sys; sys.modules['mxnet'] = None\n" if module is None else ""
    root = Path(__file__).parents[1]
    path = os.pathsep.join([str(folder), str(root), os.environ.get("PYTHONPATH", "")])
    child = subprocess.run(
        [sys.executable, "-c", f"{blocked}import zoo._mxnet"],
        env=os.environ | {"PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    return child.stderr.strip().splitlines()[-1]


@pytest.mark.skipif(np.__version__ >= "2", reason="NumPy 2 is refused before MXNet is loaded")
def test_a_library_that_does_not_load_is_named(tmp_path: Path) -> None:
    said = import_with("raise OSError('libgomp.so.1: cannot open shared object file')", tmp_path)
    assert said.startswith("zoo.errors.MissingDependencyError: MXNet is installed but does not")
    assert "apt-get install libgomp1 libquadmath0" in said


@pytest.mark.skipif(np.__version__ < "2", reason="needs NumPy 2")
def test_numpy_2_is_refused(tmp_path: Path) -> None:
    said = import_with("", tmp_path)
    assert "cannot run beside NumPy 2" in said


def test_without_mxnet_the_other_runtime_is_named(tmp_path: Path) -> None:
    said = import_with(None, tmp_path)
    assert said.startswith("zoo.errors.MissingDependencyError: MXNet is not installed here")
    assert "runtime='onnx' needs no MXNet" in said


def test_scikit_learn_is_not_loaded_with_it() -> None:
    pytest.importorskip("zoo._mxnet", reason="needs MXNet", exc_type=ImportError)
    program = "import sys, zoo._mxnet; loaded = 'sklearn' in sys.modules; import sklearn.base"
    subprocess.run([sys.executable, "-c", f"{program}; sys.exit(loaded)"], check=True)
