"""A softmax over a random part of the vocabulary.

Bengio and Senecal (2008), Jean et al. (2015, section 3): the full softmax of a vocabulary of
33,278 takes nine tenths of a training step. Here each step scores its own targets and a shared
draw of tokens; subtracting the logarithm of a token's chance to be among them makes the sum an
estimate of the full one. The network then needs only some rows of the embedding, which are cut
out, trained as a small matrix, and put back.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]

_POWER = 0.75  # flattens the unigram distribution that tokens are drawn from


class Cut(NamedTuple):
    """The part of the vocabulary that one step needs: `candidates` first, then the other inputs.

    `data` (time, batch) and `targets` (time * batch,) are renumbered within `rows`.
    """

    rows: Ints
    candidates: Ints
    data: NDArray[np.int32]
    targets: NDArray[np.int32]
    log_chance: NDArray[np.float32]

    def columns(self, part: slice) -> Cut:
        """The same draw for some columns of the batch."""
        data = self.data[:, part]
        targets = self.targets.reshape(self.data.shape)[:, part]
        return self._replace(data=data, targets=targets.ravel())


class Sampler:
    """Draws the candidates of a step. `samples=0` takes the whole vocabulary: the full softmax."""

    def __init__(self, counts: Ints, samples: int, tokens_per_step: int) -> None:
        self.samples = samples
        self._renumbered = np.zeros(len(counts), np.int32)
        flattened = (counts + 1.0) ** _POWER
        drawn = flattened / flattened.sum()
        self._cumulative = np.cumsum(drawn)
        as_target = counts / counts.sum()
        missed = (1 - drawn) ** samples * (1 - as_target) ** tokens_per_step
        self._log_chance = np.log(1 - missed if samples else missed**0).astype(np.float32)

    def cut(
        self, data: NDArray[np.int32], targets: NDArray[np.int32], random: np.random.Generator
    ) -> Cut:
        chosen = np.zeros(len(self._renumbered), np.int8)
        if self.samples:
            chosen[np.searchsorted(self._cumulative, random.random(self.samples))] = 1
            chosen[targets.ravel()] = 1
        else:
            chosen[:] = 1
        candidates = np.flatnonzero(chosen)
        chosen[data.ravel()] += 2
        rows = np.concatenate([candidates, np.flatnonzero(chosen == 2)])
        self._renumbered[rows] = np.arange(len(rows), dtype=np.int32)
        return Cut(
            rows,
            candidates,
            self._renumbered[data],
            self._renumbered[targets.ravel()],
            self._log_chance[candidates],
        )
