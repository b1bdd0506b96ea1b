"""Text generation from any language model: greedy, sampled or beam search, one token at a time.

A model is a function `step(ids, state) -> (logits, state)`: token ids int64 (time, batch), state a
tuple of arrays (layers, batch, hidden), logits (time, batch, vocabulary). Nothing here knows which
runtime is behind it. Random choices come from PCG64's raw stream, which NumPy promises not to
change, so that a seed means the same text wherever the logits agree. Nucleus sampling is
from Holtzman et al. (2020), length normalisation from Wu et al. (2016) without its constant.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zoo.errors import ConfigError

State = tuple[NDArray[Any], ...]
Step = Callable[[NDArray[np.int64], State], tuple[NDArray[Any], State]]

_WIDEST_BEAM = 1000  # sentences, each with logits for the whole vocabulary
_PROMPT_CHUNK = 64  # time steps; bounds the logits that a long prompt needs at once


@dataclass(frozen=True)
class Decoding:
    """How tokens are chosen, and when to end. Raises ConfigError for a value out of range.

    temperature 0 takes the likeliest token; above 0 it samples, from the `top_k` likeliest or
    from the likeliest ones that together have the probability `top_p`, or both. `beam` above 1
    keeps that many sentences and returns the one with the largest log probability divided by
    length ** `length_penalty`. `stop` ends the text at these token ids, which are not part of it;
    `forbidden` ids are never chosen. Of equals the lowest id wins.
    """

    length: int = 100
    temperature: float = 0.0
    top_k: int | None = None
    top_p: float | None = None
    beam: int = 1
    length_penalty: float = 1.0
    seed: int = 0
    stop: tuple[int, ...] = ()
    forbidden: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        _require(_is_whole(self.length) and self.length >= 0, "length", "0 or more", self.length)
        _require(0 <= self.temperature < np.inf, "temperature", "0 or more", self.temperature)
        top_k = self.top_k
        _require(top_k is None or (_is_whole(top_k) and top_k >= 1), "top_k", "1 or more", top_k)
        top_p = self.top_p
        _require(top_p is None or 0 < top_p <= 1, "top_p", "above 0 and at most 1", top_p)
        in_range = _is_whole(self.beam) and 1 <= self.beam <= _WIDEST_BEAM
        _require(in_range, "beam", f"from 1 to {_WIDEST_BEAM}", self.beam)
        penalty = self.length_penalty
        _require(0 <= penalty <= 10, "length_penalty", "from 0 to 10", penalty)
        _require(_is_whole(self.seed) and self.seed >= 0, "seed", "0 or more", self.seed)
        if self.temperature == 0 and (top_k is not None or top_p is not None):
            raise ConfigError(
                "top_k and top_p choose among sampled tokens: give a temperature above 0 too, "
                "such as temperature=1.0."
            )
        if self.temperature > 0 and self.beam > 1:
            raise ConfigError(
                "Beam search does not sample: give either beam above 1 or a temperature above 0."
            )


def _is_whole(value: object) -> bool:
    return isinstance(value, int | np.integer) and not isinstance(value, bool)


def _require(holds: bool, name: str, allowed: str, value: object) -> None:
    if not holds:
        raise ConfigError(f"{name} must be {allowed}, not {value!r}.")


def generate(step: Step, state: State, prompt_ids: Sequence[int], **options: Any) -> list[int]:
    """The token ids that follow the prompt. `options` are the fields of `Decoding`."""
    return list(stream(step, state, prompt_ids, **options))


def stream(step: Step, state: State, prompt_ids: Sequence[int], **options: Any) -> Iterator[int]:
    """`generate`, token by token; beam search gives its tokens when all are known.

    Raises ConfigError for an option out of range or a prompt without tokens.
    """
    decoding = Decoding(**options)
    if len(prompt_ids) == 0:
        raise ConfigError("A prompt needs at least one token.")
    if decoding.length == 0:
        return iter(())
    logits, state = _read_prompt(step, state, prompt_ids)
    for token in (*decoding.stop, *decoding.forbidden):
        _require(0 <= token < logits.size, "stop and forbidden", f"ids below {logits.size}", token)
    if len(set(decoding.forbidden)) >= logits.size:
        raise ConfigError("Every token is forbidden: leave at least one.")
    if decoding.beam > 1:
        return iter(_beam_search(step, state, logits, decoding))
    return _one_by_one(step, state, logits, decoding)


def _read_prompt(
    step: Step, state: State, prompt_ids: Sequence[int]
) -> tuple[NDArray[np.float64], State]:
    ids = np.asarray(prompt_ids, np.int64).reshape(-1, 1)
    for start in range(0, len(ids), _PROMPT_CHUNK):
        logits, state = step(ids[start : start + _PROMPT_CHUNK], state)
    return np.asarray(logits[-1, 0], np.float64), state


def _one_by_one(
    step: Step, state: State, logits: NDArray[np.float64], decoding: Decoding
) -> Iterator[int]:
    bits = np.random.PCG64(decoding.seed)
    for position in range(decoding.length):
        token = _choose(_allowed(logits, decoding), decoding, bits)
        if token in decoding.stop:
            return
        yield token
        if position + 1 < decoding.length:
            following, state = step(np.array([[token]], np.int64), state)
            logits = np.asarray(following[-1, 0], np.float64)


def _allowed(logits: NDArray[np.float64], decoding: Decoding) -> NDArray[np.float64]:
    allowed = logits.copy()
    allowed[..., list(decoding.forbidden)] = -np.inf
    return allowed


def _choose(logits: NDArray[np.float64], decoding: Decoding, bits: np.random.PCG64) -> int:
    if decoding.temperature == 0:
        return int(np.argmax(logits))
    logits = (logits - logits.max()) / decoding.temperature
    kept = np.arange(logits.size)
    if decoding.top_k is not None:
        kept = np.sort(_best(logits, decoding.top_k))
    if decoding.top_p is not None:
        kept = _nucleus(kept, logits, decoding.top_p)
    cumulative = np.cumsum(np.exp(logits[kept]))
    uniform = (int(bits.random_raw()) >> 11) * 2.0**-53
    drawn = int(np.searchsorted(cumulative, uniform * cumulative[-1], side="right"))
    return int(kept[min(drawn, kept.size - 1)])


def _nucleus(kept: NDArray[np.intp], logits: NDArray[np.float64], top_p: float) -> NDArray[np.intp]:
    """The fewest of `kept`, likeliest first, whose probabilities add up to `top_p`."""
    falling = kept[np.argsort(-logits[kept], kind="stable")]
    cumulative = np.cumsum(np.exp(logits[falling]))
    count = int(np.searchsorted(cumulative, top_p * cumulative[-1])) + 1
    return np.sort(falling[:count])


def _best(scores: NDArray[np.float64], count: int) -> NDArray[np.intp]:
    """Indices of the `count` largest scores, best first, the lower index first among equals."""
    if count < scores.size:
        least = np.partition(scores, scores.size - count)[scores.size - count]
        candidates = np.flatnonzero(scores >= least)
    else:
        candidates = np.arange(scores.size)
    return candidates[np.argsort(-scores[candidates], kind="stable")][:count]


def _log_softmax(logits: NDArray[np.float64]) -> NDArray[np.float64]:
    shifted = logits - logits.max(axis=-1, keepdims=True)
    normaliser = np.log(np.exp(shifted).sum(axis=-1, keepdims=True))
    return np.asarray(shifted - normaliser, np.float64)


@dataclass(frozen=True)
class _Sentence:
    tokens: tuple[int, ...]
    log_probability: float

    def score(self, length_penalty: float) -> float:
        return self.log_probability / math.pow(max(len(self.tokens), 1), length_penalty)


def _beam_search(
    step: Step, state: State, logits: NDArray[np.float64], decoding: Decoding
) -> tuple[int, ...]:
    alive, ended = [_Sentence((), 0.0)], list[_Sentence]()  # of those that ended the best alone
    logits = logits[None]

    def score(one: _Sentence) -> float:
        return one.score(decoding.length_penalty)

    for position in range(decoding.length):
        alive, parents, stopped = _extend(alive, _log_softmax(_allowed(logits, decoding)), decoding)
        ended = sorted(ended + stopped, key=score, reverse=True)[:1]
        if not alive or (ended and score(ended[0]) >= _reach(alive, decoding)):
            break
        if position + 1 < decoding.length:
            state = tuple(np.take(part, parents, axis=1) for part in state)
            last = np.array([[sentence.tokens[-1] for sentence in alive]], np.int64)
            following, state = step(last, state)
            logits = np.asarray(following[-1], np.float64)
    return max(ended + alive, key=score).tokens


def _reach(alive: list[_Sentence], decoding: Decoding) -> float:
    """The score that none of the sentences can pass: its log probability only falls, and most
    that it gains is the length that it is divided by."""
    likeliest = max(one.log_probability for one in alive)
    return likeliest / math.pow(decoding.length, decoding.length_penalty)


def _extend(
    alive: list[_Sentence], log_probabilities: NDArray[np.float64], decoding: Decoding
) -> tuple[list[_Sentence], list[int], list[_Sentence]]:
    """The best sentences one token longer, the place each came from, and those that now end."""
    before = np.array([[sentence.log_probability] for sentence in alive])
    totals = (before + log_probabilities).ravel()
    longer, parents, ended = list[_Sentence](), list[int](), list[_Sentence]()
    for rank, flat in enumerate(_best(totals, decoding.beam * (1 + len(decoding.stop)))):
        parent, token = divmod(int(flat), log_probabilities.shape[1])
        total = float(totals[flat])
        if total == -np.inf or len(longer) == decoding.beam:
            break
        if token not in decoding.stop:
            longer.append(_Sentence((*alive[parent].tokens, token), total))
            parents.append(parent)
        elif rank < decoding.beam:
            ended.append(_Sentence(alive[parent].tokens, total))
    return longer, parents, ended
