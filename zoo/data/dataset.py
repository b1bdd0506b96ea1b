"""What a dataset is once it is loaded, and what is known about it before."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zoo.manifest import Artifact
from zoo.text import Vocabulary

Read = Callable[[Artifact], bytes]


@dataclass(frozen=True)
class About:
    """A dataset's facts. `labels` names the classes, or a regression's unit, and `features` the
    columns, where it has them; `splits` says in a sentence how the rows were divided."""

    name: str
    task: str
    description: str
    splits: str
    homepage: str
    licence: str
    citation: str
    labels: tuple[str, ...] | None = None
    features: tuple[str, ...] | None = None


@dataclass(frozen=True)
class Split:
    """`inputs` (n, ...) and `targets` (n,), read-only; row i of both is one example."""

    inputs: NDArray[Any]
    targets: NDArray[Any]

    def __post_init__(self) -> None:
        self.inputs.flags.writeable = False
        self.targets.flags.writeable = False

    def __len__(self) -> int:
        return len(self.targets)

    def rows(self, chosen: NDArray[np.bool_] | NDArray[np.int64]) -> Split:
        """The rows of a boolean mask or of row numbers, copied."""
        return Split(self.inputs[chosen], self.targets[chosen])


@dataclass(frozen=True)
class Dataset:
    """Examples for classification or regression; `digests` maps each file to its sha256."""

    about: About
    train: Split
    validation: Split
    test: Split
    digests: Mapping[str, str]

    @property
    def name(self) -> str:
        return self.about.name


@dataclass(frozen=True)
class TextDataset:
    """Token streams for language modelling, int32 (n,), read-only, numbered by `vocabulary`.

    `level` is "word" or "character"; `digests` maps each file to its sha256.
    """

    about: About
    train: NDArray[np.int32]
    validation: NDArray[np.int32]
    test: NDArray[np.int32]
    vocabulary: Vocabulary
    level: str
    digests: Mapping[str, str]

    def __post_init__(self) -> None:
        for stream in (self.train, self.validation, self.test):
            stream.flags.writeable = False

    @property
    def name(self) -> str:
        return self.about.name
