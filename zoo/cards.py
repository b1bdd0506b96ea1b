"""Small HTML for notebooks: a table of facts, a chart of bars, a text.

Colours follow the notebook's own, light or dark; every text is escaped.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

_BOX = "max-width:44em;line-height:1.5;font-variant-numeric:tabular-nums"
_LEFT = "text-align:left;vertical-align:top;padding:.1em 1.2em .1em 0"
_PLAIN = "border:0;background:none"
_FAINT = "opacity:.7;font-weight:normal"
_TRACK = "display:inline-block;width:14em;max-width:40vw;height:.7em;border-radius:.2em"
_GROUND = "background:color-mix(in srgb,currentColor 12%,transparent)"
_INK = "display:block;height:100%;border-radius:.2em;background:#1f8a70"


def facts(title: str, sentence: str, rows: Mapping[str, str]) -> str:
    """A heading, a sentence below it, and a row for each fact."""
    lines = "".join(
        _row(f'<th scope="row" style="{_LEFT};{_PLAIN};{_FAINT}">{escape(name)}</th>', value)
        for name, value in rows.items()
    )
    return (
        f'<div style="{_BOX}"><strong>{escape(title)}</strong><div>{escape(sentence)}</div>'
        f'<table style="border-collapse:collapse;margin:.5em 0">{lines}</table></div>'
    )


def bars(title: str, shares: Sequence[tuple[str, float]], others: int = 0) -> str:
    """A heading and a bar for each label's share of 1; `others` labels are counted only."""
    lines = "".join(_bar(label, share) for label, share in shares)
    rest = f'<div style="{_FAINT}">and {others} more</div>' if others else ""
    return (
        f'<div style="{_BOX}"><strong>{escape(title)}</strong>'
        f'<table style="border-collapse:collapse;margin:.5em 0">{lines}</table>{rest}</div>'
    )


def text(prompt: str, rest: str) -> str:
    """A text whose beginning stands out."""
    return (
        f'<div style="{_BOX};white-space:pre-wrap"><strong>{escape(prompt)}</strong>'
        f"{escape(rest)}</div>"
    )


def _row(head: str, value: str) -> str:
    return (
        f'<tr style="background:none">{head}'
        f'<td style="{_LEFT};{_PLAIN};overflow-wrap:anywhere">{escape(value)}</td></tr>'
    )


def _bar(label: str, share: float) -> str:
    filled = f'<span style="{_INK};width:{100 * share:.1f}%"></span>'
    return (
        f'<tr style="background:none"><th scope="row" style="{_LEFT};{_PLAIN}">{escape(label)}</th>'
        f'<td style="{_LEFT};{_PLAIN}"><span style="{_TRACK};{_GROUND}">{filled}</span></td>'
        f'<td style="text-align:right;{_PLAIN}">{100 * share:.2f} %</td></tr>'
    )
