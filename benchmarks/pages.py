"""Figures put between the marks of a page."""

from __future__ import annotations

import datetime
import platform
from collections.abc import Sequence
from pathlib import Path

from zoo.atomic import write_atomically
from zoo.tables import put_between


def write_between(path: Path, begin: str, end: str, parts: Sequence[str]) -> None:
    """Replace what stands between two marks. Raises ValueError for a page without such a pair."""
    page = put_between(path.read_text("utf-8"), begin, end, "\n\n".join(parts))
    if page is None:
        raise ValueError(f"{path} has not one line {begin} and one {end}.")
    write_atomically(path, page.encode())


def measured() -> str:
    """The day and the processor, for what is said beside figures."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.is_file() else []
    names = (line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    return f"{datetime.date.today().isoformat()}, {next(names, platform.machine())}"


def table(lines: Sequence[Sequence[str]]) -> str:
    """Rows of cells, of which the first is the head, in Markdown."""
    head, *rows = lines
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (head, ["---"] * len(head), *rows))
