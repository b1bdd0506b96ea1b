"""Recipes as published records hold them: plain JSON, of this version or of an older one."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, TypeVar

from recipes import (
    ClassifierRecipe,
    Distortion,
    LanguageModelRecipe,
    Recipe,
    RegressionRecipe,
    Teachers,
)

from zoo.errors import ManifestError
from zoo.manifest import Weights

KINDS: Mapping[str, type[Recipe]] = {
    "image-classification": ClassifierRecipe,
    "tabular-classification": ClassifierRecipe,
    "tabular-regression": RegressionRecipe,
    "language-modeling": LanguageModelRecipe,
}
SCRIPTS: Mapping[type[Recipe], str] = {
    ClassifierRecipe: "train_classifier.py",
    RegressionRecipe: "train_regression.py",
    LanguageModelRecipe: "train_language_model.py",
}

_PARTS: Mapping[str, type[Any]] = {
    "distortion": Distortion,
    "teachers": Teachers,
    "recipe": ClassifierRecipe,  # the teachers' own
}

Some = TypeVar("Some")
SomeRecipe = TypeVar("SomeRecipe", bound=Recipe)


def kind(record: Weights) -> type[Recipe]:
    """The kind of recipe that a record of this task was trained by."""
    return KINDS[record.task]


def recipe(record: Weights, wanted: type[SomeRecipe]) -> SomeRecipe:
    """The record's own recipe, not today's; fields that came later have their defaults.

    Raises ManifestError where it is of another kind, or holds what this version does not know.
    """
    if kind(record) is not wanted:
        raise ManifestError(f"{record.name} is trained by scripts/{SCRIPTS[kind(record)]}.")
    return _read(wanted, record.provenance["recipe"], record.name)


def _read(cls: type[Some], facts: Mapping[str, Any], name: str) -> Some:
    fields = dataclasses.fields(cls)  # type: ignore[arg-type]
    unknown = sorted(set(facts) - {one.name for one in fields})
    needed = {one.name for one in fields if _has_no_default(one)}
    if unknown or not needed <= set(facts):
        named = ", ".join(unknown or sorted(needed - set(facts)))
        raise ManifestError(
            f"{name}: its recipe {'has' if unknown else 'lacks'} {named}, "
            "which this version cannot train: take the version that published it."
        )
    parts = {key: _read(_PARTS[key], facts[key], name) for key in _PARTS if facts.get(key)}
    return cls(**{**facts, **parts})


def _has_no_default(field: dataclasses.Field[Any]) -> bool:
    return field.default is field.default_factory is dataclasses.MISSING
