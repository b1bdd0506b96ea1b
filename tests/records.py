"""Valid records for tests, small enough to read."""

from __future__ import annotations

import base64
import copy
import hashlib
from typing import Any

import numpy as np

from zoo.manifest import Artifact, Weights

DIGIT: dict[str, Any] = {
    "kind": "image",
    "size": [28, 28],
    "channels": 1,
    "scale": 1 / 255,
    "mean": [0.1307],
    "std": [0.3081],
    "box": 20,
    "background": 0,
}

NAMES = [  # of the small hub in hubs.py
    "lenet.tiny",
    "mlp.tiny",
    "logistic_regression.tiny",
    "linear_regression.tiny",
    "lstm_lm.tiny-words",
    "lstm_lm.tiny-characters",
]


def tensor(array: np.ndarray[Any, Any]) -> dict[str, Any]:
    """The array as in a record's golden part."""
    data = base64.b64encode(np.ascontiguousarray(array).tobytes()).decode()
    return {"dtype": array.dtype.name, "shape": list(array.shape), "data": data}


def artifact(
    content: bytes, file: str = "sample.bin", kind: str = "safetensors", **fields: Any
) -> Artifact:
    """The artifact of these bytes."""
    digest = hashlib.sha256(content).hexdigest()
    return Artifact(kind, file, digest, len(content), **fields)


_RECORD: dict[str, Any] = {
    "architecture": "lenet",
    "tag": "mnist",
    "task": "image-classification",
    "description": "A sample record for tests.",
    "config": {"classes": 10},
    "parameters": 431080,
    "multiply_adds": 2293000,
    "paper": "https://doi.org/10.1109/5.726791",
    "licence": {"weights": "Apache-2.0", "data": "CC BY-SA 3.0 (as documented by Keras)"},
    "artifacts": {
        "safetensors": {
            "file": "lenet.mnist.safetensors",
            "sha256": "0" * 64,
            "size": 1724320,
            "dtype": "float32",
            "sources": [],
        },
        "onnx-graph": {
            "file": "lenet.mnist.graph.onnx",
            "sha256": "1" * 64,
            "size": 2000,
            "sources": ["https://example.org/lenet.mnist.graph.onnx"],
        },
    },
    "inputs": [{"name": "data", "shape": ["batch", 1, 28, 28], "dtype": "float32"}],
    "outputs": [{"name": "output", "shape": ["batch", 10], "dtype": "float32"}],
    "preprocessing": DIGIT,
    "labels": [str(digit) for digit in range(10)],
    "metrics": [
        {
            "name": "accuracy",
            "dataset": "mnist",
            "split": "test",
            "n": 10000,
            "value": 0.9951,
            "standard_error": 0.0007,
            "tolerance": 0.0002,
            "runtimes": {"mxnet": 0.9951, "onnx": 0.9951},
        }
    ],
    "golden": {
        "input": tensor(np.arange(2 * 28 * 28, dtype=np.uint8).reshape(2, 28, 28)),
        "output": tensor(np.linspace(-3, 3, 20, dtype=np.float32).reshape(2, 10)),
        "tolerance": 1e-4,
    },
    "provenance": {
        "recipe": {"epochs": 20, "batch_size": 128},
        "seed": 0,
        "command": "python scripts/train_classifier.py lenet.mnist",
        "data": {"mnist/train-images-idx3-ubyte": "2" * 64},
        "versions": {"mxnet": "1.9.1"},
        "environment": {"threads": 2},
        "wall_seconds": 123.4,
        "epochs": 20,
        "finished": "2026-11-23",
        "log": "docs/training_logs/lenet.mnist.jsonl",
        "notes": None,
    },
}


def record(**changes: Any) -> dict[str, Any]:
    """A valid record as JSON, a fresh copy each time, with top-level fields replaced."""
    return {**copy.deepcopy(_RECORD), **changes}


def document(*records: dict[str, Any]) -> dict[str, Any]:
    """A manifest document that holds these records, or one sample record."""
    chosen = records or (record(),)
    return {
        "schema": 1,
        "weights": {f"{one['architecture']}.{one['tag']}": one for one in chosen},
    }


def weights(**changes: Any) -> Weights:
    """The sample record as `Weights`."""
    return Weights.from_json(record(**changes))
