"""What a step of the language model adds to the loss, and leaves out of its input."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from recipes import LANGUAGE_MODELS, LanguageModelRecipe

pytest.importorskip("mxnet")

from language_learner import Learner, _slopes
from train_language_model import published

from zoo import get_weights, params
from zoo._mxnet import mx
from zoo.data import TextDataset
from zoo.data.wikitext2 import ABOUT
from zoo.errors import UnknownModelError, WeightsError
from zoo.pipelines import read_vocabulary
from zoo.text import Vocabulary

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


def test_a_loss_that_is_not_finite_ends_the_training_where_the_gradient_is() -> None:
    """the likelihood of a word underflows to 0: its logarithm is infinite, its gradient is -1"""
    learner = Learner(PLAIN, COUNTS, 0, mx.cpu())
    learner.bias.weight[:] = np.where(np.arange(len(COUNTS)) == 3, 300, -300)
    tokens = np.full((PLAIN.window + 1, 3), 5)
    with pytest.raises(SystemExit, match=r"Step 7: the loss is not finite\. The last checkpoint"):
        learner.step(7, 0.01, tokens[:-1], tokens[1:], learner.net.begin_state(3))


@pytest.mark.parametrize("changed", [{"activation": 5.0}, {"slowness": 5.0}, {"word_dropout": 0.5}])
def test_each_regularisation_moves_the_weights(changed: dict[str, float]) -> None:
    plain, other = learnt(PLAIN), learnt(replace(PLAIN, **changed))
    assert any(not np.array_equal(plain[name], other[name]) for name in plain)


def test_penalties_are_the_papers() -> None:
    """Their gradients are those of the mean squares, which autograd gives."""
    recipe = replace(PLAIN, activation=2.0, slowness=3.0)
    learner = Learner(recipe, COUNTS, 0, mx.cpu())
    outputs, dropped = (mx.nd.random.uniform(shape=(5, 3, 4)) for _ in range(2))
    for one in (outputs, dropped):
        one.attach_grad()
    with mx.autograd.record():
        penalty = 2 * mx.nd.square(dropped).mean()
        penalty = penalty + 3 * mx.nd.square(outputs[1:] - outputs[:-1]).mean()
    penalty.backward()
    wanted = [one.grad.asnumpy().copy() for one in (outputs, dropped)]
    with mx.autograd.record():
        penalised = learner._penalised(outputs, dropped)
    mx.autograd.backward([one for one, _ in penalised], _slopes(penalised))
    for one, grad in zip((outputs, dropped), wanted, strict=True):
        np.testing.assert_allclose(one.grad.asnumpy(), grad, rtol=1e-5, atol=1e-8)


def test_a_word_is_read_everywhere_or_nowhere() -> None:
    learner = Learner(replace(PLAIN, word_dropout=0.5), COUNTS, 0, mx.cpu())
    words = learner._words((1000, 4), np.random.default_rng(0)).asnumpy()
    assert set(np.unique(words)) == {0.0, 2.0}
    assert np.array_equal(words, np.repeat(words[:, :1], 4, axis=1))
    assert 400 < np.count_nonzero(words[:, 0]) < 600


RECORD = "lstm_lm.wikitext2@2"


def of(vocabulary: Vocabulary) -> TextDataset:
    streams = [np.zeros(1, np.int32) for _ in range(3)]
    return TextDataset(ABOUT, *streams, vocabulary, "word", {})


def test_a_training_goes_on_from_published_weights() -> None:
    vocabulary = read_vocabulary(get_weights(RECORD))
    recipe = replace(LANGUAGE_MODELS["lstm_lm.wikitext2"], start=RECORD)
    learner = Learner(recipe, np.ones(len(vocabulary), np.int64), 0, mx.cpu())
    started = published(recipe, of(vocabulary))
    learner.begin(started)
    for name, one in params.arrays(learner.network()).items():
        np.testing.assert_array_equal(one, started[name].astype(np.float32))


def test_published_weights_of_another_vocabulary_are_no_start() -> None:
    with pytest.raises(SystemExit, match=f"cannot start from {RECORD}: its vocabulary is another"):
        published(replace(PLAIN, start=RECORD), of(Vocabulary(("a", "b"))))
    with pytest.raises(SystemExit, match=r"'lstm_lm\.wikitext2': name its version"):
        published(replace(PLAIN, start="lstm_lm.wikitext2"), of(Vocabulary(("a", "b"))))
    with pytest.raises(UnknownModelError):
        published(replace(PLAIN, start="https://example.org::a.b@1"), of(Vocabulary(("a", "b"))))
    with pytest.raises(WeightsError, match="do not fit"):
        Learner(PLAIN, COUNTS, 0, mx.cpu()).begin({"embedding.weight": np.zeros((2, 3), "f4")})
