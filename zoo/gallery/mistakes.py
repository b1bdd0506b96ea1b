"""What a classifier gets wrong, as `scripts/draw_mistakes.py` measured it: a table and pictures."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from zoo.manifest import Weights

FOLDER = Path("docs", "models")
_HEATS = (0.0, 0.01, 0.03, 0.1, 0.3)  # shares of a row from which a cell is darker


@dataclass(frozen=True)
class Mistake:
    """An example of the test split; `place` is that of its picture in the strip."""

    place: int
    index: int
    said: str
    truth: str
    share: str


@dataclass(frozen=True)
class Confusion:
    """`rows` by true label: counts with their heat, 0 to 5; `strip` a PNG, or None."""

    labels: tuple[str, ...]
    rows: tuple[tuple[str, tuple[tuple[int, int], ...]], ...]
    wrong: int
    n: int
    mistakes: tuple[Mistake, ...]
    strip: bytes | None


def read(weights: Weights, checkout: Path) -> Confusion | None:
    """What was measured of these very weights; None where nothing was."""
    path = checkout / FOLDER / f"{weights.name}.json"
    if not path.is_file():
        return None
    found = json.loads(path.read_text("utf-8"))
    if found["sha256"] != weights.artifact("safetensors").sha256:
        return None
    labels, counts = found["labels"], found["confusion"]
    pictures = found["pictures"]
    return Confusion(
        tuple(labels),
        tuple((label, _row(row)) for label, row in zip(labels, counts, strict=True)),
        found["n"] - sum(row[at] for at, row in enumerate(counts)),
        found["n"],
        tuple(_mistakes(found)) if pictures else (),
        base64.b64decode(pictures) if pictures else None,
    )


def _row(counts: list[int]) -> tuple[tuple[int, int], ...]:
    total = max(1, sum(counts))
    return tuple((count, sum(count / total > least for least in _HEATS)) for count in counts)


def _mistakes(found: Mapping[str, Any]) -> Iterator[Mistake]:
    for place, one in enumerate(found["mistakes"]):
        said, truth = (found["labels"][one[key]] for key in ("said", "truth"))
        yield Mistake(place, one["index"], said, truth, f"{one['probability']:.1%}")
