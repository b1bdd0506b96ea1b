"""One step of learning a language model, on the part of the vocabulary that the step needs."""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping
from typing import Any

import numpy as np
from distributed import Group
from dropping import mask
from optimizers import Adam, RowAdam
from recipes import LanguageModelRecipe
from sampled_softmax import Cut, Sampler
from weight_drop import WeightDrop

from zoo import models, params
from zoo._mxnet import gluon, mx


class Learner:
    """The network and the state of its optimizers; `step` makes one update."""

    def __init__(
        self,
        recipe: LanguageModelRecipe,
        counts: np.ndarray,
        seed: int,
        ctx: Any,
        group: Group | None = None,
    ) -> None:
        self.recipe, self.seed, self.ctx = recipe, seed, ctx
        self.group = group or Group()
        self.net = models.build("lstm_lm", vocabulary_size=len(counts), **recipe.config)
        mx.random.seed(seed)
        self.net.initialize(mx.init.Uniform(recipe.init), ctx=ctx)
        named = params.parameters(self.net)
        self.recurrent = {name: one for name, one in named.items() if name.startswith("rnn.")}
        self.adam = Adam(self.recurrent)
        self.weight_drop = WeightDrop(self.recurrent, recipe.weight_drop)
        unigram = np.log((counts + 1) / (counts.sum() + len(counts))).astype(np.float32)
        self.embedding = RowAdam("embedding", named["embedding.weight"].data().asnumpy(), ctx)
        self.bias = RowAdam("bias", unigram, ctx)
        self.sampler = Sampler(counts, recipe.samples, recipe.batch_size * recipe.window)

    def begin(self, arrays: Mapping[str, np.ndarray]) -> None:
        """Go on from a network's arrays. Raises WeightsError for those of another one."""
        params.load(self.net, arrays, ctx=self.ctx, widen=True)
        named = params.arrays(self.net)
        self.embedding.weight[:] = named["embedding.weight"]
        self.bias.weight[:] = named["decoder.bias"]

    def step(
        self, step: int, rate: float, data: np.ndarray, targets: np.ndarray, states: Any
    ) -> Any:
        """Update by one window (time, batch); returns the loss in nats, and the next states.

        Of several workers each learns from its own columns, and has the states of these alone; what
        is drawn of the vocabulary is drawn for all columns, so that the gradients can be added.
        """
        random = np.random.Generator(np.random.Philox(key=[self.seed, step]))
        cut = self.sampler.cut(data, targets, random).columns(self.group.part(data.shape[1]))
        embedding, bias = self.embedding.take(cut.rows), self.bias.take(cut.candidates)
        labels = mx.nd.array(cut.targets, ctx=self.ctx)
        self.weight_drop.apply(random)
        with mx.autograd.record():
            outputs, dropped, states = self._outputs(cut, embedding, random, states)
            scores = self._scores(cut, embedding, bias, dropped)
            likelihoods = mx.nd.SoftmaxOutput(scores, labels, normalization="valid")
            penalised = self._penalised(outputs, dropped)
        mx.autograd.backward(
            [likelihoods, *(one for one, _ in penalised)], [None, *_slopes(penalised)]
        )
        self.weight_drop.undo()
        gradients = [one.grad() for one in self.recurrent.values()] + [embedding.grad, bias.grad]
        loss = -mx.nd.log(mx.nd.pick(likelihoods, labels)).mean()
        self.group.mean([*gradients, loss])
        norm = gluon.utils.clip_global_norm(gradients, self.recipe.clip, check_isfinite=False)
        found = float(loss.asscalar())
        for what, value in (("gradient", norm.asscalar()), ("loss", found)):
            if not math.isfinite(value):
                sys.exit(f"Step {step}: the {what} is not finite. The last checkpoint is kept.")
        self.adam.step(rate, step + 1)
        self.embedding.put(cut.rows, embedding, rate, step + 1)
        self.bias.put(cut.candidates, bias, rate, step + 1)
        return found, [one.detach() for one in states]

    def _outputs(
        self, cut: Cut, embedding: Any, random: np.random.Generator, states: Any
    ) -> tuple[Any, Any, Any]:
        """The last layer's (time, batch, hidden), the same after dropout, and the next states."""
        data = mx.nd.array(cut.data, ctx=self.ctx, dtype="int32")
        over = {"axes": (0,)} if self.recipe.locked_dropout else {}
        if self.recipe.word_dropout:
            embedding = embedding * self._words(embedding.shape, random)
        embedded = mx.nd.take(embedding, data)
        embedded = mx.nd.Dropout(embedded, p=self.recipe.input_dropout, **over)
        outputs, states = self.net.rnn(embedded, states)
        return outputs, mx.nd.Dropout(outputs, p=self.recipe.output_dropout, **over), states

    def _words(self, shape: tuple[int, int], random: np.random.Generator) -> Any:
        """Which of the step's words are read: each row is 0, or 1 / (1 - rate)."""
        kept = mask(random, (shape[0], 1), self.recipe.word_dropout)
        return mx.nd.array(np.repeat(kept, shape[1], axis=1), ctx=self.ctx)  # a broadcast is slower

    def _scores(self, cut: Cut, embedding: Any, bias: Any, hidden: Any) -> Any:
        """Logits (time * batch, candidates), each less the log of the candidate's chance."""
        offset = bias - mx.nd.array(cut.log_chance, ctx=self.ctx)
        count = len(cut.candidates)
        flat = hidden.reshape((-3, 0))
        return mx.nd.FullyConnected(flat, embedding[:count], offset, num_hidden=count)

    def _penalised(self, outputs: Any, dropped: Any) -> list[tuple[Any, float]]:
        """Whose mean square the recipe adds to the loss, with its weight: outputs, their change."""
        penalised = []
        if self.recipe.activation:
            penalised.append((dropped, self.recipe.activation))
        if self.recipe.slowness:
            penalised.append((outputs[1:] - outputs[:-1], self.recipe.slowness))
        return penalised

    def network(self) -> Any:
        """The whole network with what has been learnt so far."""
        self.net.embedding.weight.set_data(mx.nd.array(self.embedding.weight))
        self.net.decoder.bias.set_data(mx.nd.array(self.bias.weight))
        return self.net

    def state(self) -> dict[str, np.ndarray]:
        recurrent = {name: one.data().asnumpy() for name, one in self.recurrent.items()}
        return recurrent | self.adam.state() | self.embedding.state() | self.bias.state()

    def restore(self, state: dict[str, np.ndarray]) -> None:
        for name, one in self.recurrent.items():
            one.set_data(mx.nd.array(state[name]))
        for optimizer in (self.adam, self.embedding, self.bias):
            optimizer.restore(state)


def _slopes(penalised: list[tuple[Any, float]]) -> list[Any]:
    """The gradients of weighted mean squares, whose values nobody needs."""
    return [one * (2 * weight / one.size) for one, weight in penalised]
