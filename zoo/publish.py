"""From a finished training run to a published record: files, measured metrics, proof, tables.

A hub is a folder that holds `weights_manifest.json` and the files it names. The manifest is
written last: a publication that is cut anywhere leaves the old hub, and at most files that no
record names, which the next one replaces. A published record never changes: a run of another
recipe, or under other settings, becomes its next version.
"""

from __future__ import annotations

import dataclasses
import logging
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path

from zoo import params, tables
from zoo.atomic import write_atomically
from zoo.errors import (
    ConfigError,
    ExportError,
    ManifestError,
    PublishError,
    UnknownDatasetError,
    WeightsError,
)
from zoo.hub_folder import alone, records_in, sweep
from zoo.manifest import FILE_NAME, Weights, embedded_folder, write_manifest
from zoo.owners import PARTIAL
from zoo.publishing.candidate import make_candidate, stored_arrays
from zoo.publishing.measurement import measured
from zoo.publishing.published import check_whole, published_as
from zoo.publishing.run import FinishedRun, read_run
from zoo.publishing.seeds import measured_spread, read_others
from zoo.versions import arranged, versions_of

_LOGS = "training_logs"
_REFUSALS = (ConfigError, ExportError, ManifestError, UnknownDatasetError, WeightsError)
_logger = logging.getLogger("zoo")


def publish(
    run: Path, *, hub: Path | None = None, docs: Path | None = None, seeds: Path | None = None
) -> Weights:
    """Publish the finished run in the folder `run`; returns its record.

    `hub` (default: the one in the package) gets the weights, the ONNX graph, a language model's
    vocabulary and the record, with metrics measured from the written bytes on both runtimes.
    `docs` (default: that of the checkout; another hub has its own) gets log and curve, and the
    tables generated from the manifest are brought up to date. `seeds` is a folder of finished runs
    `seed-N` of the same recipe: the record then says how its first metric scatters over them.
    Publishing the same run again changes nothing and says so; one of another recipe, or under
    other settings, becomes the record's next version.

    Raises PublishError for a run that is unfinished, damaged, a smoke run, or misses its target;
    for weights that are not finite or do not fit; where the runtimes disagree; and for what would
    change a version that is published. Also MissingDependencyError without MXNet, and what loading
    the dataset raises.
    """
    hub = (embedded_folder() if hub is None else Path(hub)).resolve()
    docs = _root(hub) / "docs" if docs is None else Path(docs).resolve()
    finished = read_run(Path(run))
    try:
        others = [] if seeds is None else read_others(finished, Path(seeds))
        return _publish(finished, others, hub, docs)
    except _REFUSALS as error:
        raise PublishError(f"{finished.name} is not published: {error}") from error
    except OSError as error:
        raise PublishError(
            f"{finished.name}: {error.filename or hub} cannot be written: {error.strerror}. "
            "Make room or give a folder that can be written, and publish again."
        ) from error


def _root(hub: Path) -> Path:
    """The folder that holds README.md and docs: the checkout, or the hub itself."""
    if hub != embedded_folder().resolve():
        return hub
    checkout = hub.parent.parent
    if not (checkout / "pyproject.toml").is_file():
        raise PublishError(
            f"{hub} belongs to an installed package, not to a checkout: "
            "give a hub of your own (zoo publish RUN --hub FOLDER)."
        )
    return checkout


def _publish(run: FinishedRun, others: list[FinishedRun], hub: Path, docs: Path) -> Weights:
    with tempfile.TemporaryDirectory(prefix="zoo-publish-") as folder:
        staged = Path(folder, "weights.safetensors")
        digest = params.write(staged, stored_arrays(run))
        known = versions_of(run.name, records_in(hub))
        published = published_as(run, others, digest, known)
        if published is not None:
            check_whole(published, hub)
            _logger.warning("%s is already published: nothing changes.", published.name)
            with alone(hub):
                _refresh_tables(hub, docs)
            return published
        candidate = make_candidate(run, staged.read_bytes(), known[0].version + 1 if known else 1)
        spread = measured_spread(candidate, run, others) if others else None
        weights = dataclasses.replace(measured(run, candidate), seeds=spread)
        together = arranged([*records_in(hub).values(), weights])
        write_manifest(Path(folder, FILE_NAME), together)  # may it be?
    with alone(hub):
        _write(weights, candidate.files, run, hub, docs)
        _refresh_tables(hub, docs)
    return weights


def _write(
    weights: Weights, files: Mapping[str, bytes], run: FinishedRun, hub: Path, docs: Path
) -> None:
    """Every file, then the manifest."""
    records = records_in(hub)
    named = {weights.artifact(kind).file: content for kind, content in files.items()}
    _refuse_taken(weights, named, records.values())
    for folder in (hub, docs / _LOGS):
        folder.mkdir(parents=True, exist_ok=True)
        sweep(folder.glob(f".*{PARTIAL}"))
    write_atomically(docs / _LOGS / f"{weights.stem}.jsonl", run.log)
    write_atomically(docs / _LOGS / f"{weights.stem}.png", run.curve)
    for file, content in named.items():
        write_atomically(hub / file, content)
    write_manifest(hub / FILE_NAME, arranged([*records.values(), weights]))


def _refuse_taken(weights: Weights, files: Iterable[str], records: Iterable[Weights]) -> None:
    for one in records:
        theirs = {artifact.file.casefold() for artifact in one.artifacts.values()}
        same = one.pinned == weights.pinned
        if same or not theirs.isdisjoint(file.casefold() for file in files):
            raise PublishError(
                f"{weights.name}: its version, or the name of a file, belongs to {one.pinned}."
            )


def _refresh_tables(hub: Path, docs: Path) -> None:
    for path in tables.documents(docs.parent):
        sweep(path.parent.glob(f".{path.name}.*{PARTIAL}"))
    tables.refresh(docs.parent, hub / FILE_NAME)
