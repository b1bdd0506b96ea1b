"""The sizes that a user, or a stranger's record, gives a network."""

from __future__ import annotations

from numbers import Integral

from zoo.errors import ConfigError, shown


def check_sizes(**sizes: object) -> None:
    """Raises ConfigError for the first that is no whole number from 1 on, by its name."""
    for name, size in sizes.items():
        if not isinstance(size, Integral) or isinstance(size, bool):
            raise ConfigError(f"{name} must be a whole number, not {shown(repr(size))}.")
        if size < 1:
            raise ConfigError(f"{name} must be at least 1, not {size}.")
