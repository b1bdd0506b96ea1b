"""One step of learning a language model, on the part of the vocabulary that the step needs."""

from __future__ import annotations

import math
import sys
from typing import Any

import numpy as np
from optimizers import Adam, RowAdam
from recipes import LanguageModelRecipe
from sampled_softmax import Cut, Sampler
from weight_drop import WeightDrop

from zoo import models, params
from zoo._mxnet import gluon, mx


class Learner:
    """The network and the state of its optimizers; `step` makes one update."""

    def __init__(self, recipe: LanguageModelRecipe, counts: np.ndarray, seed: int, ctx: Any):
        self.recipe, self.seed, self.ctx = recipe, seed, ctx
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

    def step(
        self, step: int, rate: float, data: np.ndarray, targets: np.ndarray, states: Any
    ) -> Any:
        """Update by one window (time, batch); returns the loss in nats, and the next states."""
        random = np.random.Generator(np.random.Philox(key=[self.seed, step]))
        cut = self.sampler.cut(data, targets, random)
        embedding, bias = self.embedding.take(cut.rows), self.bias.take(cut.candidates)
        labels = mx.nd.array(cut.targets, ctx=self.ctx)
        self.weight_drop.apply(random)
        with mx.autograd.record():
            scores, states = self._scores(cut, embedding, bias, states)
            likelihoods = mx.nd.SoftmaxOutput(scores, labels, normalization="valid")
        likelihoods.backward()
        self.weight_drop.undo()
        gradients = [one.grad() for one in self.recurrent.values()] + [embedding.grad, bias.grad]
        norm = gluon.utils.clip_global_norm(gradients, self.recipe.clip, check_isfinite=False)
        if not math.isfinite(norm.asscalar()):
            sys.exit(f"Step {step}: the gradient is not finite. The last checkpoint is kept.")
        self.adam.step(rate, step + 1)
        self.embedding.put(cut.rows, embedding, rate, step + 1)
        self.bias.put(cut.candidates, bias, rate, step + 1)
        loss = -mx.nd.log(mx.nd.pick(likelihoods, labels)).mean()
        return float(loss.asscalar()), [one.detach() for one in states]

    def _scores(self, cut: Cut, embedding: Any, bias: Any, states: Any) -> Any:
        """Logits (time * batch, candidates), each less the log of the candidate's chance."""
        data = mx.nd.array(cut.data, ctx=self.ctx, dtype="int32")
        over = {"axes": (0,)} if self.recipe.locked_dropout else {}
        embedded = mx.nd.take(embedding, data)
        embedded = mx.nd.Dropout(embedded, p=self.recipe.input_dropout, **over)
        hidden, states = self.net.rnn(embedded, states)
        hidden = mx.nd.Dropout(hidden, p=self.recipe.output_dropout, **over).reshape((-3, 0))
        offset = bias - mx.nd.array(cut.log_chance, ctx=self.ctx)
        count = len(cut.candidates)
        return mx.nd.FullyConnected(hidden, embedding[:count], offset, num_hidden=count), states

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
