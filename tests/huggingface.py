"""Fixtures for tests of the Hugging Face Hub: the endpoint on loopback, and its client before it.

Use them with `pytest_plugins = ["huggingface"]`. The client reads HF_ENDPOINT when it is imported:
in this process its constants are set, other processes get `hub_environment`.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from huggingface_endpoint import READ, READER, TOKEN, WRITE, HuggingFaceEndpoint


@pytest.fixture
def endpoint() -> Iterator[HuggingFaceEndpoint]:
    """The Hub, with one token that may write and one that may only read."""
    with HuggingFaceEndpoint({TOKEN: WRITE, READER: READ}).running() as hub:
        yield hub


@pytest.fixture
def hugging_face(
    endpoint: HuggingFaceEndpoint, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[HuggingFaceEndpoint]:
    """The Hub as this process's huggingface_hub sees it, logged in, and with no pause anywhere."""
    huggingface_hub = pytest.importorskip("huggingface_hub")
    from huggingface_hub.utils import close_session

    constants = huggingface_hub.constants
    template = endpoint.url + "/{repo_id}/resolve/{revision}/{filename}"
    monkeypatch.setattr(constants, "ENDPOINT", endpoint.url)
    monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
    monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(tmp_path / "no token"))
    monkeypatch.setattr("huggingface_hub.utils._http.time", SimpleNamespace(sleep=lambda _: None))
    monkeypatch.setattr("zoo.sharing.push._PAUSES", (0.0, 0.0, 0.0))
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    monkeypatch.delenv("HUGGING_FACE_HUB_TOKEN", raising=False)
    close_session()
    yield endpoint
    close_session()


@pytest.fixture
def hub_environment(endpoint: HuggingFaceEndpoint, tmp_path: Path) -> dict[str, str]:
    """The environment of a process that uses the Hub, logged in."""
    pytest.importorskip("huggingface_hub")
    home = str(tmp_path / "hugging face")
    return {**os.environ, "HF_ENDPOINT": endpoint.url, "HF_HOME": home, "HF_TOKEN": TOKEN}
