"""A record's layers -> an SVG: what flows through the network, as planes and columns.

Colours come from the style sheet; the strict Content-Security-Policy allows no style here.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from zoo.onnx.outline import Layer

_COLUMN = 116
_GAP = 16  # between the shapes of a glyph, which has no words
_MIDDLE = 84
_HEIGHT = 218
_OPERATORS = {
    "AveragePool": "Average pooling",
    "Conv": "Convolution",
    "Gather": "Embedding",
    "Gemm": "Dense",
    "MaxPool": "Max pooling",
    "Relu": "ReLU",
}
_ACTIVATIONS = ("Relu", "Sigmoid", "Softmax", "Tanh")
_MOST_PLANES = 6
_STEP = 5  # from plane to plane
_PLANE = 62  # the side of 28 x 28
_COLUMN_WIDTH = 14
_TIMES = " \N{MULTIPLICATION SIGN} "


class Stage(NamedTuple):
    """What makes a tensor, and its size without free axes."""

    title: str
    note: str
    size: tuple[int, ...]


def stages(first: Stage, layers: Sequence[Layer]) -> list[Stage]:
    """The input and what each layer makes of it; an activation joins the layer before it."""
    found = [first]
    for layer in layers:
        if layer.operator in _ACTIVATIONS and len(found) > 1:
            last = found[-1]
            found[-1] = last._replace(title=f"{last.title}, {_title(layer)}")
        else:
            found.append(Stage(_title(layer), _note(layer), _size(layer) or found[-1].size))
    return found


def drawing(stages: Sequence[Stage]) -> str:
    """The SVG, as wide as it has stages."""
    width = _COLUMN * len(stages)
    parts = [_stage(place, stage) for place, stage in enumerate(stages)]
    return (
        f'<svg class="architecture" viewBox="0 0 {width} {_HEIGHT}" width="{width}" '
        f'height="{_HEIGHT}" role="img" aria-label="{description(stages)}">{"".join(parts)}</svg>'
    )


def glyph(stages: Sequence[Stage]) -> str:
    """The SVG without words, for where the words stand beside it."""
    shapes, right = [], 2.0
    for stage in stages:
        width = _width(stage.size)
        shapes.append(_shape(right + width / 2, stage.size))
        right += width + _GAP
    box = f"0 {_MIDDLE - 68} {right - _GAP + 2:.0f} 136"
    return f'<svg class="glyph" viewBox="{box}" aria-hidden="true">{"".join(shapes)}</svg>'


def description(stages: Sequence[Stage]) -> str:
    """The same in words."""
    return escape("; ".join(f"{one.title}: {_size_text(one.size)}" for one in stages))


def _title(layer: Layer) -> str:
    return _OPERATORS.get(layer.operator, layer.operator)


def _note(layer: Layer) -> str:
    kernel = _TIMES.join(map(str, layer.kernel))
    shared = "tied" if layer.shared else ""
    count = f"{layer.parameters:,} params" if layer.parameters else ""
    return " · ".join(one for one in (kernel, count, shared) if one)


def _size(layer: Layer) -> tuple[int, ...]:
    sizes = tuple(one for one in layer.shape or () if isinstance(one, int))
    return sizes[1:] if len(sizes) == 2 and sizes[0] == 1 else sizes


def _size_text(size: Sequence[int]) -> str:
    return _TIMES.join(f"{one:,}" for one in size)


def _stage(place: int, stage: Stage) -> str:
    centre = _COLUMN * place + _COLUMN // 2
    titles = stage.title.split(", ")
    lines = [
        _text(centre, 166, "size", _size_text(stage.size)),
        *(_text(centre, 185 + 14 * line, "title", one) for line, one in enumerate(titles)),
        _text(centre, 186 + 14 * len(titles), "note", stage.note),
    ]
    arrow = _arrow(_COLUMN * place) if place else ""
    return arrow + _shape(centre, stage.size) + "".join(lines)


def _text(x: float, y: float, kind: str, text: str) -> str:
    return f'<text x="{x}" y="{y}" class="{kind}">{escape(text)}</text>' if text else ""


def _arrow(x: int) -> str:
    return (
        f'<path class="arrow" d="M{x - 9} {_MIDDLE}h18m-5 -4l5 4l-5 4" fill="none" '
        'stroke-linecap="round" stroke-linejoin="round"/>'
    )


def _shape(centre: float, size: Sequence[int]) -> str:
    if len(size) >= 3:
        return _planes(centre, size[-3], *size[-2:])
    return _vector(centre, math.prod(size) or 1)


def _width(size: Sequence[int]) -> float:
    if len(size) < 3:
        return _COLUMN_WIDTH
    shown, wide, _ = _stack(size[-3], *size[-2:])
    return wide + _STEP * (shown - 1)


def _stack(count: int, height: int, width: int) -> tuple[int, float, float]:
    """How many planes are drawn, their width and height; the more, the more channels there are."""
    scale = _PLANE * (max(height, width) / 28) ** 0.6 / max(height, width)
    return min(_MOST_PLANES, 1 + round(math.log2(count))), width * scale, height * scale


def _planes(centre: float, count: int, height: int, width: int) -> str:
    shown, wide, high = _stack(count, height, width)
    left = centre - (wide + _STEP * (shown - 1)) / 2
    top = _MIDDLE - (high + _STEP * (shown - 1)) / 2
    return "".join(
        f'<rect class="plane" x="{left + _STEP * at:.1f}" y="{top + _STEP * at:.1f}" '
        f'width="{wide:.1f}" height="{high:.1f}" rx="2"/>'
        for at in range(shown)
    )


def _vector(centre: float, count: int) -> str:
    """A column, its height by the logarithm of its length; short ones show every number."""
    if count <= 10:
        top = _MIDDLE - (count - 1) * 5.5
        return "".join(
            f'<circle class="unit" cx="{centre}" cy="{top + 11 * at:.1f}" r="4"/>'
            for at in range(count)
        )
    high = min(132.0, 30 * math.log10(count) + 12)
    return (
        f'<rect class="column" x="{centre - _COLUMN_WIDTH / 2:g}" y="{_MIDDLE - high / 2:.1f}" '
        f'width="{_COLUMN_WIDTH}" height="{high:.1f}" rx="3"/>'
    )
