"""Finished runs that differ from the published one in their seed alone, measured like it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from zoo.errors import PublishError
from zoo.evaluation import measure
from zoo.publishing.candidate import Candidate, stored_arrays
from zoo.publishing.measurement import SPLIT
from zoo.publishing.run import FinishedRun, read_run
from zoo.runtimes import MxnetRunner
from zoo.spread import Spread

PATTERN = "seed-*"


def read_others(run: FinishedRun, folder: Path) -> list[FinishedRun]:
    """The runs in `folder` of other seeds, by seed. Raises PublishError for another difference."""
    by_seed = {run.facts["seed"]: run}
    for place in sorted(folder.glob(PATTERN)):
        other = read_run(place)
        seed = other.facts["seed"]
        for what, ours, theirs in _pairs(run.facts, other.facts):
            if ours != theirs:
                raise PublishError(f"{place}: {what} is not that of {run.folder}: move it away.")
        known = by_seed.setdefault(seed, other)
        if known.facts["sha256"] != other.facts["sha256"]:
            raise PublishError(f"{place} and {known.folder} are of seed {seed}, with other bytes.")
    if len(by_seed) == 1:
        raise PublishError(f"{folder} holds no run of another seed in a folder {PATTERN}.")
    return [by_seed[seed] for seed in sorted(by_seed) if seed != run.facts["seed"]]


def _pairs(one: Mapping[str, Any], other: Mapping[str, Any]) -> list[tuple[str, Any, Any]]:
    fields = [(name, one[name], other[name]) for name in ("name", "recipe", "config", "data")]
    told = (one["environment"], other["environment"])
    settings = [
        (f"environment.{n}", *(each.get(n) for each in told)) for n in ("device", "settings")
    ]
    return [*fields, *settings]


def measured_spread(candidate: Candidate, run: FinishedRun, others: list[FinishedRun]) -> Spread:
    """The first metric of each run, measured on MXNet from the weights as they would be stored."""
    test = getattr(candidate.dataset, SPLIT)
    values, name = {}, ""
    for one in (run, *others):
        scores = measure(MxnetRunner(candidate.weights, stored_arrays(one)), test)
        name = next(iter(scores))
        values[one.facts["seed"]] = scores[name].value
    return Spread(name, candidate.dataset.name, SPLIT, dict(sorted(values.items())))
