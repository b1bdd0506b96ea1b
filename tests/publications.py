"""What a test of publishing begins with: a finished run, and a hub in which nothing is published.

Use the fixtures with `pytest_plugins = ["publications"]`.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from run_folders import adult_run

from zoo import tables


@pytest.fixture(scope="session")
def trained_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("runs") / "adult"


@pytest.fixture
def finished_run(trained_run: Path, tmp_path: Path, data_mirror: str) -> Path:
    """Logistic regression on Adult in a folder of this test's own; trained once."""
    if not trained_run.exists():
        adult_run(trained_run)
    return Path(shutil.copytree(trained_run, tmp_path / "run"))


@pytest.fixture
def empty_hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty hub with a README, from which files are fetched."""
    folder = tmp_path / "hub"
    folder.mkdir()
    (folder / "README.md").write_text(f"# A hub\n\n{tables.BEGIN}\n{tables.END}\n\nThe end.\n")
    monkeypatch.setenv("ZOO_MIRROR", str(folder))
    return folder
