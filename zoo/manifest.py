"""The manifest: what is published, checked before anything trusts it.

A manifest is a JSON file `weights_manifest.json`; `weights_manifest.schema.json` describes it and
`docs/manifest.md` explains it. The package holds its own; a hub elsewhere is another such file.
"""

from __future__ import annotations

import functools
import itertools
import json
import re
from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from zoo.atomic import write_atomically
from zoo.consistency import contradictions
from zoo.errors import ManifestError, UnknownModelError, near, shown
from zoo.records import Artifact, Golden, Metric, TensorSpec, Weights
from zoo.strict_json import parse
from zoo.versions import arranged, find, newest

__all__ = [
    "FILE_NAME",
    "Artifact",
    "Golden",
    "Metric",
    "TensorSpec",
    "Weights",
    "embedded_folder",
    "get_weights",
    "list_weights",
    "manifest_bytes",
    "parse_manifest",
    "read_manifest",
    "write_manifest",
]

FILE_NAME = "weights_manifest.json"
SCHEMA = 1
LARGEST_MANIFEST = 4 << 20
MOST_VALUES = 20_000
_MOST_ERRORS = 50
_CONTROL = re.compile(  # but for line feed and tab; with surrogates and reversals of direction
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\u202a-\u202e\u2066-\u2069]"
)


def embedded_folder() -> Path:
    """The folder inside the package that holds the manifest and the files shipped with it."""
    return Path(__file__).parent / "weights"


def read_manifest(path: Path | None = None) -> dict[str, Weights]:
    """All records in order of publication; without `path` those of the package.

    Each call gives records of its own. Raises ManifestError naming the record and the field.
    """
    if path is not None:
        return _read(path)
    return {name: one.copy() for name, one in _packaged().items()}


def parse_manifest(content: bytes, place: Path | str) -> dict[str, Weights]:
    """All records of a manifest's bytes, in order of publication; `place` is named in errors.

    Raises ManifestError naming the record and the field.
    """
    try:
        document = parse(content, most_bytes=LARGEST_MANIFEST, most_parts=MOST_VALUES)
    except ValueError as error:
        reason = str(error)[:200]
        raise ManifestError(f"{place}: not a manifest in strict JSON: {reason}.") from None
    found = document.get("schema") if isinstance(document, dict) else None
    if type(found) is int and found > SCHEMA:
        raise ManifestError(
            f"{place}: written for manifest schema {found}, this zoo reads {SCHEMA}: "
            "upgrade gluon-zoo."
        )
    _validate(document, place)
    records = {name: _record(name, one, place) for name, one in document["weights"].items()}
    _refuse_shared_names(records.values(), place)
    return _with_versions(records, place)


def get_weights(name: str, records: Mapping[str, Weights] | None = None) -> Weights:
    """The record of `architecture.tag`; an architecture alone means its first tag.

    It is the newest version, or that of `architecture.tag@version`. Without `records` it is one of
    the package; `zoo.lookup` looks in every hub. Raises UnknownModelError, which suggests near
    names.
    """
    records = read_manifest() if records is None else records
    weights = find(name, records)
    if weights is not None:
        return weights
    raise UnknownModelError(f"No published weights {name!r}. {near(name, records)}")


def list_weights(
    pattern: str = "*", *, task: str | None = None, records: Mapping[str, Weights] | None = None
) -> list[str]:
    """Names of published weights that match a shell pattern, in order of publication.

    Superseded versions are listed by patterns with `@`, such as `lenet.mnist@*`. Without `records`
    those of the package; `zoo.lookup` lists every hub.
    """
    records = read_manifest() if records is None else records
    exact = "@" in pattern
    return [
        name
        for name, weights in (records if exact else newest(records)).items()
        if fnmatchcase(weights.pinned if exact else name, pattern) and task in (None, weights.task)
    ]


def write_manifest(path: Path, records: Mapping[str, Weights]) -> None:
    """Write `records` to `path`, whole or not at all; the same records always give the same bytes.

    Raises ManifestError, before anything is written, for records that could not be read again.
    """
    write_atomically(path, manifest_bytes(records, path))
    _packaged.cache_clear()


def manifest_bytes(records: Mapping[str, Weights], path: Path) -> bytes:
    """What `write_manifest` writes to `path`. Raises ManifestError."""
    document = {"schema": SCHEMA, "weights": {name: one.to_json() for name, one in records.items()}}
    try:
        text = json.dumps(document, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
        content = text.encode()
    except (TypeError, ValueError) as error:
        raise ManifestError(f"{path}: not written, a record is not plain JSON: {error}.") from None
    parse_manifest(content, path)
    return content


@functools.cache
def _packaged() -> dict[str, Weights]:
    path = embedded_folder() / FILE_NAME
    if not path.is_file():
        raise ManifestError(
            f"This installation has no manifest of published weights ({path} is missing): "
            "reinstall gluon-zoo, or publish a run first."
        )
    return _read(path)


def _read(path: Path) -> dict[str, Weights]:
    if path.exists() and not path.is_file():
        raise ManifestError(f"{path}: the manifest is not a regular file.")
    try:
        with path.open("rb") as file:
            content = file.read(LARGEST_MANIFEST + 1)
    except OSError as error:
        raise ManifestError(f"{path}: the manifest cannot be read: {error.strerror}.") from None
    return parse_manifest(content, path)


@functools.cache
def _validator() -> Any:
    from jsonschema import Draft202012Validator, validators

    # JSON Schema takes 2.0 for an integer, Python's shapes and ranges do not
    whole = Draft202012Validator.TYPE_CHECKER.redefine("integer", lambda _, one: type(one) is int)
    strict = validators.extend(Draft202012Validator, type_checker=whole)  # type: ignore[no-untyped-call]
    schema = json.loads(Path(__file__).with_name("weights_manifest.schema.json").read_text("utf-8"))
    return strict(_inlined(schema, schema.pop("$defs")))


def is_preprocessing(found: Any) -> bool:
    """Whether it is what a record may have for its `preprocessing`."""
    record = _validator().schema["properties"]["weights"]["additionalProperties"]
    part = record["properties"]["preprocessing"]
    return bool(_validator().evolve(schema=part).is_valid(found))


def _inlined(part: Any, definitions: Mapping[str, Any]) -> Any:
    """The schema without references, with which validation takes a tenth of the time."""
    if isinstance(part, list):
        return [_inlined(one, definitions) for one in part]
    if not isinstance(part, dict):
        return part
    if "$ref" in part:
        return _inlined(definitions[part["$ref"].removeprefix("#/$defs/")], definitions)
    return {key: _inlined(one, definitions) for key, one in part.items()}


def _validate(document: Any, path: Path | str) -> None:
    from jsonschema.exceptions import best_match

    error = best_match(itertools.islice(_validator().iter_errors(document), _MOST_ERRORS))
    if error is None:
        return
    fields = [shown(str(field)) for field in error.absolute_path]
    where = "the document" if not fields else ".".join(fields)
    if fields[:1] == ["weights"] and len(fields) > 1:
        where = f"{fields[1]}: {'.'.join(fields[2:]) or 'the record'}"
    message = error.message if len(error.message) <= 300 else f"...{error.message[-300:]}"
    raise ManifestError(f"{path}: {where}: {shown(message, 303)}.")


def _record(name: str, record: Mapping[str, Any], path: Path | str) -> Weights:
    unseen = _unprintable(record)
    if unseen is not None:
        raise ManifestError(f"{path}: {shown(name)}: {shown(unseen)}: holds a control character.")
    try:
        weights = Weights.from_json(record)
    except ManifestError as error:
        raise ManifestError(f"{path}: {shown(name)}: {error}") from None
    if name not in (weights.name, weights.pinned):
        raise ManifestError(
            f"{path}: {shown(name)}: architecture, tag and version say {weights.pinned}: "
            "rename one of them."
        )
    for contradiction in contradictions(weights):
        raise ManifestError(f"{path}: {shown(name)}: {contradiction}.")
    return weights


def _with_versions(records: Mapping[str, Weights], path: Path | str) -> dict[str, Weights]:
    """The same records, each knowing whether it is superseded, in the order of the document."""
    try:
        known = arranged(records.values())
    except ManifestError as error:
        raise ManifestError(f"{path}: {error}") from None
    for name in records:
        if name not in known:
            right = known[name.partition("@")[0]]
            raise ManifestError(
                f"{path}: {shown(name)}: the newest version, {right.version}, has the name "
                f"{right.name}, older ones are NAME@VERSION: rename them."
            )
    return {name: known[name] for name in records}


def _unprintable(part: Any, field: str = "") -> str | None:
    """The first field with a character that a terminal obeys instead of showing it."""
    if isinstance(part, str):
        return field if _CONTROL.search(part) else None
    pairs = (
        part.items() if isinstance(part, dict) else enumerate(part if type(part) is list else ())
    )
    for key, one in pairs:
        here = f"{field}.{key}" if field else str(key)
        if _CONTROL.search(here):
            return field or "the record"
        found = _unprintable(one, here)
        if found is not None:
            return found
    return None


def _refuse_shared_names(records: Iterable[Weights], path: Path | str) -> None:
    owners: dict[str, tuple[str, str]] = {}
    for weights in records:
        for artifact in weights.artifacts.values():
            file = artifact.file.casefold()
            owner, digest = owners.setdefault(file, (weights.name, artifact.sha256))
            if digest != artifact.sha256:
                raise ManifestError(
                    f"{path}: {weights.name}: artifacts.{artifact.kind}.file: {artifact.file} "
                    f"is also a file of {owner}, with other bytes: rename it."
                )
