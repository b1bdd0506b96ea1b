"""What the final fit of a chosen recipe learns from: everything but the test split."""

from __future__ import annotations

from dataclasses import replace
from typing import TypeVar

import numpy as np

from zoo.data import Dataset, Split, TextDataset

SomeDataset = TypeVar("SomeDataset", Dataset, TextDataset)


def with_validation(dataset: SomeDataset) -> SomeDataset:
    """The dataset with its validation split, as it stands, behind its training split."""
    if isinstance(dataset, TextDataset):
        return replace(dataset, train=np.concatenate([dataset.train, dataset.validation]))
    parts = (dataset.train, dataset.validation)
    inputs = np.concatenate([one.inputs for one in parts])
    targets = np.concatenate([one.targets for one in parts])
    return replace(dataset, train=Split(inputs, targets))
