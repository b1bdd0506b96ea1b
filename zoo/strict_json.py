"""JSON from strangers: one meaning, bounded time and memory, or a ValueError that says why."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Iterable
from typing import Any

_DEEPEST = 100


def parse(content: bytes, *, most_bytes: int = 4 << 20, most_parts: int = 160_000) -> Any:
    """The document, in UTF-8 without a mark, its keys distinct and its numbers finite.

    `most_parts` bounds how many values it may hold, since small ones take far more memory than
    text. Raises ValueError.
    """
    if len(content) > most_bytes:
        raise ValueError(f"longer than {most_bytes} bytes")
    if sum(map(content.count, (b",", b"[", b"{"))) > most_parts:
        raise ValueError(f"more than {most_parts} values")
    try:
        document = json.loads(
            content.decode("utf-8"),
            object_pairs_hook=_distinct,
            parse_float=_finite,
            parse_int=_whole,
            parse_constant=_finite,
        )
    except RecursionError:
        raise ValueError("nested too deeply") from None
    _refuse_depth(document)
    return document


def _refuse_depth(document: Any) -> None:
    """Newer Pythons parse deeper than they let anybody walk."""
    level = [document]
    for _ in range(_DEEPEST):
        level = [part for one in level for part in _parts(one)]
        if not level:
            return
    raise ValueError("nested too deeply")


def _parts(one: Any) -> Iterable[Any]:
    if isinstance(one, dict):
        return one.values()
    return one if isinstance(one, list) else ()


def _distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) < len(pairs):
        double = Counter(name for name, _ in pairs).most_common(1)[0][0][:100]
        raise ValueError(f"the key {double!r} occurs twice")
    return result


def _whole(text: str) -> int:
    """No larger than the largest float, with which it may be calculated."""
    _finite(text)
    return int(text)


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"{text[:40]} is not a finite number")
    return value
