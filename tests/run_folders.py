"""Finished run folders for tests, as the training scripts leave them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from records import DIGIT

from zoo import params
from zoo.data import Dataset, Split, TextDataset, load_dataset
from zoo.errors import PublishError

Arrays = Mapping[str, np.ndarray[Any, Any]]

ADULT = "logistic_regression.adult"
EPOCHS = 2


def write_run(folder: Path, name: str, arrays: Arrays, dataset: Any, **facts: Any) -> Path:
    """A run folder; `facts` are further fields of run.json, those of `recipe` are merged."""
    folder.mkdir(parents=True, exist_ok=True)
    recipe = {"name": name, "dataset": dataset.name, "task": dataset.about.task, "target": 0.0}
    record = {
        "name": name,
        "seed": 3,
        "command": f"python /somewhere/scripts/train.py {name} --out /elsewhere/run --seed 3",
        "versions": {"mxnet": "1.9.1"},
        "environment": {"cores": 2},
        "wall_seconds": 90.5,
        "epochs": EPOCHS,
        "finished": "2026-11-23",
        "sha256": params.write(folder / "final.safetensors", arrays),
        "results": {},
        "target_met": True,
        "smoke": False,
        "config": {},
        "data": dict(dataset.digests),
        **facts,
        "recipe": recipe | facts.get("recipe", {}),
    }
    (folder / "run.json").write_text(json.dumps(record))
    (folder / "log.jsonl").write_text('{"epoch": 1}\n{"epoch": 2}\n')
    (folder / "curve.png").write_bytes(b"\x89PNG a curve")
    if isinstance(dataset, TextDataset):
        (folder / "vocabulary.txt").write_bytes(dataset.vocabulary.to_bytes())
    return folder


def change_run(folder: Path, **facts: Any) -> None:
    """Change fields of run.json; those that are None are removed."""
    path = folder / "run.json"
    record = json.loads(path.read_text()) | facts
    path.write_text(json.dumps({key: one for key, one in record.items() if one is not None}))


def adult_run(folder: Path, steps: int = 200) -> Path:
    """Logistic regression on Adult, really trained: full-batch gradient descent."""
    dataset = load_dataset("adult")
    weight, bias = _descend(dataset.train, steps)
    arrays = {"output.weight": weight, "output.bias": bias}
    return write_run(
        folder,
        ADULT,
        arrays,
        dataset,
        recipe={"target": 0.83},
        config={"classes": 1, "features": 123},
        preprocessing={"kind": "features", "count": 123},
    )


def _descend(train: Split, steps: int) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    weight, bias = np.zeros((1, 123), np.float32), np.zeros(1, np.float32)
    for _ in range(steps):
        error = 1 / (1 + np.exp(-(train.inputs @ weight[0] + bias))) - train.targets
        weight -= 0.5 * (error @ train.inputs / len(train)).astype(np.float32)
        bias -= 0.5 * np.float32(error.mean())
    return weight, bias


def housing_run(folder: Path, *, shift: float = 0.0) -> Path:
    """The closed-form solution on California housing, its weights moved by `shift`."""
    dataset = load_dataset("california_housing")
    numbers = _standardization(dataset)
    rows = (dataset.train.inputs - np.array(numbers["mean"])) / np.array(numbers["std"])
    design = np.column_stack([rows, np.ones(len(rows))])
    line = np.linalg.lstsq(design, dataset.train.targets, rcond=None)[0].astype(np.float32)
    arrays = {"output.weight": line[None, :-1] + np.float32(shift), "output.bias": line[-1:]}
    return write_run(
        folder,
        "linear_regression.california_housing",
        arrays,
        dataset,
        recipe={"target": 0.5, "agreement": 1e-3},
        config={"features": 8},
        preprocessing=numbers,
    )


def _standardization(dataset: Dataset) -> dict[str, Any]:
    inputs = dataset.train.inputs.astype(np.float64)
    return {
        "kind": "features",
        "names": list(dataset.about.features or ()),
        "mean": inputs.mean(axis=0).tolist(),
        "std": inputs.std(axis=0).tolist(),
    }


def untrained_run(folder: Path, name: str, dataset: Any, **facts: Any) -> Path:
    """Random weights of the architecture of `name`, with `facts` as in `write_run`."""
    from zoo._mxnet import mx
    from zoo.models import build

    net = build(name.split(".")[0], **facts["config"])
    mx.random.seed(0)
    net.initialize(mx.init.Uniform(0.1))
    return write_run(folder, name, params.arrays(net), dataset, **facts)


def shakespeare_run(folder: Path, cell: str = "gru", **recipe: Any) -> Path:
    """An untrained character-level model, float16 on disk."""
    dataset = load_dataset("shakespeare")
    sizes = {"embed_size": 8, "hidden_size": 8, "layers": 2}
    return untrained_run(
        folder,
        "lstm_lm.shakespeare",
        dataset,
        config={"vocabulary_size": 65, "cell": cell, **sizes},
        recipe={"target": 5.0, "stored_dtype": "float16", **recipe},
    )


def mnist_run(folder: Path) -> Path:
    """An untrained perceptron for MNIST."""
    return untrained_run(
        folder,
        "mlp.mnist",
        load_dataset("mnist"),
        config={"hidden": [16, 8]},
        preprocessing=DIGIT,
    )


def content_of(folder: Path) -> dict[str, bytes]:
    """Each file's bytes by its place; the lock of a publication is none of the content."""
    files = (path for path in folder.rglob("*") if path.is_file() and path.name != ".lock")
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def refusal(run: Path, hub: Path) -> str:
    """The one line with which the run is refused; the hub must stay as it is."""
    from zoo.publish import publish

    before = content_of(hub)
    with pytest.raises(PublishError) as caught:
        publish(run, hub=hub)
    assert content_of(hub) == before
    assert "\n" not in str(caught.value)
    return str(caught.value)
