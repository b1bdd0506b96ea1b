"""JSON that leaves nothing to a guess: UTF-8, no key twice in an object, finite numbers."""

from __future__ import annotations

import json
import math
from collections import Counter
from typing import Any


def parse(content: bytes) -> Any:
    """The document in `content`. Raises ValueError with the reason in a few words."""
    try:
        return json.loads(
            content.decode("utf-8"),
            object_pairs_hook=_distinct,
            parse_float=_finite,
            parse_constant=_finite,
        )
    except RecursionError:
        raise ValueError("nested too deeply") from None


def _distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs):
        (double, _), *_ = Counter(name for name, _ in pairs).most_common(1)
        raise ValueError(f"the key {double[:100]!r} occurs twice")
    return result


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"{text[:40]} is not a finite number")
    return value
