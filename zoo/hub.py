"""The room that joins names, bytes and networks."""

from __future__ import annotations

import os
from collections.abc import Mapping
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from zoo import lookup, models, params, params_files
from zoo.addresses import is_address
from zoo.errors import ConfigError, UnknownModelError, near
from zoo.fetching import fetch_artifact, read_artifact
from zoo.lookup import get_weights, list_weights
from zoo.manifest import Weights
from zoo.models import ARCHITECTURES, gluoncv
from zoo.params_files import is_params

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
    published weights of an architecture are its default. That is their newest version, the first
    is `lenet.mnist@1`; `ADDRESS::lenet.mnist` are those of another hub. `pretrained=True` loads
    their verified bytes on `ctx` (default: CPU), `pretrained=PATH` a safetensors file of your own;
    without it the parameters are not yet initialised, as in Gluon. `config` are the network's
    arguments.

    `gluoncv/resnet50_v1b` is GluonCV's network of that name, an optional extra, and `config` its
    builder's arguments. zoo publishes no weights of those: `pretrained=PATH` is a `.params` file,
    GluonCV's own or another, or a safetensors file.

    Raises UnknownModelError, ConfigError where `config` contradicts the weights, WeightsError for
    a file that does not fit, DownloadError, ChecksumError, MissingDependencyError without MXNet,
    and for another hub what `zoo.hubs.read_hub` raises.
    """
    if gluoncv.is_gluoncv(name):
        return _from_gluoncv(name, pretrained, ctx, config)
    architecture, weights = _chosen(name, pretrained is True)
    if weights is None:
        net = models.build(architecture, **config)
    else:
        net = models.build_published(weights.name, architecture, **_agreed(weights, config))
    if weights is not None and pretrained is True:
        artifact = weights.artifact("safetensors")
        params.load(net, params.read(read_artifact(artifact)), ctx=ctx, dtype=artifact.dtype)
    elif not isinstance(pretrained, bool):
        arrays = params.read(Path(pretrained))
        params.load(net, arrays, ctx=ctx, widen=True)
    return net


def _from_gluoncv(
    name: str, pretrained: bool | str | os.PathLike[str], ctx: Any, config: Mapping[str, Any]
) -> Any:
    if pretrained is True:
        gluoncv.known(name)
        raise ConfigError(
            f"zoo publishes no weights of {name}: pass pretrained='FILE.params', GluonCV's own "
            "file, or leave it out for a network that is not initialised."
        )
    net = gluoncv.build(name, **config)
    if not isinstance(pretrained, bool):
        path = Path(pretrained)
        arrays = params_files.read_params(path) if is_params(path) else params.read(path)
        params_files.fitted(arrays, net, ctx)
    return net


def list_models(
    pattern: str = "*", *, task: str | None = None, pretrained: bool | None = None
) -> list[str]:
    """Names of architectures that match a shell pattern.

    `task` keeps those made for it or with weights for it; `pretrained` those with published
    weights (True) or without (False). A pattern that begins with `gluoncv/` lists GluonCV's
    names, which have neither; it needs no GluonCV.
    """
    if gluoncv.is_gluoncv(pattern):
        return [] if task or pretrained else gluoncv.matching(pattern)
    records = lookup.records().values()
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


def _chosen(name: str, pretrained: bool) -> tuple[str, Weights | None]:
    """The architecture, and the record that the name means, if it means one."""
    if is_address(name):
        weights = get_weights(name)
        return weights.architecture, weights
    architecture = name.partition(".")[0]
    if architecture not in ARCHITECTURES:
        known = [*ARCHITECTURES, *list_weights()]
        raise UnknownModelError(f"No model {name!r}. {near(name, known)}")
    return architecture, get_weights(name) if pretrained or architecture != name else None


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
