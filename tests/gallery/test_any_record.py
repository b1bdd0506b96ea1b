"""Pages hold for every record that a manifest may have, not only for those that are published."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import zoo
from zoo.gallery import build_site, onnxruntime_web
from zoo.manifest import Weights, read_manifest

pytest.importorskip("jinja2", reason="needs the extra gallery")

ROOT = Path(__file__).parent.parent.parent
LENET = zoo.get_weights("lenet.mnist")
HOUSES = zoo.get_weights("linear_regression.california_housing")
ADULT = zoo.get_weights("logistic_regression.adult")


def on(dataset: str, weights: Weights) -> dict[str, Any]:
    metrics = tuple(dataclasses.replace(one, dataset=dataset) for one in weights.metrics)
    return {"metrics": metrics, "seeds": None}


def preparing(weights: Weights, **changes: Any) -> dict[str, Any]:
    return {"preprocessing": {**weights.preprocessing, **changes}}


def proved(weights: Weights, **changes: Any) -> dict[str, Any]:
    return {"provenance": {**weights.provenance, **changes}}


def only(weights: Weights, *kinds: str) -> dict[str, Any]:
    return {"artifacts": {kind: weights.artifact(kind) for kind in kinds}}


def ungraphed(page: str) -> bool:
    """Nothing is offered that needs the graph."""
    return "no demonstration" in page and "zoo export" not in page and "--runtime mxnet" in page


CASES: dict[str, tuple[Weights, dict[str, Any], Callable[[str], bool]]] = {
    "unlabelled": (LENET, {"labels": None}, lambda page: "no demonstration" in page),
    "ungraphed": (LENET, only(LENET, "safetensors"), ungraphed),
    "new-data": (LENET, on("street_numbers", LENET), lambda page: "Draw a picture" in page),
    "coloured": (
        LENET,
        preparing(LENET, channels=3, mean=[0.4, 0.5, 0.6], std=[0.2, 0.2, 0.3]),
        lambda page: "plane(at)" in page,
    ),
    "hostile": (
        LENET,
        {"description": "<script>alert(1)</script>", "labels": tuple("<&'\"\u00e9>{}/%")},
        lambda page: "<script>alert" not in page and "&lt;script&gt;alert" in page,
    ),
    "named-rows": (ADULT, preparing(ADULT, names=[f"f{at}" for at in range(123)]), bool),
    "rows": (ADULT, on("other", ADULT), lambda page: "no demonstration" in page),
    "unitless": (HOUSES, {"labels": None}, lambda page: 'data-demo="features"' in page),
    "outside": (LENET, proved(LENET, log="../outside.jsonl"), lambda page: "logs/" not in page),
    "unlogged": (LENET, proved(LENET, log="nowhere.jsonl"), lambda page: "train loss" not in page),
    "bare": (
        LENET,
        proved(LENET, recipe={}, environment={}, versions={}, data={}, notes=None),
        lambda page: "How it came to be" in page,
    ),
}


@pytest.fixture
def runtime(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A stand-in for onnxruntime-web, with its pins."""
    folder = tmp_path / "dist"
    folder.mkdir()
    names = list(onnxruntime_web.pinned()["files"])
    for name in names:
        (folder / name).write_bytes(b"")
    digest = {"size": 0, "sha256": hashlib.sha256().hexdigest()}
    pins = {"version": "1.0.0", "files": dict.fromkeys(names, digest)}
    monkeypatch.setattr(onnxruntime_web, "pinned", lambda: pins)
    return folder


@pytest.mark.parametrize("tag", CASES)
def test_a_page_holds(tag: str, runtime: Path, tmp_path: Path) -> None:
    weights, changes, holds = CASES[tag]
    changed = dataclasses.replace(weights, tag=tag, **changes)
    logs = tmp_path / "logs"
    logs.mkdir()
    (tmp_path / "outside.jsonl").write_text('{"epoch": 1, "train_loss": 1}\n')
    out = tmp_path / "site"
    records = {weights.name: weights, changed.name: changed}
    build_site(out, runtime=runtime, logs=logs, records=records)
    page = (out / "models" / f"{changed.name}.html").read_text("utf-8")
    assert holds(page)
    assert f"{changed.parameters:,}" in page
    assert list(read_manifest(out / "weights" / "weights_manifest.json")) == list(records)
    assert not (out / "logs").exists()


def test_models_that_see_another_picture_are_not_asked_about_this_one(
    runtime: Path, tmp_path: Path
) -> None:
    larger = dataclasses.replace(LENET, tag="larger", **preparing(LENET, box=24))
    records = {one.name: one for one in (LENET, larger)}
    build_site(tmp_path / "site", runtime=runtime, logs=ROOT, records=records)
    for weights, other in ((LENET, larger), (larger, LENET)):
        page = (tmp_path / "site" / "models" / f"{weights.name}.html").read_text("utf-8")
        assert f'data-model="{weights.name}"' in page
        assert f'data-model="{other.name}"' not in page


def test_a_gallery_of_nothing_is_a_page_that_says_so(runtime: Path, tmp_path: Path) -> None:
    build_site(tmp_path / "site", runtime=runtime, logs=ROOT, records={})
    assert "No models are published here." in (tmp_path / "site" / "index.html").read_text("utf-8")
