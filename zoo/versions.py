"""Versions of a record: `lenet.mnist` is the newest, `lenet.mnist@1` stays the first for ever."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from zoo.errors import ManifestError
from zoo.records import Weights


def arranged(records: Iterable[Weights]) -> dict[str, Weights]:
    """The records by their names here: of each, the newest version, then the superseded ones.

    Records stay in the order in which the first version of each came. Raises ManifestError for a
    version that is there twice.
    """
    families: dict[str, list[Weights]] = {}
    for one in records:
        families.setdefault(f"{one.architecture}.{one.tag}", []).append(one)
    found: dict[str, Weights] = {}
    for family in families.values():
        family.sort(key=lambda one: -one.version)
        for before, one in zip((None, *family), family, strict=False):
            if before is not None and before.version == one.version:
                raise ManifestError(f"{one.pinned}: this version is there twice.")
            marked = replace(one, superseded=before is not None)
            found[marked.name] = marked
    return found


def newest(records: Mapping[str, Weights]) -> dict[str, Weights]:
    """The records without the superseded versions."""
    return {name: one for name, one in records.items() if not one.superseded}


def find(name: str, records: Mapping[str, Weights]) -> Weights | None:
    """The record of a name, of a name with `@version`, or the first of an architecture."""
    if name in records:
        return records[name]
    for one in records.values():
        if name == one.pinned or (name == one.architecture and not one.superseded):
            return one
    return None


def versions_of(name: str, records: Mapping[str, Weights]) -> list[Weights]:
    """All versions of `architecture.tag`, the newest first."""
    family = [one for one in records.values() if f"{one.architecture}.{one.tag}" == name]
    return sorted(family, key=lambda one: -one.version)
