"""What a step of the language model adds to the loss, and leaves out of its input."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from recipes import LanguageModelRecipe

pytest.importorskip("mxnet")

from language_learner import Learner

from zoo._mxnet import mx

PLAIN = LanguageModelRecipe(
    name="lstm_lm.tiny",
    dataset="shakespeare",
    epochs=1,
    batch_size=3,
    window=5,
    learning_rate=0.01,
    target=1.0,
    metric="perplexity",
    input_dropout=0.0,
    output_dropout=0.0,
    config={"embed_size": 4, "hidden_size": 4, "layers": 1, "dropout": 0.0},
)
COUNTS = np.arange(1, 12)


def learnt(recipe: LanguageModelRecipe, steps: int = 1) -> dict[str, np.ndarray]:
    """The state after some steps on the same few tokens."""
    learner = Learner(recipe, COUNTS, 0, mx.cpu())
    tokens = np.random.default_rng(0).integers(0, len(COUNTS), (recipe.window + 1, 3))
    states = learner.net.begin_state(3)
    for step in range(steps):
        _, states = learner.step(step, 0.01, tokens[:-1], tokens[1:], states)
    return {name: array.copy() for name, array in learner.state().items()}


@pytest.mark.parametrize("changed", [{"activation": 5.0}, {"slowness": 5.0}, {"word_dropout": 0.5}])
def test_each_regularisation_moves_the_weights(changed: dict[str, float]) -> None:
    plain, other = learnt(PLAIN), learnt(replace(PLAIN, **changed))
    assert any(not np.array_equal(plain[name], other[name]) for name in plain)


def test_penalties_are_the_papers() -> None:
    learner = Learner(replace(PLAIN, activation=2.0, slowness=3.0), COUNTS, 0, mx.cpu())
    outputs, dropped = (mx.nd.random.uniform(shape=(5, 3, 4)) for _ in range(2))
    activation, slowness = (one.asscalar() for one in learner._penalties(outputs, dropped))
    assert activation == pytest.approx(2 * np.mean(dropped.asnumpy() ** 2), rel=1e-5)
    assert slowness == pytest.approx(3 * np.mean(np.diff(outputs.asnumpy(), axis=0) ** 2), rel=1e-5)


def test_a_word_is_read_everywhere_or_nowhere() -> None:
    learner = Learner(replace(PLAIN, word_dropout=0.5), COUNTS, 0, mx.cpu())
    words = learner._words(1000, np.random.default_rng(0)).asnumpy()
    assert set(np.unique(words)) == {0.0, 2.0}
    assert words.shape == (1000, 1)
    assert 400 < np.count_nonzero(words) < 600
