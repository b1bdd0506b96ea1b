"""A finished training run's folder, read and checked before anything is published from it.

`scripts/run_folder.py` writes it: the weights, then `run.json`, which says that they are finished,
and beside them the log, the curve and, for language models, the vocabulary.
"""

from __future__ import annotations

import hashlib
import json
import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zoo import params
from zoo.errors import PublishError, WeightsError, near
from zoo.models import ARCHITECTURES, complete

_FIELDS: Mapping[str, Any] = {
    "name": str,
    "recipe": dict,
    "seed": int,
    "command": str,
    "versions": dict,
    "environment": dict,
    "wall_seconds": (int, float),
    "epochs": int,
    "finished": str,
    "smoke": bool,
    "sha256": str,
    "config": dict,
    "data": dict,
}
_RECIPE_FIELDS: Mapping[str, Any] = {"dataset": str, "task": str, "target": (int, float)}
_FOLDERS = ("--out", "--teachers")
_STORED = ("float32", "float16")
_NAME = re.compile(r"([a-z][a-z0-9_]{0,63})\.([a-z0-9][a-z0-9_-]{0,63})")


@dataclass(frozen=True, eq=False)
class FinishedRun:
    """A run that went to its end.

    `facts` are run.json, `command` the training command as typed in a checkout, `arrays` the
    weights as they were trained, `vocabulary` that file's content, None for a run without one.
    """

    folder: Path
    architecture: str
    tag: str
    facts: Mapping[str, Any]
    command: str
    arrays: Mapping[str, NDArray[Any]]
    log: bytes
    curve: bytes
    vocabulary: bytes | None

    @property
    def name(self) -> str:
        return f"{self.architecture}.{self.tag}"

    @property
    def recipe(self) -> Mapping[str, Any]:
        recipe: Mapping[str, Any] = self.facts["recipe"]
        return recipe

    @property
    def config(self) -> Mapping[str, Any]:
        """Every argument of the architecture, those left to their defaults too, as in JSON."""
        config: Mapping[str, Any] = complete(self.architecture, **self.facts["config"])
        return dict(json.loads(json.dumps(config)))

    @property
    def stored_dtype(self) -> str:
        """The dtype of the published bytes."""
        return str(self.recipe.get("stored_dtype", _STORED[0]))


def read_run(folder: Path) -> FinishedRun:
    """The run in `folder`. Raises PublishError for one unfinished, damaged, or a smoke run."""
    facts = _facts(folder)
    architecture, tag = _name(folder, facts["name"])
    log = _file(folder, "log.jsonl")
    if len(log.splitlines()) != facts["epochs"]:
        raise PublishError(
            f"{folder}: log.jsonl has {len(log.splitlines())} lines for {facts['epochs']} epochs: "
            "it is not of the same run as run.json. Train again."
        )
    vocabulary = folder / "vocabulary.txt"
    return FinishedRun(
        folder,
        architecture,
        tag,
        facts,
        _command(folder, facts),
        _arrays(folder, facts["sha256"]),
        log,
        _file(folder, "curve.png"),
        vocabulary.read_bytes() if vocabulary.is_file() else None,
    )


def _facts(folder: Path) -> Mapping[str, Any]:
    path = folder / "run.json"
    if not folder.is_dir():
        raise PublishError(f"There is no run folder {folder}: give one that a training wrote.")
    if not path.is_file():
        raise PublishError(
            f"{folder} holds no finished run (no run.json): let the training go on to its end."
        )
    try:
        facts = json.loads(path.read_bytes())
    except (ValueError, RecursionError) as error:
        raise PublishError(f"{path} is damaged ({str(error)[:80]}): train again.") from None
    _require(facts, _FIELDS, str(path))
    _require(facts["recipe"], _RECIPE_FIELDS, f"{path}: recipe")
    if facts["recipe"].get("stored_dtype", _STORED[0]) not in _STORED:
        raise PublishError(f"{path}: recipe: stored_dtype is not one of {', '.join(_STORED)}.")
    return dict(facts)


def _require(facts: Any, fields: Mapping[str, Any], where: str) -> None:
    if not isinstance(facts, dict):
        raise PublishError(f"{where} is not a table of facts: train again.")
    for field, kind in fields.items():
        value = facts.get(field)
        if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
            raise PublishError(
                f"{where}: {field} is missing or of the wrong kind: train again with the scripts "
                "of this version."
            )


def _name(folder: Path, name: str) -> tuple[str, str]:
    match = _NAME.fullmatch(name)
    if match is None:
        raise PublishError(f"{folder}: {name[:100]!r} is not a name such as lenet.mnist.")
    if match[1] not in ARCHITECTURES:
        raise PublishError(f"{folder}: no architecture {match[1]!r}. {near(name, ARCHITECTURES)}")
    return match[1], match[2]


def _command(folder: Path, facts: Mapping[str, Any]) -> str:
    """The training command without the places of script and folders, which change nothing."""
    if facts["smoke"]:
        raise PublishError(f"{folder} is a smoke run, too short to publish: train without --smoke.")
    try:
        python, script, *rest = shlex.split(facts["command"])
    except ValueError:
        raise PublishError(f"{folder}: run.json: the command is damaged: train again.") from None
    return shlex.join([python, f"scripts/{PurePath(script).name}", *_without_folders(rest)])


def _without_folders(words: Sequence[str]) -> list[str]:
    pairs = zip(["", *words], words, strict=False)
    return [
        word
        for before, word in pairs
        if not _names_folder(word) and not (_names_folder(before) and "=" not in before)
    ]


def _names_folder(word: str) -> bool:
    """Whether the word is such an option, which may be abbreviated and hold its value."""
    stem = word.partition("=")[0]
    return len(stem) > 2 and any(option.startswith(stem) for option in _FOLDERS)


def _file(folder: Path, name: str) -> bytes:
    try:
        return (folder / name).read_bytes()
    except OSError as error:
        raise PublishError(
            f"{folder / name} cannot be read ({error.strerror}): run the training command again, "
            "which completes a finished run."
        ) from None


def _arrays(folder: Path, digest: str) -> Mapping[str, NDArray[np.float32]]:
    content = _file(folder, "final.safetensors")
    found = hashlib.sha256(content).hexdigest()
    if found != digest:
        raise PublishError(
            f"{folder}: final.safetensors has sha256 {found}, run.json says {digest[:64]}: "
            "they are not of the same run. Train again."
        )
    try:
        return params.read(content)
    except WeightsError as error:
        raise PublishError(f"{folder}: final.safetensors: {error}") from None
