"""A small hub for tests: untrained networks, seeded, published as real ones are.

Use it with `pytest_plugins = ["hubs"]` and the fixture `hub`. It is a folder that holds a manifest
and the files it names; the fixture makes it the only mirror.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from records import record, tensor

from zoo import params
from zoo.errors import MissingDependencyError
from zoo.manifest import FILE_NAME, TensorSpec, Weights, read_manifest, write_manifest
from zoo.text import Vocabulary

CHARACTERS = Vocabulary(tuple("\n !,.:EMOR") + tuple("abcdefghijklmnopqrstuvwxyz"))
WORDS = Vocabulary(
    ("<eos>", "<unk>", "the", "cat", "sat", "on", "a", "mat", ",", ".", "@-@", "dog", "=", "'s"),
    unknown="<unk>",
)
HIDDEN, LAYERS = 12, 2


def _logits(width: int, *shape: int) -> dict[str, Any]:
    return {
        "inputs": [{"name": "data", "shape": ["batch", *shape], "dtype": "float32"}],
        "outputs": [{"name": "output", "shape": ["batch", width], "dtype": "float32"}],
    }


def _states(vocabulary: Vocabulary, cell: str) -> dict[str, Any]:
    shape = [LAYERS, "batch", HIDDEN]
    names = ["h", "c"] if cell == "lstm" else ["h"]
    data = {"name": "data", "shape": ["time", "batch"], "dtype": "int64"}
    output = {"name": "output", "shape": ["time", "batch", len(vocabulary)], "dtype": "float32"}
    states = [{"name": name, "shape": shape, "dtype": "float32"} for name in names]
    return {
        "inputs": [data, *states],
        "outputs": [output, *({**one, "name": f"{one['name']}_out"} for one in states)],
    }


def _metric(name: str, dataset: str, n: int) -> list[dict[str, Any]]:
    values = {"value": 0.5, "standard_error": None, "tolerance": 1e-4, "runtimes": {"mxnet": 0.5}}
    return [{"name": name, "dataset": dataset, "split": "test", "n": n, **values}]


def _language(vocabulary: Vocabulary, level: str, cell: str) -> dict[str, Any]:
    sizes = {"embed_size": HIDDEN, "hidden_size": HIDDEN, "layers": LAYERS}
    end = "<eos>" if level == "word" else None
    dataset, metric = {
        "word": ("wikitext2", "perplexity"),
        "character": ("shakespeare", "nats_per_character"),
    }[level]
    return {
        "architecture": "lstm_lm",
        "task": "language-modeling",
        "config": {"vocabulary_size": len(vocabulary), "cell": cell, **sizes},
        "preprocessing": {
            "kind": "tokens",
            "level": level,
            "unknown": vocabulary.unknown,
            "end": end,
        },
        "labels": None,
        "metrics": _metric(metric, dataset, 100),
        **_states(vocabulary, cell),
    }


HOUSE = [str(name) for name in ("rooms", "age", "income")]
RECORDS: tuple[dict[str, Any], ...] = (
    {"tag": "tiny", **_logits(10, 1, 28, 28)},
    {
        "architecture": "mlp",
        "tag": "tiny",
        "config": {"hidden": [16, 8]},
        **_logits(10, 1, 28, 28),
    },
    {
        "architecture": "logistic_regression",
        "tag": "tiny",
        "task": "tabular-classification",
        "config": {"classes": 1, "features": 123},
        "preprocessing": {"kind": "features", "count": 123},
        "labels": ["<=50K", ">50K"],
        "metrics": _metric("accuracy", "adult", 16281),
        **_logits(1, 123),
    },
    {
        "architecture": "linear_regression",
        "tag": "tiny",
        "task": "tabular-regression",
        "config": {"features": 3},
        "preprocessing": {
            "kind": "features",
            "names": HOUSE,
            "mean": [5.0, 30.0, 4.0],
            "std": [2.0, 10.0, 1.0],
        },
        "labels": ["100,000 dollars"],
        "metrics": _metric("r2", "california_housing", 4128),
        **_logits(1, 3),
    },
    {"tag": "tiny-words", **_language(WORDS, "word", "lstm")},
    {"tag": "tiny-characters", **_language(CHARACTERS, "character", "gru")},
)
VOCABULARIES = {"lstm_lm.tiny-words": WORDS, "lstm_lm.tiny-characters": CHARACTERS}
STORED = {"lstm_lm.tiny-words": "float16"}


@pytest.fixture(scope="session")
def hub_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The hub's folder. Skips where MXNet, which builds the networks, is not installed."""
    try:
        from zoo._mxnet import mx
    except MissingDependencyError as error:
        pytest.skip(str(error))
    folder = tmp_path_factory.mktemp("hub")
    records = {}
    for number, changes in enumerate(RECORDS):
        mx.random.seed(number)
        one = _publish(folder, record(**changes))
        records[one.name] = one
    write_manifest(folder / FILE_NAME, records)
    return folder


@pytest.fixture
def hub(hub_folder: Path, zoo_home: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Weights]:
    """The hub's records by name, in order; fetching finds their files, and no others."""
    monkeypatch.setenv("ZOO_MIRROR", str(hub_folder))
    return read_manifest(hub_folder / FILE_NAME)


def _publish(folder: Path, document: dict[str, Any]) -> Weights:
    from zoo._mxnet import mx
    from zoo.models import build

    name = f"{document['architecture']}.{document['tag']}"
    net = build(document["architecture"], **document["config"])
    net.initialize(mx.init.Uniform(0.5))
    stored = STORED.get(name, "float32")
    arrays = {key: one.astype(stored) for key, one in params.arrays(net).items()}
    params.load(net, arrays, dtype=stored)
    digest = params.write(folder / f"{name}.safetensors", arrays)
    metadata = {"name": name, "weights_sha256": digest}
    if document["labels"]:
        metadata["labels"] = json.dumps(document["labels"])
    if name in VOCABULARIES:
        metadata["vocabulary_sha256"] = VOCABULARIES[name].digest
    _write_graph(net, folder / f"{name}.graph.onnx", document, stored, metadata)
    files = {"safetensors": f"{name}.safetensors", "onnx-graph": f"{name}.graph.onnx"}
    if name in VOCABULARIES:
        files["vocabulary"] = f"{name}.vocabulary.txt"
        (folder / files["vocabulary"]).write_bytes(VOCABULARIES[name].to_bytes())
    document["artifacts"] = {kind: _artifact(folder / file) for kind, file in files.items()}
    document["artifacts"]["safetensors"]["dtype"] = stored
    document["golden"] = _golden(net, document)
    return Weights.from_json(document)


def _write_graph(
    net: Any,
    path: Path,
    document: Mapping[str, Any],
    stored: str,
    metadata: Mapping[str, str],
) -> None:
    from zoo.onnx.export import export_onnx

    inputs = [TensorSpec.from_json(one) for one in document["inputs"]]
    names = [one["name"] for one in document["outputs"]]
    options = {"weights": False, "stored_dtype": stored, "metadata": metadata}
    export_onnx(net, path, inputs=inputs, names=names, **options)


def _artifact(path: Path) -> dict[str, Any]:
    content = path.read_bytes()
    digest = hashlib.sha256(content).hexdigest()
    return {"file": path.name, "sha256": digest, "size": len(content), "sources": []}


def _golden(net: Any, document: Mapping[str, Any]) -> dict[str, Any]:
    """From the Gluon network itself, without zoo's runners and preprocessing."""
    from zoo._mxnet import mx

    rng = np.random.default_rng(0)
    kind = document["preprocessing"]["kind"]
    if kind == "tokens":
        raw = rng.integers(0, document["config"]["vocabulary_size"], (20, 1))
        logits = net(mx.nd.array(raw[:-1], dtype="int32"), net.begin_state(1))[0]
        output = mx.nd.pick(mx.nd.log_softmax(logits), mx.nd.array(raw[1:])).asnumpy()
    elif kind == "image":
        raw = rng.integers(0, 256, (4, 28, 28)).astype(np.uint8)
        output = net(mx.nd.array((raw[:, None] / 255 - 0.1307) / 0.3081)).asnumpy()
    else:
        raw = rng.normal(5, 3, (4, document["inputs"][0]["shape"][1])).astype(np.float32)
        output = net(mx.nd.array(_standardised(raw, document["preprocessing"]))).asnumpy()
    return {"input": tensor(raw), "output": tensor(output), "tolerance": 1e-4}


def _standardised(
    raw: np.ndarray[Any, Any], preprocessing: Mapping[str, Sequence[float]]
) -> np.ndarray[Any, Any]:
    return (raw - np.array(preprocessing.get("mean", 0))) / np.array(preprocessing.get("std", 1))
