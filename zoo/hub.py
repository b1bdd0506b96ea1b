"""The room that joins names, bytes and networks."""

from __future__ import annotations

import os
from collections.abc import Mapping
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from zoo import manifest, models, params
from zoo.errors import ConfigError, UnknownModelError, near
from zoo.fetching import fetch_artifact, read_artifact
from zoo.manifest import Weights, get_weights, list_weights
from zoo.models import ARCHITECTURES

__all__ = ["fetch", "get_model", "get_weights", "list_models", "list_weights"]


def get_model(
    name: str,
    *,
    pretrained: bool | str | os.PathLike[str] = False,
    ctx: Any = None,
    **config: Any,
) -> Any:
    """A plain, hybridizable Gluon network.

    `name` is an architecture, `lenet`, or one of its published weights, `lenet.mnist`; the first
    published weights of an architecture are its default. `pretrained=True` loads their verified
    bytes on `ctx` (default: CPU), `pretrained=PATH` a safetensors file of your own; without it
    the parameters are not yet initialised, as in Gluon. `config` are the network's arguments.

    Raises UnknownModelError, ConfigError where `config` contradicts the weights, WeightsError for
    a file that does not fit, DownloadError, ChecksumError, MissingDependencyError without MXNet.
    """
    architecture = name.partition(".")[0]
    if architecture not in ARCHITECTURES:
        known = [*ARCHITECTURES, *list_weights()]
        raise UnknownModelError(f"No model {name!r}. {near(name, known)}")
    if pretrained is True:
        weights = get_weights(name)
        net = models.build(architecture, **_agreed(weights, config))
        artifact = weights.artifact("safetensors")
        params.load(net, params.read(read_artifact(artifact)), ctx=ctx, dtype=artifact.dtype)
        return net
    tagged = architecture != name
    net = models.build(architecture, **(_agreed(get_weights(name), config) if tagged else config))
    if pretrained:
        arrays = params.read(Path(pretrained))
        params.load(net, arrays, ctx=ctx, dtype=params.float_dtype(arrays))
    return net


def list_models(
    pattern: str = "*", *, task: str | None = None, pretrained: bool | None = None
) -> list[str]:
    """Names of architectures that match a shell pattern.

    `task` keeps those made for it or with weights for it; `pretrained` those with published
    weights (True) or without (False).
    """
    records = manifest.read_manifest().values()
    tasks = {name: {one.task} for name, one in ARCHITECTURES.items()}
    published = {one.architecture for one in records}
    for one in records:
        tasks.setdefault(one.architecture, set()).add(one.task)
    return [
        name
        for name in ARCHITECTURES
        if fnmatchcase(name, pattern)
        and (task is None or task in tasks[name])
        and (pretrained is None or pretrained == (name in published))
    ]


def fetch(name: str, kind: str = "safetensors") -> Path:
    """A local file with the verified bytes of published weights.

    `kind` is `safetensors`, `onnx-graph` (the graph without weights) or, for language models,
    `vocabulary`. Raises UnknownModelError, ManifestError for a kind that the record does not
    have, DownloadError, ChecksumError.
    """
    return fetch_artifact(get_weights(name).artifact(kind))


def _agreed(weights: Weights, config: Mapping[str, Any]) -> dict[str, Any]:
    """The published configuration; whatever the caller says of it must be the same."""
    for argument, value in config.items():
        published = weights.config.get(argument, value)
        if _plain(published) != _plain(value):
            raise ConfigError(
                f"{weights.name} was published with {argument}={published!r}, not {value!r}: "
                f"leave {argument} out, or pass pretrained=False with the architecture "
                f"{weights.architecture!r}."
            )
    return {**config, **weights.config}


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, list | tuple) else value
