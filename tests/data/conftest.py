"""Real datasets for the tests, each loaded once: from ZOO_DATA_MIRROR, or else downloaded."""

from __future__ import annotations

import os
from functools import cache

import pytest

from zoo.data import load_dataset
from zoo.errors import DownloadError

_MIRROR = os.environ.get("ZOO_DATA_MIRROR")  # read before the tests' own environment hides it


@cache
def _load(name):
    try:
        return load_dataset(name, mirrors=[_MIRROR] if _MIRROR else None, progress=False)
    except DownloadError as error:
        if _MIRROR:
            raise
        return error


@pytest.fixture(scope="session")
def dataset():
    """A function from a dataset's name to the dataset."""

    def load(name):
        loaded = _load(name)
        if isinstance(loaded, DownloadError):
            pytest.skip(f"no network and no ZOO_DATA_MIRROR: {str(loaded).splitlines()[0]}")
        return loaded

    return load
