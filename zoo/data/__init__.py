"""Datasets by name, verified by checksum, each with a fixed train, validation and test split.

    >>> from zoo.data import load_dataset
    >>> digits = load_dataset("mnist")
    >>> digits.train.inputs.shape, digits.train.targets[:5]

The files come from the folder or address in ZOO_DATA_MIRROR if it has them, else from the public
addresses in each dataset's module; they are kept in zoo's cache folder.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from types import MappingProxyType
from typing import Literal, NamedTuple, overload

from zoo.data import adult, california_housing, fashion_mnist, mnist, shakespeare, wikitext2
from zoo.data.dataset import About, Dataset, Read, Split, TextDataset
from zoo.errors import UnknownDatasetError, near
from zoo.manifest import Artifact

__all__ = [
    "DATASETS",
    "About",
    "Dataset",
    "Definition",
    "Split",
    "TextDataset",
    "about",
    "list_datasets",
    "load_dataset",
]


class Definition(NamedTuple):
    """What there is of a dataset before it is loaded; `load` is given a function that returns a
    file's verified bytes."""

    about: About
    files: tuple[Artifact, ...]
    load: Callable[[Read], Dataset] | Callable[[Read], TextDataset]


DATASETS = MappingProxyType(
    {
        "mnist": Definition(mnist.ABOUT, mnist.FILES, mnist.load),
        "fashion_mnist": Definition(fashion_mnist.ABOUT, fashion_mnist.FILES, fashion_mnist.load),
        "adult": Definition(adult.ABOUT, adult.FILES, adult.load),
        "california_housing": Definition(
            california_housing.ABOUT, california_housing.FILES, california_housing.load
        ),
        "wikitext2": Definition(wikitext2.ABOUT, wikitext2.FILES, wikitext2.load),
        "shakespeare": Definition(shakespeare.ABOUT, shakespeare.FILES, shakespeare.load),
    }
)


def list_datasets() -> list[str]:
    """The names that `load_dataset` takes."""
    return list(DATASETS)


def about(name: str) -> About:
    """Licence, citation, splits and so on, without loading. Raises UnknownDatasetError."""
    return _definition(name).about


@overload
def load_dataset(
    name: Literal["mnist", "fashion_mnist", "adult", "california_housing"],
    *,
    mirrors: Sequence[str] | None = ...,
    offline: bool | None = ...,
    progress: bool | None = ...,
) -> Dataset: ...


@overload
def load_dataset(
    name: Literal["wikitext2", "shakespeare"],
    *,
    mirrors: Sequence[str] | None = ...,
    offline: bool | None = ...,
    progress: bool | None = ...,
) -> TextDataset: ...


@overload
def load_dataset(
    name: str,
    *,
    mirrors: Sequence[str] | None = ...,
    offline: bool | None = ...,
    progress: bool | None = ...,
) -> Dataset | TextDataset: ...


def load_dataset(
    name: str,
    *,
    mirrors: Sequence[str] | None = None,
    offline: bool | None = None,
    progress: bool | None = None,
) -> Dataset | TextDataset:
    """A dataset in memory; its files are fetched first where they are not cached.

    `mirrors` (default: ZOO_DATA_MIRROR), `offline` (default: ZOO_OFFLINE) and `progress` are
    those of `zoo.fetching.fetch_artifact`. Raises UnknownDatasetError, DownloadError,
    ChecksumError, and DataError for a file that cannot be read.
    """
    from zoo.fetching import read_artifact

    read = partial(
        read_artifact, mirrors=mirrors, offline=offline, progress=progress, subfolder="data"
    )
    return _definition(name).load(read)


def _definition(name: str) -> Definition:
    if name not in DATASETS:
        raise UnknownDatasetError(f"There is no dataset {name!r}. {near(name, DATASETS)}")
    return DATASETS[name]
