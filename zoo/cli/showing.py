"""Results in a terminal or a pipe: tables, pictures in half-block characters, bars, JSON.

A terminal gets colours and its own width. Elsewhere, and with NO_COLOR, the same is plain text;
lines that go into a pipe are never wrapped.
"""

from __future__ import annotations

import json
import math
import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from itertools import zip_longest
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from rich.console import Console
    from rich.text import Text

    from zoo.manifest import Artifact

_PIPED_WIDTH = 10_000
_PAGE_WIDTH = 80  # what is laid out for a pipe
_INK = 128  # the grey level from which a pixel is drawn where there are no colours
_HALVES, _PLAIN_HALVES = " ▄▀█", " .'#"
_GAP = "  "
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_EIGHTHS = " ▏▎▍▌▋▊▉█"


class Column(NamedTuple):
    """A table's column; figures stand on the right, and a narrow terminal goes without `spare`."""

    title: str
    right: bool = False
    spare: bool = False


def open_console() -> Console:
    """Standard output, which takes every text literally."""
    from rich.console import Console

    console = Console(markup=False, highlight=False, emoji=False)
    if not console.is_terminal:
        console.width = _PIPED_WIDTH
    return console


def page_width(console: Console) -> int:
    """The columns that a layout may fill."""
    return console.width if console.is_terminal else _PAGE_WIDTH


def has_colours(console: Console) -> bool:
    return console.color_system is not None and not console.no_color


def print_json(document: Any) -> None:
    """The one document of a command with `--json`: in ASCII, which no stream's encoding damages.

    A number that JSON lacks, infinite or not a number, is null.
    """
    sys.stdout.write(json.dumps(_finite(document), indent=1, allow_nan=False) + "\n")


def _finite(part: Any) -> Any:
    if isinstance(part, Mapping):
        return {name: _finite(one) for name, one in part.items()}
    if isinstance(part, list | tuple):
        return [_finite(one) for one in part]
    return None if isinstance(part, float) and not math.isfinite(part) else part


def harmless(text: str) -> str:
    """The text without characters that a terminal obeys instead of showing them."""
    return _CONTROL.sub("\N{REPLACEMENT CHARACTER}", text)


def file_fields(path: Path, artifact: Artifact) -> dict[str, Any]:
    """A published file for programs: kind, path, size in bytes, sha256."""
    return {
        "kind": artifact.kind,
        "path": str(path),
        "size": artifact.size,
        "sha256": artifact.sha256,
    }


def print_table(columns: Sequence[Column], rows: Sequence[Sequence[str | Text]]) -> None:
    """A table, its columns two spaces apart."""
    console = open_console()
    if console.is_terminal:
        _print_rich_table(console, columns, rows)
        return
    titles = [column.title for column in columns]
    plain = [titles, *([str(cell) for cell in row] for row in rows)]
    for row in plain:
        cells = zip(row, _widths(plain), columns, strict=True)
        line = _GAP.join(f"{cell:{'>' if one.right else '<'}{width}}" for cell, width, one in cells)
        sys.stdout.write(line.rstrip() + "\n")


def _print_rich_table(
    console: Console, columns: Sequence[Column], rows: Sequence[Sequence[str | Text]]
) -> None:
    from rich.table import Table

    titles = [column.title for column in columns]
    widths = _widths([titles, *([str(cell) for cell in row] for row in rows)])
    kept = list(range(len(columns)))
    for place in reversed([place for place in kept if columns[place].spare]):
        if sum(widths[one] + len(_GAP) for one in kept) - len(_GAP) > console.width:
            kept.remove(place)
    table = Table(box=None, pad_edge=False, padding=(0, len(_GAP), 0, 0), header_style="bold")
    for place in kept:
        justify: Any = "right" if columns[place].right else "left"
        table.add_column(titles[place], justify=justify, overflow="fold")
    for row in rows:
        table.add_row(*(row[place] for place in kept))
    console.print(table)


def _widths(rows: Sequence[Sequence[str]]) -> list[int]:
    return [max(map(len, cells)) for cells in zip(*rows, strict=True)]


def print_fields(title: str, sentence: str, fields: Sequence[tuple[str, str]]) -> None:
    """A title, and a block of one or more lines for each field."""
    from rich.table import Table
    from rich.text import Text

    console = open_console()
    console.print(Text.assemble((title, "bold green"), f"  {sentence}"))
    if not console.is_terminal:
        width = max(len(name) for name, _ in fields) + 2
        for name, value in fields:
            sys.stdout.write(name.ljust(width) + value.replace("\n", "\n" + " " * width) + "\n")
        return
    table = Table.grid(padding=(0, 2))
    for name, value in fields:
        table.add_row(Text(name, style="bold"), Text(value))
    console.print(table)


def picture(levels: NDArray[np.uint8], console: Console) -> Text:
    """Grey levels (height, width), two rows of them in each line of characters."""
    import numpy as np
    from rich.text import Text

    height, width = levels.shape
    rows = np.vstack([levels, np.zeros((height % 2, width), np.uint8)])
    lines = [
        _colour_line(upper, lower) if has_colours(console) else _plain_line(upper, lower, console)
        for upper, lower in zip(rows[::2], rows[1::2], strict=True)
    ]
    return Text("\n").join(lines)


def _colour_line(upper: Iterable[int], lower: Iterable[int]) -> Text:
    from rich.text import Text

    pixels = zip(upper, lower, strict=True)
    return Text.assemble(*(("▀", f"rgb({u},{u},{u}) on rgb({v},{v},{v})") for u, v in pixels))


def _plain_line(upper: Iterable[int], lower: Iterable[int], console: Console) -> Text:
    from rich.text import Text

    marks = _PLAIN_HALVES if console.options.ascii_only else _HALVES
    pixels = zip(upper, lower, strict=True)
    return Text("".join(marks[2 * (u >= _INK) + (v >= _INK)] for u, v in pixels))


def bars(shares: Sequence[tuple[str, float]], width: int, console: Console) -> Text:
    """A line for each label: its name, a bar of its share of 1, and the share in per cent."""
    from rich.text import Text

    longest = max(len(label) for label, _ in shares)
    lines = [
        Text.assemble(
            (label.rjust(longest), "bold" if place == 0 else ""),
            "  ",
            (_bar(share, width, console).ljust(width), "green" if place == 0 else "dim"),
            f" {percent(share)}",
        )
        for place, (label, share) in enumerate(shares)
    ]
    return Text("\n").join(lines)


def _bar(share: float, width: int, console: Console) -> str:
    if console.options.ascii_only:
        return "#" * round(share * width)
    whole, eighths = divmod(round(share * width * 8), 8)
    return ("█" * whole + _EIGHTHS[eighths]).rstrip()


def beside(blocks: Sequence[Text], gap: int = 3) -> Text:
    """Blocks of lines side by side, their first lines level."""
    from rich.text import Text

    split = [list(block.split("\n", allow_blank=True)) for block in blocks]
    widths = [max(line.cell_len for line in lines) for lines in split]
    joined = []
    for row in zip_longest(*split):
        line = Text()
        for cell, width in zip(row, widths, strict=True):
            cell = cell or Text()
            line.append(cell).append(" " * (width - cell.cell_len + gap))
        line.rstrip()
        joined.append(line)
    return Text("\n").join(joined)


def percent(share: float) -> str:
    """A share of 1, such as ` 99.57 %`, always eight characters wide or more."""
    return f"{100 * share:6.2f} %"
