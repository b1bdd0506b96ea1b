"""A record's preprocessing -> the sliders and choices of its demonstration."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from zoo.data.adult_features import ATTRIBUTES, first_features
from zoo.pipelines import DIGITS
from zoo.records import Weights

_SCALE = re.compile(r"(\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?)(?:\s+(.*))?", re.DOTALL)
_MOST_DIGITS = 20  # that every browser writes
_SPREADS = 3  # from the mean to a slider's end
_EDUCATION_YEARS = (4, 2, 0, 1, 4, 3, 3, 0, 0, 0, 4, 0, 0, 4, 0, 0)  # of each education
_TYPICAL = {  # values of the census form at the beginning
    "age": 2,
    "education": 3,
    "occupation": 8,
    "relationship": 3,
    "marital status": 2,
    "hours a week": 2,
}
_DERIVED = ("sampling weight", "years of education")  # not asked for


@dataclass(frozen=True)
class Slider:
    """A number between two ends; a slider of choices has `names`, and the `actives` of each."""

    name: str
    feature: int
    least: float
    most: float
    step: float
    value: float
    names: str | None = None
    actives: str | None = None


@dataclass(frozen=True)
class Choice:
    """One of several values; `actives` are the features, counted from 0, that each switches on."""

    name: str
    feature: int
    values: Sequence[str]
    value: int
    actives: str


def controls(weights: Weights) -> list[Slider | Choice]:
    """What the visitor sets; empty where nobody has said what the features mean."""
    preprocessing = weights.preprocessing
    if "names" in preprocessing and "mean" in preprocessing and "std" in preprocessing:
        return [_number(at, preprocessing) for at in range(len(preprocessing["names"]))]
    if weights.metrics[0].dataset == "adult":
        return _census()
    return []


def unit(weights: Weights) -> Mapping[str, Any] | None:
    """What an estimate counts: `100,000 dollars` is scale 100000, name `dollars`.

    Its `digits` behind the point are as fine as those that Python writes of the same estimate.
    """
    if weights.task != "tabular-regression":
        return None
    scale, name = _scale(weights.labels[0] if weights.labels else "")
    digits = DIGITS - math.floor(math.log10(scale) + 1e-9)
    return {"scale": scale, "name": name, "digits": min(max(digits, 0), _MOST_DIGITS)}


def _scale(label: str) -> tuple[float, str]:
    """The number that a unit begins with, 1 without one, and the rest."""
    found = _SCALE.fullmatch(label)
    scale = float(found[1].replace(",", "")) if found else 0.0
    return (scale, found[2] or "") if found and 0 < scale < math.inf else (1.0, label)


def _number(at: int, preprocessing: Mapping[str, Any]) -> Slider:
    mean, spread = preprocessing["mean"][at], _SPREADS * preprocessing["std"][at]
    power = 10 ** math.floor(math.log10(2 * spread / 50))
    step = next(one * power for one in (1, 2, 5, 10) if one * power >= 2 * spread / 200)
    least = math.floor((mean - spread) / step) * step
    if mean > 0:
        least = max(least, 0)
    most = math.ceil((mean + spread) / step) * step
    value = round(mean / step) * step
    name = preprocessing["names"][at].replace("_", " ")
    return Slider(name, at, _rounded(least), _rounded(most), _rounded(step), _rounded(value))


def _rounded(number: float) -> float:
    return float(f"{number:.10g}")


def _census() -> list[Slider | Choice]:
    firsts = first_features()
    found: list[Slider | Choice] = []
    for attribute in ATTRIBUTES:
        if attribute.name in _DERIVED:
            continue
        first, count = firsts[attribute.name], len(attribute.values)
        actives = [[first + at] for at in range(count)]
        if attribute.name == "education":
            years = firsts["years of education"]
            actives = [[*one, years + _EDUCATION_YEARS[at]] for at, one in enumerate(actives)]
        if attribute.name == "age":
            middle = firsts["sampling weight"] + 2
            actives = [[*one, middle] for one in actives]
        value, listed = _TYPICAL.get(attribute.name, 0), json.dumps(actives)
        if attribute.ordered and count > 2:
            names = json.dumps(attribute.values)
            found.append(Slider(attribute.name, first, 0, count - 1, 1, value, names, listed))
        else:
            found.append(Choice(attribute.name, first, attribute.values, value, listed))
    return found
