"""TensorBoard's event files of a run: `tensorboard --logdir runs`.

They are a copy of log.jsonl for people who watch trainings there; nothing reads them again.
"""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

NAME = "tensorboard"
_NO_FIGURES = ("epoch", "step", "tensors")


def check() -> None:
    """End with one line where the writer is not installed."""
    if importlib.util.find_spec("tensorboardX") is None:
        sys.exit("--tensorboard needs a writer: pip install 'gluon-zoo[tensorboard]'.")


class Events:
    """Figures of epochs in event files below the run's folder, by step.

    A run that goes on adds a file; what an earlier one has beyond `done` epochs is purged.
    """

    def __init__(self, folder: Path, epochs: Sequence[Mapping[str, Any]]) -> None:
        from tensorboardX import SummaryWriter

        step = epochs[-1]["step"] + 1 if epochs else 0
        self._writer = SummaryWriter(str(folder / NAME), purge_step=step)
        self._written = len(epochs)

    def add(self, epochs: Sequence[Mapping[str, Any]]) -> None:
        """Write the epochs that have come since, and see that they are on the disk."""
        for line in epochs[self._written :]:
            for name in sorted(set(line) - set(_NO_FIGURES)):
                self._writer.add_scalar(name, line[name], line["step"])
        self._written = len(epochs)
        self._writer.flush()
