"""Weights that are copied out of the network one at a time, so that no second set of them lives."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from numpy.typing import NDArray

Array = NDArray[Any]


class LazyArrays(Mapping[str, Array]):
    """Arrays by name, each made anew whenever it is asked for.

    Those of a network are its values at that moment: it must not be trained meanwhile.
    """

    def __init__(self, makers: Mapping[str, Callable[[], Array]]) -> None:
        self._makers = makers

    def __getitem__(self, name: str) -> Array:
        return self._makers[name]()

    def __contains__(self, name: object) -> bool:
        return name in self._makers

    def __iter__(self) -> Iterator[str]:
        return iter(self._makers)

    def __len__(self) -> int:
        return len(self._makers)
