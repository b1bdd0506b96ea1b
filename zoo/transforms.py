"""Preprocessing from a record's numbers: raw pictures and feature rows -> network inputs.

Needs NumPy and Pillow only.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zoo import feature_rows, pictures

Floats = NDArray[np.float32]


def image(raw: Any, preprocessing: Mapping[str, Any]) -> Floats:
    """Pictures as the network's input, float32 (n, 1, height, width).

    `raw`: a path, a PIL image, an array (H, W) or (H, W, 3 or 4), a list of those, or an array
    (n, height, width) or, as Gluon has it, (n, 1, height, width). Integers count grey levels from
    0 to 255, floats go from 0 to 1. A grey picture of exactly the network's size is taken as it is;
    any other is turned to grey, inverted if it is dark on light, cropped to its ink, fitted and
    centred. Raises InputError.
    """
    return normalize(pictures.grey_levels(raw, preprocessing), preprocessing)


def normalize(levels: NDArray[Any], preprocessing: Mapping[str, Any]) -> Floats:
    """Grey levels (n, height, width) from 0 to 255 as float32 (n, 1, height, width)."""
    levels = levels[:, None]
    mean = np.asarray(preprocessing["mean"], np.float32).reshape(1, -1, 1, 1)
    std = np.asarray(preprocessing["std"], np.float32).reshape(1, -1, 1, 1)
    return np.asarray((levels * np.float32(preprocessing["scale"]) - mean) / std, np.float32)


def features(raw: Any, preprocessing: Mapping[str, Any]) -> Floats:
    """Feature rows as the network's input, float32 (n, features).

    `raw`: a dict by feature name, numbers in a list or in a text, an array (features,) or
    (n, features), a libsvm line (`"3:1 11:1"`), or a list of those. Where the features have no
    names, also a list of the indices, counted from 1, of the features that are 1. Raises
    InputError.
    """
    return standardize(feature_rows.feature_rows(raw, preprocessing), preprocessing)


def standardize(values: NDArray[Any], preprocessing: Mapping[str, Any]) -> Floats:
    """Feature rows (n, features) as float32, less their mean and over their spread if given."""
    if "mean" in preprocessing:
        values = values - np.asarray(preprocessing["mean"], np.float64)
    if "std" in preprocessing:
        values = values / np.asarray(preprocessing["std"], np.float64)
    with np.errstate(over="ignore"):  # a pipeline refuses what comes of infinity
        return values.astype(np.float32)


def is_batch(raw: Any, preprocessing: Mapping[str, Any]) -> bool:
    """Whether `raw` holds several inputs, so that it gets a list of answers."""
    if preprocessing["kind"] == "image":
        return pictures.is_batch(raw)
    return feature_rows.is_batch(raw)
