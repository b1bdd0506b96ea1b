"""Fixtures for the command line: a way to run it, and a small hub in the package's place.

Use it with `pytest_plugins = ["hubs", "cli_hub"]`.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

import zoo
from zoo import manifest
from zoo.cli import app


@pytest.fixture
def run() -> Callable[..., Result]:
    """`run("list", "--json", input=..., env=...)`, on whatever is published in the package."""

    def invoke(*arguments: object, **options: Any) -> Result:
        return CliRunner().invoke(app, [str(one) for one in arguments], prog_name="zoo", **options)

    return invoke


@pytest.fixture
def embedded(hub_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The folder of a small hub that stands in for the one in the package, to be changed freely."""
    folder = tmp_path / "embedded"
    shutil.copytree(hub_folder, folder)
    monkeypatch.setattr("zoo.manifest.embedded_folder", lambda: folder)
    monkeypatch.setattr("zoo.fetching.embedded_folder", lambda: folder)
    manifest._packaged.cache_clear()
    yield folder
    manifest._packaged.cache_clear()


@pytest.fixture
def published() -> Iterator[dict[str, manifest.Weights]]:
    """What is really published in the package; skips where nothing is yet."""
    manifest._packaged.cache_clear()
    if not (manifest.embedded_folder() / manifest.FILE_NAME).is_file():
        pytest.skip("nothing is published in the package yet")
    yield manifest.read_manifest()
    manifest._packaged.cache_clear()


@pytest.fixture(scope="session")
def installation(hub_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a copy of the package, in which the small hub is what is published."""
    folder = tmp_path_factory.mktemp("installation")
    ignored = shutil.ignore_patterns("weights", "__pycache__")
    shutil.copytree(Path(zoo.__file__).parent, folder / "zoo", ignore=ignored)
    shutil.copytree(hub_folder, folder / "zoo" / "weights")
    return folder
