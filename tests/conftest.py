"""Fixtures for all tests: nothing outside a test's own folders is read or written."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from file_server import FileServer
from mirrors import CONTENT, SAMPLE
from signing_keys import Keys, make_keys

from zoo import hubs

os.environ.setdefault("OMP_NUM_THREADS", "1")  # waking others takes longer than small cases' work

_DATA_MIRROR = os.environ.get("ZOO_DATA_MIRROR", "")
_VARIABLES = ("ZOO_MIRROR", "ZOO_DATA_MIRROR", "ZOO_OFFLINE", "ZOO_HUB", "ZOO_HUB_KEY")


@pytest.fixture(autouse=True)
def zoo_home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache of this test's own; the user's mirrors and switches are out of sight."""
    home = tmp_path_factory.mktemp("zoo_home", numbered=True)
    monkeypatch.setenv("ZOO_HOME", str(home))
    for variable in _VARIABLES:
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setattr("zoo.receiving._FIRST_PAUSE", 0.001)
    hubs._remote_hub.cache_clear()
    return home


@pytest.fixture
def file_server() -> Iterator[FileServer]:
    """A loopback HTTP server with faults to choose from."""
    with FileServer().running() as server:
        yield server


@pytest.fixture
def server(file_server: FileServer) -> FileServer:
    """The file server with the sample file of tests/mirrors.py."""
    file_server.files[SAMPLE.file] = CONTENT
    return file_server


@pytest.fixture(scope="session")
def data_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache for real data, shared by the session's tests so that each file is unpacked once."""
    return tmp_path_factory.mktemp("data_home")


@pytest.fixture
def data_mirror(zoo_home: Path, data_home: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The folder or address of real data, set for the test; skips where none is configured."""
    if not _DATA_MIRROR:
        pytest.skip("real data needed: set ZOO_DATA_MIRROR to a folder or address that has it")
    monkeypatch.setenv("ZOO_DATA_MIRROR", _DATA_MIRROR)
    monkeypatch.setenv("ZOO_HOME", str(data_home))
    return _DATA_MIRROR


@pytest.fixture
def keys(tmp_path: Path) -> Keys:
    """A key to sign hubs with. Skips where model-signing is not installed."""
    pytest.importorskip("model_signing.signing", reason="needs the extra `signing`")
    return make_keys(tmp_path, "own")
