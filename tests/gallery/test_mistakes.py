"""What classifiers get wrong: measured of the published bytes, and shown."""

from __future__ import annotations

import dataclasses
import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import zoo
from zoo.gallery import mistakes
from zoo.manifest import Weights

ROOT = Path(__file__).parent.parent.parent
EVERY = [zoo.get_weights(name) for name in zoo.list_weights()]
CLASSIFIERS = [one for one in EVERY if one.task.endswith("-classification")]
named = pytest.mark.parametrize("weights", CLASSIFIERS, ids=lambda one: one.name)


@named
def test_every_classifier_has_a_confusion_matrix_that_agrees_with_its_accuracy(
    weights: Weights,
) -> None:
    found = mistakes.read(weights, ROOT)
    assert found is not None, "run python scripts/draw_mistakes.py"
    counts = np.array([[count for count, _ in cells] for _, cells in found.rows])
    metric = weights.metrics[0]
    assert found.n == counts.sum() == metric.n
    accuracy = metric.runtimes["onnx"]
    assert np.trace(counts) / found.n == pytest.approx(accuracy, abs=metric.tolerance)
    assert found.wrong == found.n - np.trace(counts)
    assert (ROOT / mistakes.FOLDER / f"{weights.name}.png").is_file()
    assert f"({weights.name}.png)" in (ROOT / mistakes.FOLDER / "README.md").read_text("utf-8")


@named
def test_a_darker_cell_is_a_larger_share_of_its_row(weights: Weights) -> None:
    found = mistakes.read(weights, ROOT)
    assert found is not None
    for _, cells in found.rows:
        ordered = sorted(cells)
        assert [heat for _, heat in ordered] == sorted(heat for _, heat in ordered)
        assert all((heat > 0) == (count > 0) for count, heat in cells)


@named
def test_each_mistake_has_its_picture_and_the_surest_come_first(weights: Weights) -> None:
    found = mistakes.read(weights, ROOT)
    assert found is not None
    assert all(one.said != one.truth for one in found.mistakes)
    shares = [float(one.share.rstrip("%")) for one in found.mistakes]
    assert shares == sorted(shares, reverse=True)
    if weights.task == "image-classification":
        assert found.strip is not None
        height, width = weights.preprocessing["size"]
        assert Image.open(io.BytesIO(found.strip)).size == (width * len(found.mistakes), height)


def test_what_other_weights_got_wrong_is_not_shown(tmp_path: Path) -> None:
    weights = CLASSIFIERS[0]
    assert mistakes.read(weights, tmp_path) is None
    artifact = dataclasses.replace(weights.artifact("safetensors"), sha256="0" * 64)
    other = dataclasses.replace(weights, artifacts={**weights.artifacts, "safetensors": artifact})
    assert mistakes.read(other, ROOT) is None
