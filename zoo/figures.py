"""Sizes, times and metrics as people read them, the same in the tables and on the command line."""

from __future__ import annotations

_DIGITS = {"accuracy": 2, "perplexity": 2}


def file_size(count: int) -> str:
    """Bytes for people: `1.7 MB`."""
    size = float(count)
    for unit, digits in (("bytes", 0), ("kB", 1), ("MB", 1)):
        if round(size, digits) < 1000:
            return f"{size:.{digits}f} {unit}"
        size /= 1000
    return f"{size:.1f} GB"


def duration(seconds: float) -> str:
    """How long something took, for people: `42 seconds`, `11.5 minutes`."""
    return f"{seconds / 60:.1f} minutes" if round(seconds) >= 60 else f"{seconds:.0f} seconds"


def metric_value(name: str, value: float, standard_error: float | None = None) -> str:
    """A metric with its usual number of digits: `99.57 %`, `99.57 % ± 0.07`, `102.49`, `1.4812`."""
    scale, unit = (100, " %") if name == "accuracy" else (1, "")
    digits = _DIGITS.get(name, 4)
    text = f"{value * scale:.{digits}f}{unit}"
    return text if standard_error is None else f"{text} ± {standard_error * scale:.{digits}f}"
