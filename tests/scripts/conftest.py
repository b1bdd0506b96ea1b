"""The training scripts need MXNet; where it is missing their tests are skipped."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

pytest.importorskip("zoo._mxnet", reason="training needs MXNet", exc_type=ImportError)

import environment
import jobs

SCRIPTS = Path(__file__).parents[2] / "scripts"

Train = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def train(data_mirror: str) -> Train:
    """Starts a training script as a user does, with the pinned settings already there."""

    def start(script: str, *arguments: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, str(SCRIPTS / script), *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=os.environ | environment.PINNED | environment.AT_ONCE,
        )

    return start


@pytest.fixture(autouse=True)
def nothing_is_left() -> Iterator[None]:
    """Ends what a failed test leaves of a distributed job."""
    yield
    while jobs.started:
        jobs.started.pop().stop()
