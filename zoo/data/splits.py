"""Which rows are for training, validation and test, where a dataset's authors did not say.

The rules are arithmetic on row numbers: no random generator, whose numbers could change.
"""

from __future__ import annotations

import hashlib

import numpy as np
from numpy.typing import NDArray


def every(n: int, step: int) -> NDArray[np.bool_]:
    """Boolean (n,), true for the last of every `step` rows: step-1, 2*step-1, ..."""
    return np.equal(np.arange(n) % step, step - 1)


def shuffled(n: int, salt: str) -> NDArray[np.int64]:
    """The row numbers 0..n-1 as int64 (n,), in the order of sha256('{salt}:{row}')."""
    return np.array(sorted(range(n), key=lambda row: _digest(f"{salt}:{row}")), np.int64)


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()
