"""Gluon networks -> ONNX, and ONNX graphs without weights -> sessions.

The names below are loaded when they are first used. `export_onnx`, `export_model`, `to_model` and
`supported_operators` need onnx and MXNet, `bind` needs onnx, `open_session` needs onnxruntime,
`check_model` nothing.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from zoo.onnx.binding import bind
    from zoo.onnx.dropin import export_model
    from zoo.onnx.export import ExportReport, export_onnx, to_model
    from zoo.onnx.operators import supported_operators
    from zoo.onnx.sessions import open_session
    from zoo.onnx.structure import check_model

__all__ = [
    "ExportReport",
    "bind",
    "check_model",
    "export_model",
    "export_onnx",
    "open_session",
    "supported_operators",
    "to_model",
]

_ROOMS = {
    "ExportReport": "export",
    "bind": "binding",
    "check_model": "structure",
    "export_model": "dropin",
    "export_onnx": "export",
    "open_session": "sessions",
    "supported_operators": "operators",
    "to_model": "export",
}


def __getattr__(name: str) -> Any:
    if name not in _ROOMS:
        raise AttributeError(f"module 'zoo.onnx' has no attribute {name!r}")
    value = getattr(importlib.import_module(f"zoo.onnx.{_ROOMS[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
