"""Records that fit the schema and contradict themselves: refused when they are read."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from records import DIGIT, record, tensor

from zoo.consistency import MOST_NUMBERS, contradictions
from zoo.errors import ManifestError
from zoo.manifest import parse_manifest, read_manifest

FEATURES = {"kind": "features", "names": ["a", "b"], "mean": [0.0, 1.0], "std": [1.0, 1.0]}


def tabular(**changes: Any) -> dict[str, Any]:
    return {"task": "tabular-classification", "preprocessing": {**FEATURES, **changes}}


def tensors(field: str, *shape: int | str) -> dict[str, Any]:
    return {field: [{"name": "it", "shape": list(shape), "dtype": "float32"}]}


def golden(*shape: int) -> dict[str, Any]:
    return {"golden": {**record()["golden"], "input": tensor(np.ones(shape, np.int64))}}


def writing(*shape: int) -> dict[str, Any]:
    """A language model with a golden input of this shape."""
    metrics = [{**record()["metrics"][0], "name": "perplexity"}]
    tokens = {"kind": "tokens", "level": "word", "unknown": None, "end": None}
    outputs = tensors("outputs", "time", "batch", 10)
    changes = {"preprocessing": tokens, "labels": None, "metrics": metrics, **outputs}
    return {"task": "language-modeling", **changes, **golden(*shape)}


def seeds(**changes: Any) -> dict[str, Any]:
    values = {"0": 0.9951, "1": 0.9951}
    own = {"metric": "accuracy", "dataset": "mnist", "split": "test", "n": 2, "mean": 0.9951}
    return {"seeds": {**own, "standard_deviation": 0.0, "values": values, **changes}}


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"labels": ["one"] * 9}, "labels: 9 for 10 classes"),
        (
            tensors("outputs"),
            "but image-classification needs 2 axes, the last of a fixed size",
        ),
        (tensors("outputs", "batch"), "needs 2 axes"),
        (tensors("outputs", "batch", 10, 10), "needs 2 axes"),
        (tensors("outputs", "batch", "classes"), "the last of a fixed size"),
        ({**writing(2, 1), **tensors("outputs", "batch", 10)}, "language-modeling needs 3 axes"),
        (tensors("inputs", "batch", MOST_NUMBERS + 1), "inputs: .* more than 268,435,456 numbers"),
        (tensors("inputs", *[1 << 40] * 16), "inputs: .* more than"),
        (golden(), r"golden.input.shape: \(\) is not \(n, 28, 28\), n at least 1"),
        (golden(0, 28, 28), r"\(0, 28, 28\) is not"),
        (golden(2, 28, 27), r"\(2, 28, 27\) is not"),
        ({**tabular(), **golden(4, 3)}, r"\(4, 3\) is not \(n, 2\)"),
        (writing(1, 1), r"\(1, 1\) is not \(time, 1\), time at least 2"),
        (writing(2, 3), r"\(2, 3\) is not \(time, 1\)"),
        (seeds(metric="r2"), "seeds.metric: r2 is not the first metric's, accuracy"),
        (seeds(dataset="adult"), "seeds.dataset: adult is not the first metric's, mnist"),
        (seeds(split="train"), "seeds.split: train is not the first metric's, test"),
        (seeds(values={"1": 0.9951, "2": 0.9951}), "seeds.values: provenance.seed, .* not among"),
        (
            seeds(values={"0": 0.9952, "1": 0.9952}, mean=0.9952),
            "seeds.values.0: 0.9952 is not the first metric's, 0.9951",
        ),
        ({"task": "language-modeling"}, "kind: language-modeling takes 'tokens', not 'image'"),
        ({"preprocessing": FEATURES}, "kind: image-classification takes 'image', not 'features'"),
        ({"preprocessing": DIGIT | {"box": 64}}, "box: 64 pixels do not fit into the size"),
        ({"preprocessing": DIGIT | {"mean": [0.1] * 3}}, "mean: 3 numbers for 1 channels"),
        (tabular(std=[1.0]), "std: 1 numbers for 2 features"),
        (tabular(std=[5e-324, 1.0]), "5e-324 is less than the minimum"),
        (tabular(std=[1e-31, 1.0]), "1e-31 is less than the minimum"),
        (tabular(mean=[-1e31, 1.0]), r"-1e\+31 is less than the minimum"),
        ({"preprocessing": DIGIT | {"scale": 1e31}}, r"1e\+31 is greater than the maximum"),
        ({"preprocessing": DIGIT | {"background": 128}}, "128 is not one of .None, 0, 255."),
        (tabular(count=3), "count: 3, but there are 2 names"),
        ({**tabular(), "task": "tabular-regression"}, "accuracy is not measured of tabular-regr"),
    ],
)
def test_a_contradiction_is_named(changes: dict[str, Any], reason: str) -> None:
    content = json.dumps({"schema": 1, "weights": {"lenet.mnist": record(**changes)}})
    with pytest.raises(ManifestError, match=f"^here: lenet.mnist: .*{reason}"):
        parse_manifest(content.encode(), "here")


@pytest.mark.parametrize("changes", [writing(2, 1), seeds()])
def test_a_record_that_agrees_with_itself_is_read(changes: dict[str, Any]) -> None:
    content = json.dumps({"schema": 1, "weights": {"lenet.mnist": record(**changes)}})
    assert list(parse_manifest(content.encode(), "here")) == ["lenet.mnist"]


def test_the_published_records_do_not_contradict_themselves() -> None:
    assert [one for own in read_manifest().values() for one in contradictions(own)] == []
