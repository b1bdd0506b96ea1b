"""Which scripts a page needs, so that a slow network is asked for all of them at once."""

from __future__ import annotations

import re
from pathlib import Path

_ASSETS = Path(__file__).parent / "assets"
_IMPORT = re.compile(r'from "\./([a-z]+)\.js"')


def needed(*names: str) -> list[str]:
    """These modules and all that they import, each once."""
    found: list[str] = []
    waiting = list(names)
    while waiting:
        name = waiting.pop(0)
        if name not in found:
            found.append(name)
            waiting += _IMPORT.findall((_ASSETS / f"{name}.js").read_text("utf-8"))
    return found
