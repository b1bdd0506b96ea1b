"""The masks of dropout (Srivastava et al., 2014): what stays grows for what is left out."""

from __future__ import annotations

import numpy as np


def mask(random: np.random.Generator, shape: tuple[int, ...], rate: float) -> np.ndarray:
    """0 for a part `rate` of the places, 1 / (1 - rate) for the others."""
    kept = random.random(shape, dtype=np.float32) >= rate
    return np.asarray(kept / np.float32(1 - rate))
