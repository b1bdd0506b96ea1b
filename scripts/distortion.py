"""Random affine and elastic distortion of a whole batch of images at once, in NumPy.

Simard, Steinkraus and Platt (2003). A batch of 128 takes a few milliseconds on one core, and is
made while the network learns from the batch before.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from recipes import Distortion

Floats = NDArray[np.float32]


def distort(images: NDArray[np.uint8], how: Distortion, random: np.random.Generator) -> Floats:
    """Grey levels (n, height, width), moved by maps of their own; outside the image it is 0."""
    n, height, width = images.shape
    y, x = _affine(n, height, width, how, random)
    if how.elastic:
        y += _field(n, height, width, how, random)
        x += _field(n, height, width, how, random)
    if how.flip:
        flipped = random.random(n) < 0.5
        x[flipped] = width - 1 - x[flipped]
    return _interpolate(images, y, x)


def weakened(how: Distortion, epoch: int, epochs: int) -> Distortion:
    """What `how` is in that epoch, counted from 0."""
    left = 1 - (1 - how.end) * epoch / max(epochs - 1, 1)
    if left == 1:
        return how
    values = ("rotation", "shear", "scale", "shift", "elastic")
    return replace(how, **{name: getattr(how, name) * left for name in values})


def _affine(
    n: int, height: int, width: int, how: Distortion, random: np.random.Generator
) -> tuple[Floats, Floats]:
    """Where each pixel comes from, (n, height, width) twice: rows and columns."""
    drawn = (2 * random.random((6, n, 1, 1)) - 1).astype(np.float32)
    angle, shear, grow_y, grow_x = drawn[:4]
    angle, shear = np.radians(how.rotation) * angle, np.radians(how.shear) * shear
    sine, cosine, lean = np.sin(angle), np.cos(angle), np.tan(shear)
    y = np.arange(height, dtype=np.float32)[None, :, None] - (height - 1) / 2
    x = np.arange(width, dtype=np.float32)[None, None, :] - (width - 1) / 2
    x = x + lean * y
    down, right = (how.shift * one for one in drawn[4:])
    if how.whole_pixels:
        down, right = np.rint(down), np.rint(right)
    rows = (cosine * y - sine * x) * (1 + how.scale * grow_y) + down
    columns = (sine * y + cosine * x) * (1 + how.scale * grow_x) + right
    return (
        (rows + (height - 1) / 2).astype(np.float32),
        (columns + (width - 1) / 2).astype(np.float32),
    )


def _field(n: int, height: int, width: int, how: Distortion, random: np.random.Generator) -> Floats:
    """Displacements in pixels: noise, smoothed by a Gaussian along both axes."""
    noise = (2 * random.random((n, height, width), dtype=np.float32) - 1) * how.elastic
    smoothed = _gaussian(height, how.sigma) @ noise @ _gaussian(width, how.sigma).T
    return np.asarray(smoothed, np.float32)


def _gaussian(size: int, sigma: float) -> Floats:
    """The matrix (size, size) that smooths a column; each row sums to at most 1."""
    steps = np.arange(size)
    weights = np.exp(-((steps[:, None] - steps) ** 2) / (2 * sigma**2))
    return np.asarray(weights / weights.sum(axis=1).max(), np.float32)


def _interpolate(images: NDArray[np.uint8], y: Floats, x: Floats) -> Floats:
    """Bilinear interpolation, with a border of zeros."""
    n, height, width = images.shape
    padded = np.zeros((n, height + 2, width + 2), np.float32)
    padded[:, 1:-1, 1:-1] = images
    y = np.clip(y + 1, 0, height + 0.999)
    x = np.clip(x + 1, 0, width + 0.999)
    top, left = y.astype(np.int32), x.astype(np.int32)
    down, right = y - top, x - left
    row = width + 2
    corner = np.arange(n, dtype=np.int32)[:, None, None] * ((height + 2) * row) + top * row + left
    flat = padded.ravel()
    upper = flat[corner] * (1 - right) + flat[corner + 1] * right
    lower = flat[corner + row] * (1 - right) + flat[corner + row + 1] * right
    return np.asarray(upper * (1 - down) + lower * down, np.float32)
