"""Batches whose order and noise depend on seed, epoch and number alone, made ahead of use."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import numpy as np
from distortion import distort, weakened
from dropping import mask
from recipes import ClassifierRecipe

from zoo import transforms
from zoo.data import Split

AHEAD = 2  # batches made while the network learns from the one before

Batch = tuple[np.ndarray, np.ndarray]


def prepare(recipe: ClassifierRecipe, raw: np.ndarray) -> np.ndarray:
    """Raw rows or grey levels as the network's input, by the numbers of the recipe."""
    if recipe.preprocessing["kind"] == "image":
        return transforms.normalize(raw, recipe.preprocessing)
    return transforms.standardize(raw, recipe.preprocessing)


def batches(
    recipe: ClassifierRecipe, split: Split, seed: int, epoch: int, rank: int = 0, workers: int = 1
) -> Iterator[Batch]:
    """Inputs (batch, ...) and targets (batch,); an incomplete last batch is left out.

    Of several workers each makes its own equal share of every batch.
    """
    random = np.random.Generator(np.random.Philox(key=[seed, epoch]))
    distortion = recipe.distortion and weakened(recipe.distortion, epoch, recipe.epochs)
    order = np.argsort(random.random(len(split)), kind="stable")
    starts = range(0, len(order) - recipe.batch_size + 1, recipe.batch_size)

    share = recipe.batch_size // workers

    def make(start: int) -> Batch:
        rows = order[start + rank * share : start + (rank + 1) * share]
        inputs: Any = split.inputs[rows]
        if distortion:
            noise = np.random.Philox(key=[seed, epoch], counter=[0, rank, 1, start])
            inputs = distort(inputs, distortion, np.random.Generator(noise))
        inputs = prepare(recipe, inputs)
        if recipe.input_dropout:
            noise = np.random.Philox(key=[seed, epoch], counter=[0, rank, 2, start])
            kept = mask(np.random.Generator(noise), inputs.shape, recipe.input_dropout)
            inputs = (inputs * kept).astype(np.float32)  # 0 is the mean after `prepare`
        return inputs, split.targets[rows]

    with ThreadPoolExecutor(1) as pool:
        waiting: list[Future[Batch]] = []
        for start in starts:
            waiting.append(pool.submit(make, start))
            if len(waiting) > AHEAD:
                yield waiting.pop(0).result()
        for one in waiting:
            yield one.result()
