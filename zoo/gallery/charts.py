"""A training log -> curves as SVG, one for each figure in it."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any, NamedTuple

_WIDTH, _HEIGHT = 420, 210
_LEFT, _RIGHT, _TOP, _BOTTOM = 52, 14, 14, 30
_MOST = 1e12  # what is larger is no figure of a training


class Curve(NamedTuple):
    """A figure over the epochs: (epoch, value)."""

    name: str
    points: tuple[tuple[float, float], ...]


def read_log(path: Path) -> list[Curve]:
    """The loss and the validation figures of a training log, a JSON object a line.

    Numbers that cannot be drawn, of a training that diverged, are left out. Nothing of a file that
    is no such log: another hub may keep any there.
    """
    try:
        lines = [_object(line) for line in path.read_text("utf-8").splitlines()]
        names = dict.fromkeys(name for line in lines for name in line if _shown(name))
        curves = [Curve(name, _points(lines, name)) for name in names]
    except (LookupError, TypeError, ValueError, OverflowError, RecursionError):
        return []
    return [one for one in curves if one.points]


def _object(line: str) -> Mapping[str, Any]:
    found = json.loads(line)
    if not isinstance(found, dict):
        raise ValueError("no object")
    return found


def _points(lines: Sequence[Mapping[str, Any]], name: str) -> tuple[tuple[int, float], ...]:
    pairs = [(line["epoch"], line[name]) for line in lines if name in line]
    return tuple((int(epoch), float(value)) for epoch, value in pairs if _sane(epoch, value))


def _sane(*numbers: float) -> bool:
    return all(abs(one) <= _MOST for one in numbers)  # false for NaN too


def _shown(name: str) -> bool:
    return name == "train_loss" or name.startswith("validation_")


def drawing(curve: Curve) -> str:
    """The curve as SVG with its axes; its last point is marked."""
    epochs = [epoch for epoch, _ in curve.points]
    ticks = nice_ticks(*_range([value for _, value in curve.points]))
    left, right = min(epochs), max(epochs)

    def place(epoch: float, value: float) -> tuple[float, float]:
        across = (epoch - left) / (right - left) if right > left else 0.5
        up = (value - ticks[0]) / (ticks[-1] - ticks[0])
        x = _LEFT + across * (_WIDTH - _LEFT - _RIGHT)
        return x, _HEIGHT - _BOTTOM - up * (_HEIGHT - _TOP - _BOTTOM)

    path = "L".join("{:.1f} {:.1f}".format(*place(*point)) for point in curve.points)
    x, y = place(*curve.points[-1])
    last = f"{curve.points[-1][1]:.4g}"
    title = f"{curve.name.replace('_', ' ')} over {len(epochs)} points, at the end {last}"
    parts = [
        *(_level(place(left, tick)[1], _number(tick, ticks)) for tick in ticks),
        f'<text class="tick" x="{_LEFT}" y="{_HEIGHT - 10}">epoch {left:g}</text>',
        f'<text class="tick end" x="{_WIDTH - _RIGHT}" y="{_HEIGHT - 10}">{right:g}</text>',
        f'<path class="curve" d="M{path}" fill="none"/>',
        f'<circle class="last" cx="{x:.1f}" cy="{y:.1f}" r="4"/>',
    ]
    return (
        f'<svg class="chart" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" '
        f'aria-label="{escape(title)}">{"".join(parts)}</svg>'
    )


def _level(y: float, label: str) -> str:
    return (
        f'<path class="grid" d="M{_LEFT} {y:.1f}H{_WIDTH - _RIGHT}"/>'
        f'<text class="tick end" x="{_LEFT - 8}" y="{y + 4:.1f}">{label}</text>'
    )


def _range(values: Sequence[float]) -> tuple[float, float]:
    """What the axis shows; values as good as equal are in its middle."""
    low, high = min(values), max(values)
    least = 1e-9 * max(abs(low), abs(high), 1e-3)
    return (low, high) if high - low > least else (low - 0.5, high + 0.5)


def nice_ticks(low: float, high: float, most: int = 5) -> list[float]:
    """Round numbers, evenly apart, from at most `low` to at least `high`."""
    rough = (high - low) / (most - 1)
    power = 10 ** math.floor(math.log10(rough))
    step = next(one * power for one in (1, 2, 5, 10, 20) if one * power >= rough)
    first, last = math.floor(low / step), math.ceil(high / step)
    return [step * one for one in range(first, last + 1)]


def _number(tick: float, ticks: Sequence[float]) -> str:
    digits = max(0, -math.floor(math.log10(ticks[1] - ticks[0]) + 1e-9))
    return f"{tick:,.{digits}f}"
