"""Golden inputs: of the right form, always the same, and inside what the networks know."""

from __future__ import annotations

import numpy as np
import pytest
from records import DIGIT

from zoo.publishing.golden import ROWS, golden_input, golden_tolerance
from zoo.text import Vocabulary

WORDS = {"kind": "tokens", "level": "word", "unknown": "<unk>", "end": "<eos>"}
CHARACTERS = {"kind": "tokens", "level": "character", "unknown": None, "end": None}


@pytest.mark.parametrize("box", [20, 28])
def test_pictures(box: int) -> None:
    raw = golden_input({**DIGIT, "box": box})
    assert (raw.dtype, raw.shape) == (np.uint8, (4, 28, 28))
    assert all(picture.max() > 100 and picture.min() == 0 for picture in raw)
    other = golden_input({**DIGIT, "box": box, "mean": [0.5], "std": [0.1]})
    np.testing.assert_array_equal(raw, other)  # raw: before the numbers of the preprocessing


def test_rows_of_yes_or_no() -> None:
    raw = golden_input({"kind": "features", "count": 123})
    assert (raw.dtype, raw.shape) == (np.float32, (ROWS, 123))
    assert set(np.unique(raw)) == {0, 1}
    assert raw.sum(axis=1).tolist() == [14, 13, 13, 13]
    assert len(np.unique(raw, axis=0)) == ROWS


def test_rows_around_the_mean() -> None:
    mean, std = [5.0, -100.0, 0.0], [1.0, 20.0, 0.001]
    raw = golden_input({"kind": "features", "names": ["a", "b", "c"], "mean": mean, "std": std})
    assert (raw.dtype, raw.shape) == (np.float32, (ROWS, 3))
    distance = np.abs(raw - np.array(mean)) / np.array(std)
    assert distance.max() <= 1 + 1e-5
    assert distance.max() > 0.9


def test_token_ids_of_words() -> None:
    vocabulary = Vocabulary(("<unk>", "The", "old", "of", "the"), "<unk>")
    raw = golden_input(WORDS, vocabulary)
    assert (raw.dtype, raw.shape) == (np.int64, (24, 1))
    words = vocabulary.decode(raw[:7, 0])
    assert words == ["The", "<unk>", "of", "the", "old", "<unk>", "<unk>"]


def test_token_ids_of_characters_leave_out_what_the_vocabulary_lacks() -> None:
    vocabulary = Vocabulary(tuple(" abcdefghijklmnopqrstuvwxyz"))
    raw = golden_input(CHARACTERS, vocabulary)
    assert "".join(vocabulary.decode(raw[:, 0])) == "he keeper of the old lig"


def test_a_vocabulary_without_any_of_the_tokens_still_gives_ids() -> None:
    raw = golden_input(CHARACTERS, Vocabulary(("1", "2", "3")))
    assert raw[:, 0].tolist() == [0, 1, 2] * 8


def test_a_language_model_needs_its_vocabulary() -> None:
    with pytest.raises(ValueError, match="vocabulary"):
        golden_input(WORDS)


def test_tolerance_grows_with_the_output() -> None:
    assert golden_tolerance(np.array([0.5, -2])) == pytest.approx(1e-4)
    assert golden_tolerance(np.array([0.5, -40])) == pytest.approx(4e-4)
