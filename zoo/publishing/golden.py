"""Raw inputs for a record's proof: made by us, by fixed rules, never the rows of a dataset.

Pictures: two of our sample digits and two of our sample garments, fitted to the network's size.
Features: yes-or-no rows in which every ninth feature is set, each row one place further; where the
record standardises, rows within one standard deviation of the mean. Text: the first 24 tokens of
a sentence of ours.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zoo import samples, transforms
from zoo.text import Vocabulary, tokenize

TOKENS = 24
ROWS = 4
SENTENCE = (
    "The keeper of the old lighthouse walked along the shore every morning, and he counted the "
    "ships that had passed before the sun was over the hills."
)


def golden_input(
    preprocessing: Mapping[str, Any], vocabulary: Vocabulary | None = None
) -> NDArray[Any]:
    """The raw input of a record with this preprocessing.

    uint8 (4, height, width), float32 (4, features), or int64 token ids (24, 1), for which
    `vocabulary` is needed.
    """
    if preprocessing["kind"] == "image":
        return _pictures(preprocessing)
    if preprocessing["kind"] == "features":
        return _rows(preprocessing)
    if vocabulary is None:
        raise ValueError("The golden input of a language model needs its vocabulary.")
    return _token_ids(str(preprocessing["level"]), vocabulary)


def golden_tolerance(output: NDArray[Any]) -> float:
    """What float32 may differ between processors: 1e-5 of the largest output, at least 1e-4."""
    return 1e-5 * max(10.0, float(np.abs(output).max()))


def _pictures(preprocessing: Mapping[str, Any]) -> NDArray[np.uint8]:
    chosen = [*samples.digits()[2:4], *samples.garments()[:2]]
    levels = transforms.image(chosen, {**preprocessing, "scale": 1, "mean": [0], "std": [1]})
    return np.asarray(np.rint(levels[:, 0]), np.uint8)


def _rows(preprocessing: Mapping[str, Any]) -> NDArray[np.float32]:
    count = len(preprocessing.get("names", ())) or int(preprocessing["count"])
    place = np.add.outer(np.arange(ROWS), np.arange(count))
    if "mean" not in preprocessing:
        return np.asarray(place % 9 == 0, np.float32)
    mean, std = (np.asarray(preprocessing[name], np.float64) for name in ("mean", "std"))
    return np.asarray(mean + std * np.cos(1.7 * place), np.float32)


def _token_ids(level: str, vocabulary: Vocabulary) -> NDArray[np.int64]:
    """Tokens that the vocabulary lacks and has no substitute for are left out."""
    tokens = tokenize(SENTENCE, level)
    known = [one for one in tokens if one in vocabulary or vocabulary.unknown] or vocabulary.tokens
    return np.resize(vocabulary.encode(known), (TOKENS, 1)).astype(np.int64)
