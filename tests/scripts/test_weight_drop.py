"""DropConnect on the recurrent weights: what is left out, and that everything is put back."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("mxnet", reason="MXNet is not installed")

from weight_drop import WeightDrop

from zoo import models, params
from zoo._mxnet import mx

RATE = 0.4


def recurrent() -> dict[str, object]:
    net = models.build("lstm_lm", vocabulary_size=5, embed_size=30, hidden_size=30, layers=2)
    net.initialize(mx.init.Uniform(0.5))
    net(mx.nd.zeros((2, 1)), net.begin_state(1))
    named = params.parameters(net)
    return {name: one for name, one in named.items() if name.startswith("rnn.")}


def values(named: dict) -> dict[str, np.ndarray]:
    return {name: one.data().asnumpy() for name, one in named.items()}


def generator(seed: int = 0) -> np.random.Generator:
    return np.random.Generator(np.random.Philox(key=[seed, 0]))


def test_leaves_out_recurrent_weights_alone_and_grows_the_others() -> None:
    named = recurrent()
    before = values(named)
    WeightDrop(named, RATE).apply(generator())
    for name, dropped in values(named).items():
        if not name.endswith("h2h_weight"):
            assert np.array_equal(dropped, before[name])
            continue
        kept = dropped != 0
        assert np.mean(~kept) == pytest.approx(RATE, abs=0.03)
        np.testing.assert_allclose(dropped[kept], before[name][kept] / (1 - RATE), rtol=1e-6)


def test_undo_gives_the_same_bits_and_no_gradient_to_what_was_left_out() -> None:
    named = recurrent()
    before = values(named)
    drop = WeightDrop(named, RATE)
    drop.apply(generator())
    kept = {name: one != 0 for name, one in values(named).items() if name.endswith("h2h_weight")}
    for name in kept:
        named[name].grad()[:] = 1
    drop.undo()
    after = values(named)
    assert all(np.array_equal(after[name], before[name]) for name in before)
    for name, where in kept.items():
        gradient = named[name].grad().asnumpy()
        np.testing.assert_allclose(gradient, where / (1 - RATE), rtol=1e-6)


def test_masks_depend_on_the_generator_alone() -> None:
    named = recurrent()
    drop, seen = WeightDrop(named, RATE), []
    for seed in (0, 0, 1):
        drop.apply(generator(seed))
        seen.append(values(named)["rnn.l0_h2h_weight"])
        drop.undo()
    assert np.array_equal(seen[0], seen[1])
    assert not np.array_equal(seen[0], seen[2])


def test_rate_zero_touches_nothing() -> None:
    named = recurrent()
    before = values(named)
    random = generator()
    WeightDrop(named, 0.0).apply(random)
    assert all(np.array_equal(one, before[name]) for name, one in values(named).items())
    assert random.random() == generator().random()
