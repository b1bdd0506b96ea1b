"""zoo: a model zoo with pretrained weights and a hub, its models defined in MXNet Gluon.

    >>> import zoo
    >>> net = zoo.get_model("lenet", pretrained=True)      # a Gluon network, verified weights
    >>> zoo.pipeline("lenet")("digit.png")                 # a prediction, no MXNet needed

The names below are loaded when they are first used: `import zoo` imports neither MXNet nor onnx
nor onnxruntime.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from zoo.errors import ZooError

if TYPE_CHECKING:
    from zoo.data import load_dataset
    from zoo.evaluation import evaluate
    from zoo.hub import fetch, get_model, get_weights, list_models, list_weights
    from zoo.onnx.export import export_onnx
    from zoo.pipelines import pipeline

__version__ = "0.1.0"

__all__ = [
    "ZooError",
    "evaluate",
    "export_onnx",
    "fetch",
    "get_model",
    "get_weights",
    "list_models",
    "list_weights",
    "load_dataset",
    "pipeline",
]

_ROOMS = {
    "evaluate": "zoo.evaluation",
    "export_onnx": "zoo.onnx.export",
    "fetch": "zoo.hub",
    "get_model": "zoo.hub",
    "get_weights": "zoo.hub",
    "list_models": "zoo.hub",
    "list_weights": "zoo.hub",
    "load_dataset": "zoo.data",
    "pipeline": "zoo.pipelines",
}


def __getattr__(name: str) -> Any:
    if name not in _ROOMS:
        raise AttributeError(f"module 'zoo' has no attribute {name!r}")
    value = getattr(importlib.import_module(_ROOMS[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
