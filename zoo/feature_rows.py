"""Rows of features in any form -> numbers in the model's order."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zoo.errors import InputError, near


def feature_rows(raw: Any, preprocessing: Mapping[str, Any]) -> NDArray[np.float64]:
    """Rows (n, features); `raw` as `zoo.transforms.features` takes it. Raises InputError."""
    names = preprocessing.get("names")
    count = len(names) if names else int(preprocessing["count"])
    if _is_empty(raw):
        raise InputError("There is nothing to predict from: the input is empty.")
    if not is_batch(raw):
        return _row(raw, names, count)[None]
    return np.stack([_numbered(at, len(raw), row, names, count) for at, row in enumerate(raw, 1)])


def _numbered(
    place: int, of: int, raw: Any, names: Sequence[str] | None, count: int
) -> NDArray[np.float64]:
    """A row of several, whose place its error tells."""
    try:
        return _row(raw, names, count)
    except InputError as error:
        if of == 1:
            raise
        raise InputError(f"Row {place} of {of}: {error}") from None


def _is_empty(raw: Any) -> bool:
    return (isinstance(raw, list | tuple) and not raw) or (
        isinstance(raw, np.ndarray) and not raw.size
    )


def words(text: str) -> list[str]:
    """The numbers of a row written as a text, apart by commas or by spaces. Raises InputError."""
    cells = [cell.split() for cell in text.split(",")]
    if len(cells) > 1 and not all(cells):
        raise InputError(f"Cell {cells.index([]) + 1} of {len(cells)} is empty in {text!r}.")
    return [word for cell in cells for word in cell]


def refuse_twice(features: Iterable[object]) -> None:
    """Raises InputError where one of a row's features, by name or index, is given twice."""
    seen = set()
    for one in features:
        if one in seen:
            raise InputError(f"Feature {one!r} is given twice: give each once.")
        seen.add(one)


def is_batch(raw: Any) -> bool:
    """Whether `raw` holds several rows."""
    if isinstance(raw, np.ndarray):
        return raw.ndim >= 2
    return isinstance(raw, list | tuple) and any(_is_row(one) for one in raw)


def _is_row(raw: Any) -> bool:
    if isinstance(raw, str):
        return ":" in raw or len(raw.replace(",", " ").split()) > 1
    return isinstance(raw, Mapping | list | tuple) or (isinstance(raw, np.ndarray) and raw.ndim > 0)


def _row(raw: Any, names: Sequence[str] | None, count: int) -> NDArray[np.float64]:
    if isinstance(raw, Mapping):
        row = _named(raw, names)
    elif isinstance(raw, str):
        row = _libsvm(raw, count) if ":" in raw else _numbers(words(raw))
    elif not names and _are_indices(raw, count):
        row = _active([int(one) for one in raw], count)
    else:
        row = _numbers(raw)
    if row.shape != (count,):
        given = row.shape[0] if row.ndim == 1 else f"shape {row.shape}"
        which = f": {', '.join(names)}" if names else ""
        raise InputError(f"The model takes {count} features, not {given}{which}.")
    fits = np.abs(row) <= np.finfo(np.float32).max  # false for NaN too
    if not fits.all():
        position = int(np.flatnonzero(~fits)[0])
        raise InputError(
            f"Feature {repr(names[position]) if names else position + 1} is not a finite number."
        )
    return row


def _numbers(raw: Any) -> NDArray[np.float64]:
    try:
        return np.asarray(raw, np.float64)
    except (TypeError, ValueError, OverflowError):
        raise InputError(f"Features are numbers, not {raw!r}.") from None


def _named(raw: Mapping[str, Any], names: Sequence[str] | None) -> NDArray[np.float64]:
    if not names:
        raise InputError("The model's features have no names: give a list of numbers.")
    for name in raw:
        if name not in names:
            raise InputError(f"There is no feature {name!r}. {near(str(name), names)}")
    missing = [name for name in names if name not in raw]
    if missing:
        raise InputError(f"Missing feature {', '.join(repr(name) for name in missing)}.")
    return _numbers([raw[name] for name in names])


def _are_indices(raw: Any, count: int) -> bool:
    return (
        isinstance(raw, list | tuple)
        and 0 < len(raw) < count
        and all(isinstance(one, int | np.integer) and not isinstance(one, bool) for one in raw)
        and (len(raw) == 1 or not {0, 1}.issuperset(raw))  # else a row of 0 and 1 that is too short
    )


def _active(indices: Sequence[int], count: int) -> NDArray[np.float64]:
    refuse_twice(indices)
    row = np.zeros(count)
    for index in indices:
        row[_position(index, count)] = 1
    return row


def _position(index: int, count: int) -> int:
    if not 1 <= index <= count:
        raise InputError(f"Feature indices go from 1 to {count}, not {index}.")
    return index - 1


def _libsvm(line: str, count: int) -> NDArray[np.float64]:
    """A row of `index:value` pairs; what stands before them, a label, is passed over."""
    words = line.split()
    pairs = [_pair(word) for word in (words[1:] if ":" not in words[0] else words)]
    refuse_twice(index for index, _ in pairs)
    row = np.zeros(count)
    for index, value in pairs:
        row[_position(index, count)] = value
    return row


def _pair(word: str) -> tuple[int, float]:
    index, _, value = word.partition(":")
    try:
        return int(index), float(value)
    except ValueError:
        raise InputError(f"{word!r} is no index:value pair, such as '3:1'.") from None
