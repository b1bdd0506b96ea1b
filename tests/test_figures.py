"""Sizes, times and metrics for people."""

from __future__ import annotations

import pytest

from zoo.figures import duration, file_size, metric_value


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (0, "0 bytes"),
        (999, "999 bytes"),
        (1000, "1.0 kB"),
        (999_949, "999.9 kB"),
        (999_960, "1.0 MB"),
        (999_960_000, "1.0 GB"),
        (1724992, "1.7 MB"),
        (14_700_000_000, "14.7 GB"),
    ],
)
def test_file_sizes(size: int, text: str) -> None:
    assert file_size(size) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.4, "0 seconds"),
        (12.4, "12 seconds"),
        (59.4, "59 seconds"),
        (59.7, "1.0 minutes"),
        (123.4, "2.1 minutes"),
    ],
)
def test_durations(seconds: float, text: str) -> None:
    assert duration(seconds) == text


@pytest.mark.parametrize(
    ("name", "value", "error", "text"),
    [
        ("accuracy", 0.99514, None, "99.51 %"),
        ("accuracy", 1.0, None, "100.00 %"),
        ("accuracy", 0.99514, 0.00069, "99.51 % ± 0.07"),
        ("perplexity", 102.4949, 1.104, "102.49 ± 1.10"),
        ("nats_per_character", 1.48123, None, "1.4812"),
        ("r2", 0.6, None, "0.6000"),
    ],
)
def test_metric_values(name: str, value: float, error: float | None, text: str) -> None:
    assert metric_value(name, value, error) == text
