"""The sampled softmax: renumbering, the exact case, and how near the estimate is."""

from __future__ import annotations

import numpy as np
from sampled_softmax import Sampler

VOCABULARY = 500


def generator(seed: int) -> np.random.Generator:
    return np.random.Generator(np.random.Philox(key=[seed, 0]))


def zipf() -> np.ndarray:
    return (20_000 / np.arange(1, VOCABULARY + 1)).astype(np.int64)


def tokens(seed: int = 0) -> np.ndarray:
    share = np.cumsum(zipf()) / zipf().sum()
    return np.searchsorted(share, generator(seed).random((11, 4))).astype(np.int32)


def test_rows_give_back_the_tokens() -> None:
    sampler = Sampler(zipf(), 50, 40)
    text = tokens()
    cut = sampler.cut(text[:-1], text[1:], generator(1))
    np.testing.assert_array_equal(cut.rows[cut.data], text[:-1])
    np.testing.assert_array_equal(cut.candidates[cut.targets], text[1:].ravel())
    np.testing.assert_array_equal(cut.rows[: len(cut.candidates)], cut.candidates)
    assert len(np.unique(cut.rows)) == len(cut.rows) < VOCABULARY


def test_no_samples_means_the_whole_vocabulary() -> None:
    text = tokens()
    cut = Sampler(zipf(), 0, 40).cut(text[:-1], text[1:], generator(1))
    np.testing.assert_array_equal(cut.candidates, np.arange(VOCABULARY))
    np.testing.assert_array_equal(cut.rows, np.arange(VOCABULARY))
    np.testing.assert_array_equal(cut.log_chance, np.zeros(VOCABULARY))


def test_chance_is_how_often_a_token_is_a_candidate() -> None:
    sampler = Sampler(zipf(), 60, 40)
    seen, chance, rounds = np.zeros(VOCABULARY), np.zeros(VOCABULARY), 2000
    for seed in range(rounds):
        text = tokens(seed)
        cut = sampler.cut(text[:-1], text[1:], generator(seed + rounds))
        seen[cut.candidates] += 1
        chance[cut.candidates] = np.exp(cut.log_chance)
    assert (chance > 0).all()
    np.testing.assert_allclose(seen / rounds, chance, atol=0.05)


def test_estimate_of_the_sum_is_near_the_full_one() -> None:
    scores = generator(9).normal(size=VOCABULARY) * 2
    full = np.log(np.exp(scores).sum())
    sampler, estimates = Sampler(zipf(), 100, 40), []
    for seed in range(300):
        text = tokens(seed)
        cut = sampler.cut(text[:-1], text[1:], generator(seed + 1000))
        estimates.append(np.exp(scores[cut.candidates] - cut.log_chance).sum())
    assert abs(np.log(np.mean(estimates)) - full) < 0.05


def test_equal_generators_give_equal_cuts() -> None:
    text, sampler = tokens(), Sampler(zipf(), 50, 40)
    first = sampler.cut(text[:-1], text[1:], generator(5))
    again = sampler.cut(text[:-1], text[1:], generator(5))
    np.testing.assert_array_equal(first.rows, again.rows)
    np.testing.assert_array_equal(first.targets, again.targets)
