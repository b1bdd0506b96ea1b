"""Sample pictures, drawn by `scripts/draw_samples.py`: nothing here is from MNIST or a font."""

from __future__ import annotations

from pathlib import Path

_FOLDER = Path(__file__).parent


def digits() -> list[Path]:
    """Pictures of the handwritten digits 0 to 9, in order."""
    return sorted(_FOLDER.glob("digit_*.png"))


def garments() -> list[Path]:
    """Pictures of a bag, a T-shirt and a pair of trousers, in the order of their names."""
    return sorted(_FOLDER.glob("garment_*.png"))
