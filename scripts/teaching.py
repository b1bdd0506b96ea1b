"""The teachers of a classifier: networks that are trained first, and answer together.

Hinton, Vinyals and Dean (2015), at temperature 1, with the mean of the ensemble's probabilities.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from recipes import ClassifierRecipe

from zoo._mxnet import mx
from zoo.errors import ConfigError

FIRST_SEED = 1_000_000  # beyond the seeds that anybody gives to a run


def lessons(recipe: ClassifierRecipe) -> list[tuple[int, ClassifierRecipe]]:
    """Seed and recipe of each teacher; none where the recipe has no teachers.

    Raises ConfigError for teachers that would read other data, or read it in another way.
    """
    if recipe.teachers is None:
        return []
    learnt = recipe.teachers.recipe or recipe
    if (learnt.dataset, learnt.preprocessing) != (recipe.dataset, recipe.preprocessing):
        raise ConfigError(
            f"{learnt.name} cannot teach {recipe.name}: its dataset or preprocessing is another. "
            "Give both recipes the same."
        )
    alone = replace(
        learnt,
        epochs=recipe.teachers.epochs,
        config=learnt.config | recipe.teachers.config,
        final_fit=recipe.final_fit,
        teachers=None,
    )
    return [(FIRST_SEED + number, alone) for number in range(recipe.teachers.count)]


def taught(
    recipe: ClassifierRecipe, teachers: Sequence[Any], data: Any, target: np.ndarray
) -> np.ndarray:
    """Probabilities (batch, classes) to learn: those of the label mixed with the teachers'."""
    if recipe.teachers is None:
        return target
    answers = [mx.nd.softmax(net(data)).asnumpy() for net in teachers]
    weight = np.float32(recipe.teachers.weight)
    mixed: np.ndarray = (1 - weight) * target + weight * np.mean(answers, axis=0)
    return mixed
