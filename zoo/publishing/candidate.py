"""A run's files as they would be published, and its record before anything is measured."""

from __future__ import annotations

import hashlib
import importlib
import json
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zoo import models, params
from zoo.data import Dataset, TextDataset, load_dataset
from zoo.errors import PublishError
from zoo.manifest import Artifact, Golden, TensorSpec, Weights, is_preprocessing
from zoo.models import ARCHITECTURES
from zoo.publishing.golden import golden_input
from zoo.publishing.multiply_adds import count_multiply_adds
from zoo.publishing.run import FinishedRun
from zoo.records import file_stem
from zoo.text import END

LICENCE = "Apache-2.0"
LOGS = "docs/training_logs"  # in a checkout

FILES = {
    "safetensors": "{}.safetensors",
    "onnx-graph": "{}.graph.onnx",
    "vocabulary": "{}.vocabulary.txt",
}

Arrays = Mapping[str, NDArray[Any]]
AnyDataset = Dataset | TextDataset


@dataclass(frozen=True, eq=False)
class Candidate:
    """The content of each file by kind, and a record without metrics and golden output."""

    weights: Weights
    files: Mapping[str, bytes]
    arrays: Arrays
    dataset: AnyDataset


def stored_arrays(run: FinishedRun) -> Arrays:
    """The run's arrays in the recipe's `stored_dtype`. Raises PublishError where it overflows."""
    with np.errstate(over="ignore"):
        arrays = {name: one.astype(run.stored_dtype) for name, one in run.arrays.items()}
    for name, one in arrays.items():
        if not np.isfinite(one).all():
            raise PublishError(
                f"{run.name}: {name} holds numbers too large for {run.stored_dtype}."
            )
    return arrays


def make_candidate(run: FinishedRun, content: bytes, version: int) -> Candidate:
    """The candidate for this version, whose weights file holds `content`.

    Raises PublishError for other data than zoo's, WeightsError and ConfigError for weights that
    do not fit the architecture, ExportError, and what loading the dataset raises.
    """
    dataset = _dataset(run)
    arrays = params.read(content)
    net = models.build(run.architecture, **run.config)
    params.load(net, arrays, dtype=run.stored_dtype)
    inputs = _inputs(net, _preprocessing(run, dataset))
    graph = _graph(run, net, inputs, _metadata(run, content, dataset, version))
    files = {"safetensors": content, "onnx-graph": graph}
    if isinstance(dataset, TextDataset):
        files["vocabulary"] = dataset.vocabulary.to_bytes()
    record = _record(run, files, arrays, inputs, dataset, version)
    return Candidate(record, files, arrays, dataset)


def _record(
    run: FinishedRun,
    files: Mapping[str, bytes],
    arrays: Arrays,
    inputs: tuple[TensorSpec, ...],
    dataset: AnyDataset,
    version: int,
) -> Weights:
    from zoo.onnx.binding import bind

    preprocessing = _preprocessing(run, dataset)
    raw = golden_input(preprocessing, getattr(dataset, "vocabulary", None))
    stem = file_stem(run.name, version)
    return Weights(
        architecture=run.architecture,
        tag=run.tag,
        task=run.recipe["task"],
        description=_description(run, dataset),
        config=run.config,
        parameters=sum(one.size for one in arrays.values()),
        multiply_adds=count_multiply_adds(bind(files["onnx-graph"], arrays)),
        paper=ARCHITECTURES[run.architecture].paper,
        licence={"weights": LICENCE, "data": dataset.about.licence},
        artifacts={kind: _artifact(run, stem, kind, one) for kind, one in files.items()},
        inputs=inputs,
        outputs=_outputs(files["onnx-graph"]),
        preprocessing=preprocessing,
        labels=dataset.about.labels,
        metrics=(),
        golden=Golden(raw, np.zeros(0, np.float32), 0.0),
        provenance=_provenance(run, stem),
        version=version,
    )


def _dataset(run: FinishedRun) -> AnyDataset:
    """The dataset that the run was trained on, the very same files."""
    dataset: AnyDataset = load_dataset(run.recipe["dataset"])
    if dict(dataset.digests) != run.facts["data"]:
        raise PublishError(
            f"{run.name} was trained on other files than those of {dataset.name} in this version: "
            "train again."
        )
    language = run.recipe["task"] == "language-modeling"
    if language != isinstance(dataset, TextDataset):
        raise PublishError(f"{run.name}: {dataset.name} is no dataset for {run.recipe['task']}.")
    if isinstance(dataset, TextDataset) and run.vocabulary != dataset.vocabulary.to_bytes():
        raise PublishError(
            f"{run.folder}: vocabulary.txt is missing or not that of {dataset.name}: train again."
        )
    return dataset


def _preprocessing(run: FinishedRun, dataset: AnyDataset) -> Mapping[str, Any]:
    if isinstance(dataset, TextDataset):
        end = END if dataset.level == "word" else None
        unknown = dataset.vocabulary.unknown
        return {"kind": "tokens", "level": dataset.level, "unknown": unknown, "end": end}
    found: Any = run.facts.get("preprocessing")
    if not is_preprocessing(found) or found["kind"] not in ("image", "features"):
        raise PublishError(
            f"{run.folder}: run.json has no preprocessing that a record can have: train again."
        )
    return dict(found)


def _inputs(net: Any, preprocessing: Mapping[str, Any]) -> tuple[TensorSpec, ...]:
    if preprocessing["kind"] == "image":
        height, width = preprocessing["size"]
        shape = ("batch", int(preprocessing["channels"]), int(height), int(width))
        return (TensorSpec("data", shape),)
    if preprocessing["kind"] == "features":
        count = len(preprocessing.get("names", ())) or int(preprocessing["count"])
        return (TensorSpec("data", ("batch", count)),)
    return tuple(net.input_specs())


def _graph(
    run: FinishedRun, net: Any, inputs: tuple[TensorSpec, ...], metadata: Mapping[str, str]
) -> bytes:
    """The graph without weights; the exporter compares it, weights bound, with the network."""
    from zoo.onnx.export import export_onnx

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "graph.onnx")
        export_onnx(
            net,
            path,
            inputs=inputs,
            names=["output", *(f"{state.name}_out" for state in inputs[1:])],
            metadata=metadata,
            weights=False,
            stored_dtype=run.stored_dtype,
        )
        return path.read_bytes()


def _metadata(
    run: FinishedRun, content: bytes, dataset: AnyDataset, version: int
) -> dict[str, str]:
    metadata = {"name": run.name, "weights_sha256": hashlib.sha256(content).hexdigest()}
    if version > 1:
        metadata["version"] = str(version)
    labels = dataset.about.labels
    if labels is not None:
        metadata["labels"] = json.dumps(labels, ensure_ascii=False)
    if isinstance(dataset, TextDataset):
        metadata["vocabulary_sha256"] = dataset.vocabulary.digest
    return metadata


def _outputs(graph: bytes) -> tuple[TensorSpec, ...]:
    import onnx

    return tuple(
        TensorSpec(
            one.name,
            tuple(axis.dim_param or axis.dim_value for axis in one.type.tensor_type.shape.dim),
            onnx.helper.tensor_dtype_to_np_dtype(one.type.tensor_type.elem_type).name,
        )
        for one in onnx.load_model_from_string(graph).graph.output
    )


def _artifact(run: FinishedRun, stem: str, kind: str, content: bytes) -> Artifact:
    return Artifact(
        kind,
        FILES[kind].format(stem),
        hashlib.sha256(content).hexdigest(),
        len(content),
        dtype=run.stored_dtype if kind == "safetensors" else None,
    )


def _description(run: FinishedRun, dataset: AnyDataset) -> str:
    """What the architecture's module and the dataset say of themselves."""
    module = importlib.import_module(ARCHITECTURES[run.architecture].module)
    title = (module.__doc__ or run.architecture).strip().split("\n")[0]
    return f"{title} Trained on {dataset.name}: {dataset.about.description}"


def _provenance(run: FinishedRun, stem: str) -> dict[str, Any]:
    facts = run.facts
    return {
        "recipe": run.recipe,
        "seed": facts["seed"],
        "command": run.command,
        "data": facts["data"],
        "versions": facts["versions"],
        "environment": facts["environment"],
        "wall_seconds": facts["wall_seconds"],
        "epochs": facts["epochs"],
        "finished": facts["finished"],
        "log": f"{LOGS}/{stem}.jsonl",
        "notes": None,
    }
