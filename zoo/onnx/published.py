"""Published weights as one self-contained ONNX model."""

from __future__ import annotations

import json
from collections.abc import Sequence

from zoo import params
from zoo.fetching import read_artifact
from zoo.manifest import Weights
from zoo.onnx.binding import bind


def self_contained(weights: Weights, *, mirrors: Sequence[str] | None = None) -> bytes:
    """The published graph with the published weights bound into it.

    `mirrors` are those of `fetching.read_artifact`, whose errors it raises. Also ManifestError for
    a record without a graph, WeightsError, ExportError above 2 GiB.
    """
    arrays = params.read(read_artifact(weights.artifact("safetensors"), mirrors=mirrors))
    graph = read_artifact(weights.artifact("onnx-graph"), mirrors=mirrors)
    return bind(graph, arrays, metadata=_metadata(weights))


def _metadata(weights: Weights) -> dict[str, str]:
    """Added to what is in the published graph: how to use the model, and its licence."""
    return {
        "task": weights.task,
        "preprocessing": json.dumps(dict(weights.preprocessing), ensure_ascii=False),
        "licence": weights.licence["weights"],
    }
