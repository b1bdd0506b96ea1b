"""Decoding against models small enough to be solved by hand or by trying everything."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest

from zoo import generation
from zoo.errors import ConfigError
from zoo.generation import Decoding, State, generate, stream

TOKENS = 5


class Chain:
    """Logits that depend on all tokens so far, through a state (1, batch, 1) that hashes them."""

    def __init__(self, seed: int = 0) -> None:
        self.table = np.random.default_rng(seed).normal(size=(97, TOKENS))
        self.calls: list[tuple[int, ...]] = []

    def step(self, ids: Any, state: State) -> tuple[Any, State]:
        self.calls.append(ids.shape)
        (hashed,) = state
        logits = np.empty((*ids.shape, TOKENS), np.float32)
        for time, row in enumerate(ids):
            hashed = (hashed * 31 + row[None, :, None] * 7 + 1) % 97
            logits[time] = self.table[hashed[0, :, 0].astype(int)]
        return logits, (hashed,)

    def log_probability(self, prompt: list[int], tokens: tuple[int, ...]) -> float:
        logits, _ = self.step(np.array([*prompt, *tokens])[:, None], start())
        rows = logits[len(prompt) - 1 : -1, 0].astype(np.float64)
        log_probabilities = rows - np.log(np.exp(rows).sum(axis=1, keepdims=True))
        return float(sum(row[token] for row, token in zip(log_probabilities, tokens, strict=True)))


def start() -> State:
    return (np.zeros((1, 1, 1)),)


def constant(*logits: float) -> generation.Step:
    """A model that always has these logits."""

    def step(ids: Any, state: State) -> tuple[Any, State]:
        return np.broadcast_to(np.array(logits), (*ids.shape, len(logits))), state

    return step


def test_greedy_takes_the_likeliest_token_given_all_before() -> None:
    model = Chain()
    tokens = generate(model.step, start(), [1, 2], length=8)
    for place in range(8):
        choices = [model.log_probability([1, 2], (*tokens[:place], one)) for one in range(TOKENS)]
        assert tokens[place] == int(np.argmax(choices))


def test_a_prompt_is_read_in_pieces_and_tokens_one_at_a_time() -> None:
    model, prompt = Chain(), [3, 1] * 75
    tokens = generate(model.step, start(), prompt, length=3)
    assert model.calls == [(64, 1), (64, 1), (22, 1), (1, 1), (1, 1)]
    assert tokens == generate(model.step, *read(model, prompt[:-1]), prompt[-1:], length=3)[:3]


def read(model: Chain, prompt: list[int]) -> tuple[State]:
    return (model.step(np.array(prompt)[:, None], start())[1],)


def test_the_lowest_id_wins_among_equals() -> None:
    assert generate(constant(1, 2, 2), (), [0], length=2) == [1, 1]
    assert generate(constant(0, 0, 0), (), [0], length=2, beam=3) == [0, 0]
    only_first = generate(constant(2, 2, 2, 1), (), [0], length=50, temperature=1.0, top_k=1)
    assert set(only_first) == {0}
    halves = generate(constant(1, 1, 1, 1), (), [0], length=50, temperature=1.0, top_p=0.5)
    assert set(halves) == {0, 1}


def test_a_seed_means_the_same_text_and_another_one_another() -> None:
    def text(seed: int) -> list[int]:
        return generate(Chain().step, start(), [0], length=30, temperature=1.0, seed=seed)

    assert text(7) == text(7)
    assert text(7) != text(8)


def test_sampling_draws_each_token_as_often_as_the_model_says() -> None:
    probabilities = np.array([0.5, 0.3, 0.15, 0.05])
    step = constant(*np.log(probabilities))
    drawn = generate(step, (), [0], length=4000, temperature=1.0, seed=1)
    counts = np.bincount(drawn, minlength=4)
    np.testing.assert_allclose(counts / 4000, probabilities, atol=0.03)
    sharp = generate(step, (), [0], length=4000, temperature=0.5, seed=1)
    sharper = probabilities**2 / (probabilities**2).sum()
    np.testing.assert_allclose(np.bincount(sharp, minlength=4) / 4000, sharper, atol=0.03)


def test_the_stream_of_random_numbers_never_changes() -> None:
    tokens = generate(constant(*[0.0] * 10), (), [0], length=12, temperature=1.0, seed=2026)
    bits = np.random.PCG64(2026)
    assert tokens == [int(np.random.Generator(bits).random() * 10) for _ in range(12)]


@pytest.mark.parametrize(
    ("options", "possible"),
    [
        ({"top_k": 2}, {0, 1}),
        ({"top_k": 100}, {0, 1, 2, 3}),
        ({"top_p": 0.5}, {0}),
        ({"top_p": 0.51}, {0, 1}),
        ({"top_p": 1.0}, {0, 1, 2, 3}),
        ({"top_k": 2, "top_p": 0.9}, {0, 1}),
        ({"top_k": 3, "top_p": 0.3}, {0}),
        ({"top_k": 2, "forbidden": (0,)}, {1, 2}),
    ],
)
def test_top_k_and_top_p_limit_what_is_sampled(options: Any, possible: set[int]) -> None:
    step = constant(*np.log([0.5, 0.3, 0.15, 0.05]))
    drawn = generate(step, (), [0], length=400, temperature=1.0, seed=3, **options)
    assert set(drawn) == possible


@pytest.mark.parametrize("seed", range(4))
def test_a_wide_beam_finds_the_likeliest_sentence(seed: int) -> None:
    model = Chain(seed)
    sentences = itertools.product(range(TOKENS), repeat=3)
    best = max(sentences, key=lambda one: model.log_probability([2], one))
    assert tuple(generate(model.step, start(), [2], length=3, beam=25)) == best


@pytest.mark.parametrize("penalty", [0.0, 1.0])
@pytest.mark.parametrize("seed", range(4))
def test_a_wide_beam_finds_the_best_sentence_that_may_end_early(seed: int, penalty: float) -> None:
    model, stop = Chain(seed), 4
    others = range(TOKENS - 1)
    ended = [(*one, stop) for n in range(3) for one in itertools.product(others, repeat=n)]
    candidates = ended + list(itertools.product(others, repeat=3))

    def score(sentence: tuple[int, ...]) -> float:
        length = len(sentence) - (sentence[-1] == stop)
        return model.log_probability([2], sentence) / max(length, 1) ** penalty

    best = max(candidates, key=score)
    found = generate(
        model.step, start(), [2], length=3, beam=200, stop=(stop,), length_penalty=penalty
    )
    assert tuple(found) == tuple(token for token in best if token != stop)


def test_a_beam_is_never_worse_than_greedy() -> None:
    for seed in range(5):
        model = Chain(seed)
        greedy = generate(model.step, start(), [1], length=6)
        beam = generate(model.step, start(), [1], length=6, beam=8)
        assert model.log_probability([1], tuple(beam)) >= model.log_probability([1], tuple(greedy))


def test_a_beam_weighs_what_goes_on_against_what_has_ended() -> None:
    step = constant(*np.log([0.6, 0.4]))
    assert generate(step, (), [0], length=2, beam=2, stop=(1,)) == [0, 0]


def test_stop_tokens_end_the_text_and_are_not_part_of_it() -> None:
    model = Chain()
    tokens = generate(model.step, start(), [0], length=20)
    stop = tokens[3]
    cut = tokens[: tokens.index(stop)]
    assert generate(model.step, start(), [0], length=20, stop=(stop,)) == cut
    assert generate(constant(0, 9), (), [0], length=20, stop=(1,), beam=2) == []


@pytest.mark.parametrize("options", [{}, {"temperature": 1.0}, {"beam": 3}])
def test_forbidden_tokens_never_appear(options: Any) -> None:
    tokens = generate(Chain().step, start(), [0], length=40, forbidden=(0, 3), **options)
    assert len(tokens) == 40
    assert not {0, 3} & set(tokens)


def test_a_stream_gives_each_token_before_the_next_is_computed() -> None:
    model = Chain()
    tokens = stream(model.step, start(), [0], length=3)
    assert len(model.calls) == 1
    next(tokens)
    assert len(model.calls) == 1
    assert [len(model.calls) for _ in tokens] == [2, 3]


@pytest.mark.parametrize("options", [{}, {"beam": 4}, {"temperature": 2.0}])
def test_no_length_is_no_text(options: Any) -> None:
    assert generate(Chain().step, start(), [0], length=0, **options) == []


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"length": -1}, "length must be 0 or more, not -1"),
        ({"length": 1.5}, "length must be"),
        ({"temperature": -0.1}, "temperature must be 0 or more"),
        ({"temperature": float("nan")}, "temperature must be"),
        ({"temperature": 1.0, "top_k": 0}, "top_k must be 1 or more"),
        ({"temperature": 1.0, "top_p": 0.0}, "top_p must be above 0"),
        ({"temperature": 1.0, "top_p": 1.1}, "top_p must be above 0"),
        ({"beam": 0}, "beam must be from 1 to 1000, not 0"),
        ({"beam": 1001}, "beam must be from 1 to 1000, not 1001"),
        ({"beam": 2.0}, "beam must be from 1 to 1000"),
        ({"beam": 2, "temperature": 1.0}, "Beam search does not sample"),
        ({"top_k": 3}, "give a temperature above 0"),
        ({"length_penalty": -1}, "length_penalty must be"),
        ({"length_penalty": 11}, "length_penalty must be from 0 to 10"),
        ({"seed": -1}, "seed must be 0 or more"),
        ({"stop": (TOKENS,)}, "must be ids below 5, not 5"),
        ({"forbidden": (-1,)}, "must be ids below 5, not -1"),
        ({"forbidden": tuple(range(TOKENS))}, "Every token is forbidden"),
    ],
)
def test_options_out_of_range_are_refused_at_once(options: Any, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        stream(Chain().step, start(), [0], **options)


def test_an_empty_prompt_and_an_unknown_option_are_refused() -> None:
    with pytest.raises(ConfigError, match="at least one token"):
        generate(Chain().step, start(), [], length=3)
    with pytest.raises(TypeError, match="temprature"):
        generate(Chain().step, start(), [0], temprature=3)
    assert Decoding() == Decoding(length=100, temperature=0.0, beam=1)
