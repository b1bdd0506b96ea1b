"""What a repository shall hold of some records, and what of that it does not hold yet."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from zoo.errors import PublishError
from zoo.fetching import fetch_artifact
from zoo.manifest import FILE_NAME, Artifact, Weights, manifest_bytes
from zoo.sharing.mirror import KEPT, NEW, REPAIRED, REPLACED, SharedFile
from zoo.sharing.model_card import FILE as CARD
from zoo.sharing.model_card import model_card
from zoo.sharing.release import CHECKSUMS, Entry, checksums, merge
from zoo.sharing.repository import Repository, State, StoredFile

_MADE = (FILE_NAME, CHECKSUMS, CARD)  # from the records: they change with them


@dataclass(frozen=True)
class There:
    """A repository as it is: its records, and the digests that it lists."""

    state: State
    records: Mapping[str, Weights]
    digests: Mapping[str, str]

    def may_be_written(self, one: Content) -> bool:
        """Whether a record names the file, it is made from them, or it is listed as these bytes."""
        named = {
            each.file for record in self.records.values() for each in record.artifacts.values()
        }
        return one.file in {*named, *_MADE} or self.digests.get(one.file) == one.sha256


@dataclass(frozen=True)
class Content:
    """A file that the repository shall hold; `content` is None where it holds it already."""

    file: str
    size: int
    sha256: str
    content: bytes | Path | None


def make_plan(repository: Repository, there: There, entries: list[Entry]) -> list[Content]:
    """Everything that the repository shall hold of these records, and what is made from all."""
    merged = merge(there.records, entries, repository.address)
    plan = [_artifact(one, there, entry) for entry in entries for one in _artifacts(entry)]
    for entry in entries:
        if _has_model_to_make(entry.weights, merged.values()):
            plan.append(_model(there, entry, repository.address))
    manifest = manifest_bytes(merged, Path(FILE_NAME))
    digests = dict(there.digests)
    for weights in merged.values():
        digests.update((one.file, one.sha256) for one in weights.artifacts.values())
    digests.update((one.file, one.sha256) for one in plan)
    digests[FILE_NAME] = hashlib.sha256(manifest).hexdigest()
    card = model_card(merged, repository.name, CHECKSUMS, repository.branch).encode()
    contents = {FILE_NAME: manifest, CHECKSUMS: checksums(digests), CARD: card}
    plan += [_made(file, content) for file, content in contents.items()]
    return list({one.file: one for one in plan}.values())


def _artifacts(entry: Entry) -> Iterable[Artifact]:
    return entry.weights.artifacts.values()


def _artifact(artifact: Artifact, there: There, entry: Entry) -> Content:
    stored = there.state.files.get(artifact.file)
    same = stored is not None and stored.sha256 == artifact.sha256
    path = None if same else fetch_artifact(artifact, mirrors=entry.mirrors)
    return Content(artifact.file, artifact.size, artifact.sha256, path)


def _has_model_to_make(weights: Weights, records: Iterable[Weights]) -> bool:
    taken = {one.file for record in records for one in record.artifacts.values()}
    return "onnx-graph" in weights.artifacts and f"{weights.stem}.onnx" not in taken


def _model(there: There, entry: Entry, address: str) -> Content:
    """The self-contained ONNX model: the one that is there, or one that is made."""
    from zoo.onnx.published import self_contained

    file = f"{entry.weights.stem}.onnx"
    stored, listed = there.state.files.get(file), there.digests.get(file)
    if stored is not None and listed is not None and stored.sha256 == listed:
        return Content(file, stored.size, listed, None)
    made = _made(file, self_contained(entry.weights, mirrors=entry.mirrors))
    if listed not in (None, made.sha256):
        raise PublishError(
            f"{address}: {file} is damaged or missing, and this version of zoo makes other bytes "
            f"than those of {CHECKSUMS}: push with the version that published it."
        )
    return made


def _made(file: str, content: bytes) -> Content:
    return Content(file, len(content), hashlib.sha256(content).hexdigest(), content)


def shared(one: Content, there: There) -> SharedFile:
    """What becomes of a file. Raises PublishError for one of that name which no record names."""
    stored = there.state.files.get(one.file)
    return SharedFile(one.file, one.size, one.sha256, _state(one, stored, there))


def _state(one: Content, stored: StoredFile | None, there: There) -> str:
    if one.content is None:
        return KEPT
    if stored is None:
        return NEW
    content = one.content if isinstance(one.content, bytes) else one.content.read_bytes()
    if stored.holds(content):
        return KEPT
    if not there.may_be_written(one):
        raise PublishError(
            f"The repository has another {one.file}, which no record there names: remove it there, "
            "or push elsewhere."
        )
    return REPLACED if one.file in _MADE else REPAIRED
