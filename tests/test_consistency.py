"""Records that fit the schema and contradict themselves: refused when they are read."""

from __future__ import annotations

import json
from typing import Any

import pytest
from records import DIGIT, record

from zoo.consistency import contradictions
from zoo.errors import ManifestError
from zoo.manifest import parse_manifest, read_manifest

FEATURES = {"kind": "features", "names": ["a", "b"], "mean": [0.0, 1.0], "std": [1.0, 1.0]}


def tabular(**changes: Any) -> dict[str, Any]:
    return {"task": "tabular-classification", "preprocessing": {**FEATURES, **changes}}


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"labels": ["one"] * 9}, "labels: 9 for 10 classes"),
        (
            {"outputs": [{"name": "output", "shape": [], "dtype": "float32"}]},
            "first one has no axis",
        ),
        ({"task": "language-modeling"}, "kind: language-modeling takes 'tokens', not 'image'"),
        ({"preprocessing": FEATURES}, "kind: image-classification takes 'image', not 'features'"),
        ({"preprocessing": DIGIT | {"box": 64}}, "box: 64 pixels do not fit into the size"),
        ({"preprocessing": DIGIT | {"mean": [0.1] * 3}}, "mean: 3 numbers for 1 channels"),
        (tabular(std=[1.0]), "std: 1 numbers for 2 features"),
        (tabular(std=[5e-324, 1.0]), "5e-324 is less than the minimum"),
        (tabular(count=3), "count: 3, but there are 2 names"),
        ({**tabular(), "task": "tabular-regression"}, "accuracy is not measured of tabular-regr"),
    ],
)
def test_a_contradiction_is_named(changes: dict[str, Any], reason: str) -> None:
    content = json.dumps({"schema": 1, "weights": {"lenet.mnist": record(**changes)}})
    with pytest.raises(ManifestError, match=f"^here: lenet.mnist: .*{reason}"):
        parse_manifest(content.encode(), "here")


def test_the_published_records_do_not_contradict_themselves() -> None:
    assert [one for own in read_manifest().values() for one in contradictions(own)] == []
