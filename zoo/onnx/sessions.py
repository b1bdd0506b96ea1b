"""ONNX Runtime sessions on the CPU."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Any

from zoo.errors import MissingDependencyError, WeightsError
from zoo.onnx.reasons import in_one_line
from zoo.onnx.structure import DOMAINS, check_model

RUNTIME_DOMAINS = DOMAINS | {"com.microsoft"}  # with ONNX Runtime's own operators

_FATAL_ONLY = 4  # errors are raised


def open_session(
    model: bytes | Path, *, threads: int | None = None, domains: Collection[str] = DOMAINS
) -> Any:
    """An onnxruntime.InferenceSession of a model, which logs nothing.

    `model` is its bytes, which `check_model` judges, or the path of one of your own, whose weights
    may lie beside it. Operators are of `domains`. `threads` bounds the cores of one run; None
    leaves the choice to ONNX Runtime. Raises MissingDependencyError without ONNX Runtime,
    WeightsError for bytes that `check_model` refuses and for what ONNX Runtime cannot load.
    """
    try:
        import onnxruntime
    except ImportError:
        raise MissingDependencyError(
            "ONNX Runtime is not installed here: pip install onnxruntime."
        ) from None
    if isinstance(model, bytes):
        check_model(model, domains=domains)
    options = onnxruntime.SessionOptions()
    options.log_severity_level = _FATAL_ONLY
    options.add_session_config_entry("session.load_model_format", "ONNX")  # never guessed
    if threads is not None:
        options.intra_op_num_threads = threads
    source = str(model) if isinstance(model, Path) else model
    try:
        return onnxruntime.InferenceSession(source, options, providers=["CPUExecutionProvider"])
    except Exception as error:
        if not is_of_onnxruntime(error):
            raise
        raise WeightsError(f"ONNX Runtime cannot load the model: {in_one_line(error)}") from error


def is_of_onnxruntime(error: Exception) -> bool:
    """Whether ONNX Runtime raised it, which has a class for each status and no common root."""
    return type(error).__module__.startswith("onnxruntime")
