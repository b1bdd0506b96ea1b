"""What a finished run is to the versions that are published of its name."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from zoo.cache import check_file
from zoo.errors import ChecksumError, PublishError
from zoo.manifest import Weights
from zoo.publishing.run import FinishedRun

_LATER = {"end": 1.0}  # a field that came later, and the value under which it does nothing


def published_as(
    run: FinishedRun, others: Sequence[FinishedRun], digest: str, known: Iterable[Weights]
) -> Weights | None:
    """The version that this very run is published as, None where it would be a new one.

    `digest` is that of its weights as they would be stored, `others` are its other seeds. Raises
    PublishError for what would change a version: other bytes, seed or seeds of the same recipe
    under the same settings.
    """
    for one in known:
        same_bytes = one.artifact("safetensors").sha256 == digest
        same_recipe = _is_recipe_of(one, run)
        same_settings = _has_settings_of(one, run)
        if not same_bytes and not (same_recipe and same_settings):
            continue
        same_run = same_recipe and one.provenance["seed"] == run.facts["seed"]
        if not same_bytes or not same_run:
            raise PublishError(
                f"{one.name} is already published from another run, and a published record never "
                "changes: a run of another recipe or under other settings, with other weights, "
                "becomes its next version."
            )
        _refuse_other_seeds(one, {run.facts["seed"], *(other.facts["seed"] for other in others)})
        return one
    return None


def _is_recipe_of(weights: Weights, run: FinishedRun) -> bool:
    """Whether the version has this recipe and configuration."""
    recipe: Mapping[str, Any] = weights.provenance["recipe"]
    return weights.config == run.config and as_told(run.recipe, recipe) == recipe


def _has_settings_of(weights: Weights, run: FinishedRun) -> bool:
    settings = weights.provenance["environment"].get("settings")
    return bool(as_told(run.facts["environment"].get("settings"), settings) == settings)


def as_told(now: Any, then: Any) -> Any:
    """`now` without what does nothing and was not told then: fields that came later."""
    if not (isinstance(now, Mapping) and isinstance(then, Mapping)):
        return now
    return {
        name: as_told(one, then.get(name))
        for name, one in now.items()
        if name in then or (one and one != _LATER.get(name))
    }


def _refuse_other_seeds(weights: Weights, seeds: set[int]) -> None:
    told = set(weights.seeds.values) if weights.seeds else set()
    if len(seeds) > 1 and seeds != told:
        raise PublishError(
            f"{weights.name} is already published with {len(told) or 'no'} seeds, and a published "
            "record never changes: leave them out."
        )


def check_whole(weights: Weights, hub: Path) -> None:
    """Raises PublishError where a file of a published record is missing or damaged in `hub`."""
    for artifact in weights.artifacts.values():
        try:
            check_file(hub / artifact.file, artifact, links=True)
        except (FileNotFoundError, ChecksumError):
            raise PublishError(
                f"{weights.name} is published, but {hub / artifact.file} is missing or damaged: "
                "restore it from version control or a mirror."
            ) from None
