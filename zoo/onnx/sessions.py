"""ONNX Runtime sessions on the CPU."""

from __future__ import annotations

from typing import Any

from zoo.errors import MissingDependencyError, WeightsError
from zoo.onnx.structure import check_model

_FATAL_ONLY = 4  # errors are raised


def open_session(model: bytes, *, threads: int | None = None) -> Any:
    """An onnxruntime.InferenceSession of a self-contained model's bytes, which logs nothing.

    `threads` bounds the cores of one run; None leaves the choice to ONNX Runtime. Raises
    MissingDependencyError without ONNX Runtime, WeightsError for bytes that `check_model` refuses
    or that ONNX Runtime cannot load.
    """
    try:
        import onnxruntime
    except ImportError:
        raise MissingDependencyError(
            "ONNX Runtime is not installed here: pip install onnxruntime."
        ) from None
    check_model(model)
    options = onnxruntime.SessionOptions()
    options.log_severity_level = _FATAL_ONLY
    if threads is not None:
        options.intra_op_num_threads = threads
    try:
        return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime has a class for each status, without a common root
        if not type(error).__module__.startswith("onnxruntime"):
            raise
        raise WeightsError(f"ONNX Runtime cannot load the model: {error}") from error
