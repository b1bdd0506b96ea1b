"""A run of several workers: the first one reads and writes its folder, the others follow."""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from typing import Any

import checkpoint
import numpy as np
from digests import digests
from distributed import Group
from run_folder import Run


def run_of(group: Group, *arguments: Any) -> Run:
    """`Run(*arguments)` of the group's workers."""
    return SharedRun(group, *arguments) if group.workers > 1 else Run(*arguments)


class SharedRun(Run):
    """As Run. The folder need not be within reach of any but the first worker.

    It waits for the folder: a file server holds the lock of a lost machine a while longer.
    """

    patience = 120.0

    def __init__(self, group: Group, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.group = group

    @property
    def identity(self) -> dict[str, Any]:
        """The sums, and so the bits, depend on the number of workers."""
        found = super().identity
        found["environment"]["settings"]["workers"] = str(self.group.workers)
        return found

    @contextmanager
    def locked(self) -> Iterator[None]:
        with super().locked() if self.group.leads else nullcontext():
            yield

    def newest(self) -> checkpoint.Checkpoint | None:
        own = checkpoint.newest(self.folder / "checkpoints") if self.group.leads else None
        content = self.group.broadcast(own or b"")
        return checkpoint.decode(content) if content else None

    def save(self, step: int, arrays: Mapping[str, np.ndarray], **progress: Any) -> None:
        """As Run's, after making sure that the workers have not parted."""
        digest = hashlib.sha256(json.dumps(digests(arrays)).encode()).digest()
        if not self.group.agree(digest):
            sys.exit(f"Step {step}: the workers' weights differ. The last checkpoint is kept.")
        if self.group.leads:
            super().save(step, arrays, **progress)
        else:
            self._stop_where_told(step)

    def _write_log(self) -> None:
        if self.group.leads:
            super()._write_log()
