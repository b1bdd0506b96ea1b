"""What a batch holds depends on seed, epoch and place alone."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from batches import batches
from recipes import CLASSIFIERS, ClassifierRecipe, Distortion

from zoo.data import Split

RECIPE = replace(CLASSIFIERS["logistic_regression.mnist"], batch_size=10, input_dropout=0.0)


@pytest.fixture
def split() -> Split:
    random = np.random.default_rng(0)
    images = random.integers(1, 255, (40, 28, 28), dtype=np.uint8)
    return Split(images, np.arange(40))


def inputs(recipe: ClassifierRecipe, split: Split, seed: int = 1, epoch: int = 2) -> np.ndarray:
    return np.concatenate([data for data, _ in batches(recipe, split, seed, epoch)])


def test_a_distortion_that_ends_leaves_the_last_epoch_as_it_is(split: Split) -> None:
    ending = replace(RECIPE, distortion=Distortion(rotation=20, end=0.0), epochs=3)
    last, order = inputs(ending, split), inputs(RECIPE, split)
    np.testing.assert_allclose(last, order, atol=1e-4)
    assert np.abs(inputs(ending, split, epoch=1) - inputs(RECIPE, split, epoch=1)).max() > 1


def test_dropped_inputs_are_at_their_mean_and_the_others_grown(split: Split) -> None:
    whole = inputs(RECIPE, split)
    some = inputs(replace(RECIPE, input_dropout=0.25), split)
    dropped = some == 0
    assert abs(dropped.mean() - 0.25) < 0.01
    np.testing.assert_allclose(some[~dropped], whole[~dropped] / 0.75, rtol=1e-6)
    assert some.dtype == whole.dtype == np.float32


def test_other_inputs_are_dropped_in_each_step_and_the_same_again(split: Split) -> None:
    recipe = replace(RECIPE, input_dropout=0.25)
    first = inputs(recipe, split)
    np.testing.assert_array_equal(first, inputs(recipe, split))
    zeros = first.reshape(4, -1) == 0
    assert len({one.tobytes() for one in zeros}) == 4
    assert (zeros != (inputs(recipe, split, epoch=3).reshape(4, -1) == 0)).any()
