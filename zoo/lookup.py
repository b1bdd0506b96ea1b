"""Names -> records, in any hub: `lenet.mnist` in the default one, `ADDRESS::lenet.mnist` elsewhere.

The default hub is the one that ZOO_HUB names, else the package.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from zoo import manifest
from zoo.addresses import SEPARATOR, HubAddress, parse_address, split_address
from zoo.errors import UnknownModelError
from zoo.hubs import read_hub
from zoo.manifest import FILE_NAME, Weights
from zoo.versions import newest

__all__ = ["default_hub", "get_weights", "list_weights", "records", "search"]

HUB_VARIABLE = "ZOO_HUB"


def get_weights(name: str, *, key: Path | None = None) -> Weights:
    """The record of `architecture.tag`; an architecture alone means its first tag.

    It is the newest version, `architecture.tag@1` is the first.
    `ADDRESS::NAME` is one of another hub, and ADDRESS alone its only one. `key` is as in
    `read_hub`. Raises UnknownModelError, which suggests near names, ConfigError for what is no
    address, and what `read_hub` raises.
    """
    address, wanted = split_address(name)
    if address is None:
        try:
            return manifest.get_weights(wanted, records(key=key))
        except UnknownModelError as error:
            raise UnknownModelError(f"{error}{_folder_hint(name)}") from None
    found = read_hub(address, key=key).records
    if wanted:
        try:
            return manifest.get_weights(wanted, found)
        except UnknownModelError as error:
            raise UnknownModelError(f"{address.place}: {error}") from None
    found = newest(found)
    if len(found) == 1:
        return next(iter(found.values()))
    first = f", such as {name}{SEPARATOR}{next(iter(found))}" if found else ""
    raise UnknownModelError(f"{address.place} holds {len(found)} records: name one{first}.")


def list_weights(pattern: str = "*", *, task: str | None = None) -> list[str]:
    """Names of published weights that match a shell pattern, in order of publication.

    Superseded versions are listed by patterns with `@`, such as `lenet.mnist@*`.
    `ADDRESS::PATTERN`, or ADDRESS for all, gives names of that hub that `get_weights` takes.
    """
    address, _ = split_address(pattern)
    before = "" if address is None else f"{address}{SEPARATOR}"
    return [f"{before}{one.name}" for one in search(pattern, task=task)]


def search(
    pattern: str = "*", *, task: str | None = None, key: Path | None = None
) -> list[Weights]:
    """The records whose names `list_weights` gives."""
    address, wanted = split_address(pattern)
    if address is None:
        found = records(key=key)
    else:
        found, wanted = read_hub(address, key=key).records, wanted or "*"
    return [found[name] for name in manifest.list_weights(wanted, task=task, records=found)]


def records(*, key: Path | None = None) -> Mapping[str, Weights]:
    """All records of the default hub, superseded versions too, in order of publication."""
    address = default_hub()
    return manifest.read_manifest() if address is None else read_hub(address, key=key).records


def default_hub() -> HubAddress | None:
    """The hub that ZOO_HUB names; None for the package. Raises ConfigError."""
    text = os.environ.get(HUB_VARIABLE, "").strip()
    return parse_address(text) if text else None


def _folder_hint(name: str) -> str:
    try:
        is_hub = (Path(name) / FILE_NAME).is_file()
    except (OSError, ValueError):
        return ""
    return f" The hub in the folder of that name is ./{name}." if is_hub and name else ""
