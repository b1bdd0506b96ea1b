"""The parts of a manifest record, and their JSON forms.

Sizes are in bytes, digests are sha256 in lower-case hex. `docs/manifest.md` explains every field.
"""

from __future__ import annotations

import base64
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import urlsplit

import numpy as np

from zoo import cards
from zoo.byte_order import little_endian
from zoo.errors import ManifestError
from zoo.figures import file_size, metric_value
from zoo.spread import Spread

LARGEST_FILE = 1 << 40
_PART = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9._+-]*[A-Za-z0-9_+-])?")
_DIGEST = re.compile(r"[0-9a-f]{64}")
_SCHEMES = ("https", "http", "file", "hf")


@dataclass(frozen=True)
class Artifact:
    """One published file: what its bytes must be, and where they may come from.

    `file` is a relative path with `/` between its parts; `size` and `sha256` are those of the
    content, never of a wrapping such as `.gz`. `hub` is the place of the hub whose manifest names
    it, empty for the package. Raises ManifestError for an unsafe or wrong field.
    """

    kind: str
    file: str
    sha256: str
    size: int
    dtype: str | None = None
    sources: tuple[str, ...] = ()
    hub: str = field(default="", compare=False)

    def __post_init__(self) -> None:
        parts = self.file.split("/")
        if len(self.file) > 200 or not all(_PART.fullmatch(part) for part in parts):
            raise ManifestError(
                f"file: {_short(self.file)} is not a plain relative path "
                "(letters, digits, '.', '_', '-', '+', at most 200 characters)."
            )
        if not _DIGEST.fullmatch(self.sha256):
            raise ManifestError(f"sha256: {_short(self.sha256)} is not 64 lower-case hex digits.")
        if type(self.size) is not int or not 0 <= self.size <= LARGEST_FILE:
            raise ManifestError(f"size: {_short(self.size)} is not a number of bytes.")
        for source in self.sources:
            _check_source(source)

    @property
    def basename(self) -> str:
        """The last part of `file`."""
        return self.file.rsplit("/", 1)[-1]

    @classmethod
    def from_json(cls, kind: str, record: Mapping[str, Any]) -> Artifact:
        return cls(kind, **{**record, "sources": tuple(record["sources"])})

    def to_json(self) -> dict[str, Any]:
        """The artifact as in the manifest, without its kind."""
        dtype = {} if self.dtype is None else {"dtype": self.dtype}
        head = {"file": self.file, "sha256": self.sha256, "size": self.size}
        return {**head, **dtype, "sources": list(self.sources)}


@dataclass(frozen=True)
class TensorSpec:
    """Name, shape and dtype of a network's input or output; a text in the shape is a free axis."""

    name: str
    shape: tuple[int | str, ...]
    dtype: str = "float32"

    @classmethod
    def from_json(cls, record: Mapping[str, Any]) -> TensorSpec:
        return cls(record["name"], tuple(record["shape"]), record["dtype"])

    def to_json(self) -> dict[str, Any]:
        return {"name": self.name, "shape": list(self.shape), "dtype": self.dtype}


@dataclass(frozen=True)
class Metric:
    """A number measured from the published bytes; `value` is the one of the `mxnet` runtime."""

    name: str
    dataset: str
    split: str
    n: int
    value: float
    standard_error: float | None
    tolerance: float
    runtimes: Mapping[str, float]

    def __post_init__(self) -> None:
        measured = self.runtimes.get("mxnet", self.value)
        if measured != self.value:
            raise ManifestError(
                f"metric {self.name}: value {self.value} is not runtimes.mxnet, {measured}."
            )

    def to_json(self) -> dict[str, Any]:
        return {**vars(self), "runtimes": dict(self.runtimes)}


@dataclass(frozen=True, eq=False)
class Golden:
    """A raw input, the output that the published bytes give for it, and the allowed difference."""

    input: np.ndarray[Any, Any]
    output: np.ndarray[Any, Any]
    tolerance: float

    @classmethod
    def from_json(cls, record: Mapping[str, Any]) -> Golden:
        tensors = {name: _decode(name, record[name]) for name in ("input", "output")}
        return cls(**tensors, tolerance=record["tolerance"])

    def to_json(self) -> dict[str, Any]:
        tensors = {"input": _encode(self.input), "output": _encode(self.output)}
        return {**tensors, "tolerance": self.tolerance}


@dataclass(frozen=True, eq=False)
class Weights:
    """One record of a manifest: published weights, their use, their worth and their proof.

    `seeds` says how its first metric scatters over seeds, where that was measured. `hub` is the
    place of the hub that it was read from, empty for the package; `superseded` says that a newer
    version is there.
    """

    architecture: str
    tag: str
    task: str
    description: str
    config: Mapping[str, Any]
    parameters: int
    multiply_adds: int
    paper: str
    licence: Mapping[str, str]
    artifacts: Mapping[str, Artifact]
    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]
    preprocessing: Mapping[str, Any]
    labels: tuple[str, ...] | None
    metrics: tuple[Metric, ...]
    golden: Golden
    provenance: Mapping[str, Any]
    version: int = 1
    seeds: Spread | None = None
    hub: str = ""
    superseded: bool = False

    @property
    def name(self) -> str:
        """`architecture.tag`, which means the newest version; a superseded one adds `@version`."""
        return self.pinned if self.superseded else f"{self.architecture}.{self.tag}"

    @property
    def pinned(self) -> str:
        """`architecture.tag@version`, which never means another record."""
        return f"{self.architecture}.{self.tag}@{self.version}"

    @property
    def stem(self) -> str:
        """How the names of its files begin."""
        return file_stem(f"{self.architecture}.{self.tag}", self.version)

    @property
    def fitted_to(self) -> str:
        """The splits that these weights learnt, in words."""
        return "train and validation" if self.provenance["recipe"].get("final_fit") else "train"

    @property
    def start(self) -> str:
        """The published weights that the training went on from; empty where they were random."""
        return str(self.provenance["recipe"].get("start") or "")

    @property
    def teachers(self) -> str:
        """Whose answers these weights learnt beside the labels, in words; empty without any."""
        told = self.provenance["recipe"].get("teachers")
        if not isinstance(told, Mapping) or not isinstance(told.get("config"), Mapping):
            return ""
        config = ", ".join(f"{key} = {one}" for key, one in told["config"].items())
        count = told.get("count")
        networks = "a network" if count == 1 else f"{count} networks"
        own = told.get("recipe")
        name = own.get("name") if isinstance(own, Mapping) else None
        family = f"another family, {str(name).split('.')[0]}" if name else "the same family"
        return f"{networks} of {family}" + (f" ({config})" if config else "")

    def artifact(self, kind: str) -> Artifact:
        """The published file of that kind. Raises ManifestError listing the kinds there are."""
        if kind not in self.artifacts:
            known = ", ".join(self.artifacts)
            raise ManifestError(f"{self.name} has no artifact {kind!r}. It has: {known}.")
        return self.artifacts[kind]

    def copy(self) -> Weights:
        """The same record; its dicts and lists are its own."""
        fields = ("config", "licence", "artifacts", "preprocessing", "provenance")
        parts: dict[str, Any] = {name: _copied(getattr(self, name)) for name in fields}
        metrics = tuple(replace(one, runtimes=dict(one.runtimes)) for one in self.metrics)
        seeds = self.seeds and replace(self.seeds, values=dict(self.seeds.values))
        return replace(self, metrics=metrics, seeds=seeds, **parts)

    def of_hub(self, place: str) -> Weights:
        """The same record, whose files are those of the hub at `place`."""
        artifacts = {kind: replace(one, hub=place) for kind, one in self.artifacts.items()}
        return replace(self, hub=place, artifacts=artifacts)

    def _repr_html_(self) -> str:
        """The record as a notebook shows it."""
        measured = {
            f"{one.name.replace('_', ' ')}, {one.dataset} {one.split}": metric_value(
                one.name, one.value, one.standard_error
            )
            for one in self.metrics
        }
        files = (f"{one.file} ({file_size(one.size)})" for one in self.artifacts.values())
        rows = {
            "task": self.task,
            **measured,
            **({"over seeds": str(self.seeds)} if self.seeds else {}),
            "parameters": f"{self.parameters:,}",
            "fitted to": self.fitted_to,
            **({"started from": self.start} if self.start else {}),
            **({"taught by": self.teachers} if self.teachers else {}),
            "files": ", ".join(files),
            "licence": self.licence["weights"],
            "paper": self.paper,
        }
        return cards.facts(self.name, self.description, rows)

    @classmethod
    def from_json(cls, record: Mapping[str, Any]) -> Weights:
        """The record of a document that fits the schema. Raises ManifestError naming the field."""
        labels = record["labels"]
        parts: dict[str, Any] = {
            "artifacts": {k: Artifact.from_json(k, one) for k, one in record["artifacts"].items()},
            "inputs": tuple(TensorSpec.from_json(one) for one in record["inputs"]),
            "outputs": tuple(TensorSpec.from_json(one) for one in record["outputs"]),
            "labels": None if labels is None else tuple(labels),
            "metrics": tuple(Metric(**one) for one in record["metrics"]),
            "golden": Golden.from_json(record["golden"]),
            "seeds": Spread.from_json(record["seeds"]) if "seeds" in record else None,
        }
        return cls(**{**record, **parts})

    def to_json(self) -> dict[str, Any]:
        """The record as in the manifest, its keys in their fixed order."""
        elsewhere = ("version", "seeds", "hub", "superseded")
        fields = {name: value for name, value in vars(self).items() if name not in elsewhere}
        version = {} if self.version == 1 else {"version": self.version}
        seeds = {} if self.seeds is None else {"seeds": self.seeds.to_json()}
        return {
            **fields,
            "config": dict(self.config),
            "licence": dict(self.licence),
            "artifacts": {kind: one.to_json() for kind, one in self.artifacts.items()},
            "inputs": [one.to_json() for one in self.inputs],
            "outputs": [one.to_json() for one in self.outputs],
            "preprocessing": dict(self.preprocessing),
            "labels": None if self.labels is None else list(self.labels),
            "metrics": [one.to_json() for one in self.metrics],
            "golden": self.golden.to_json(),
            "provenance": dict(self.provenance),
            **version,
            **seeds,
        }


def file_stem(name: str, version: int) -> str:
    """`lenet.mnist`, for later versions `lenet.mnist.v2`: no tag holds a dot."""
    return name if version == 1 else f"{name}.v{version}"


def _copied(part: Any) -> Any:
    """Plain JSON, in dicts and lists of its own."""
    if isinstance(part, dict):
        return {key: _copied(one) for key, one in part.items()}
    return [_copied(one) for one in part] if isinstance(part, list) else part


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 120 else f"{text[:100]}... ({len(text)} characters)"


def _check_source(source: str) -> None:
    shown = _short(source.split("://")[0])
    if re.search(r"[\x00-\x20\x7f]", source):
        raise ManifestError("sources: an address holds a space or a control character.")
    try:
        parts = urlsplit(source)
        credentials = parts.username is not None or parts.password is not None
    except ValueError as error:
        raise ManifestError(f"sources: an address cannot be read: {error}.") from None
    if parts.scheme not in _SCHEMES:
        raise ManifestError(f"sources: scheme {shown} is not one of {', '.join(_SCHEMES)}.")
    if credentials:
        raise ManifestError("sources: an address holds a user name or a password: remove it.")


def _decode(name: str, record: Mapping[str, Any]) -> np.ndarray[Any, Any]:
    dtype = np.dtype(record["dtype"]).newbyteorder("<")
    shape = tuple(record["shape"])
    try:
        content = base64.b64decode(record["data"], validate=True)
    except ValueError as error:
        raise ManifestError(f"golden.{name}.data: not base64: {error}.") from None
    expected = math.prod(shape) * dtype.itemsize
    if len(content) != expected:
        raise ManifestError(
            f"golden.{name}.data: {len(content)} bytes, but {dtype.name} {shape} needs {expected}."
        )
    try:
        array = np.frombuffer(content, dtype).reshape(shape).astype(dtype.newbyteorder("="))
    except ValueError as error:
        raise ManifestError(f"golden.{name}.shape: {shape}: {error}.") from None
    if not np.isfinite(array).all():
        raise ManifestError(f"golden.{name}.data: holds a number that is not finite.")
    array.flags.writeable = False
    return array


def _encode(array: np.ndarray[Any, Any]) -> dict[str, Any]:
    content = little_endian(array)
    data = base64.b64encode(content).decode()
    return {"dtype": array.dtype.name, "shape": list(array.shape), "data": data}
