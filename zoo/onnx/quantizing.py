"""Smaller models by ONNX Runtime's own tools: int8 weights and activations, or float16.

float16 is made by `onnxruntime.transformers.float16`, the same converter as onnxconverter-common's,
which needs no further package.
"""

from __future__ import annotations

import logging
import statistics
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import onnx
import onnx.version_converter
from google.protobuf.message import DecodeError  # type: ignore[import-untyped]
from numpy.typing import NDArray

from zoo.errors import ExportError, MissingDependencyError
from zoo.onnx.graph import set_metadata
from zoo.onnx.serialization import serialize
from zoo.onnx.sessions import RUNTIME_DOMAINS, open_session

Feeds = Mapping[str, NDArray[Any]]

CONVOLUTIONS = frozenset({"Conv", "ConvTranspose", "DeformConv"})
RECURRENT = frozenset({"GRU", "LSTM", "RNN"})

_BY_CHANNEL = 13  # the first opset whose DequantizeLinear has an axis


def operators(model: bytes) -> set[str]:
    """The kinds of nodes in a model. Raises ExportError for bytes that are none."""
    return {node.op_type for node in _parse(model).graph.node}


def quantize_static(model: bytes, batches: Sequence[Feeds]) -> bytes:
    """int8 with the scales of activations fixed by `batches`, in the QDQ form.

    Weights have a scale for each channel, and seven bits, so that the sums of products overflow
    on no processor. A model of an opset below 13 gets that one, the first with such scales.
    Raises ExportError where it cannot, MissingDependencyError without ONNX Runtime.
    """
    tools = _tools()

    def write(source: Path, target: Path) -> None:
        tools.quantize_static(
            source,
            target,
            _Batches(batches),
            quant_format=tools.QuantFormat.QDQ,
            activation_type=tools.QuantType.QUInt8,
            weight_type=tools.QuantType.QInt8,
            per_channel=True,
            reduce_range=True,
        )

    return _rewritten(_with_scales_by_channel(model), write)


def quantize_dynamic(model: bytes) -> bytes:
    """int8 weights; the scales of activations are found at every run.

    Raises ExportError for a network with convolutions, MissingDependencyError.
    """
    found = sorted(CONVOLUTIONS & operators(model))
    if found:
        raise ExportError(
            f"Dynamic int8 makes {', '.join(found)} slower than float32 in ONNX Runtime: quantize "
            "a network with convolutions statically, with data for calibration."
        )
    tools = _tools()

    def write(source: Path, target: Path) -> None:
        tools.quantize_dynamic(
            source,
            target,
            weight_type=tools.QuantType.QInt8,
            per_channel=True,
            reduce_range=True,
        )

    return _rewritten(model, write)


def to_float16(model: bytes) -> bytes:
    """Weights and arithmetic in float16; inputs and outputs stay as they are.

    Raises MissingDependencyError.
    """
    _tools()
    from onnxruntime.transformers.float16 import convert_float_to_float16

    with _quiet():
        return serialize(convert_float_to_float16(_parse(model), keep_io_types=True))


def with_metadata(model: bytes, metadata: Mapping[str, str]) -> bytes:
    """The model with more metadata_props."""
    found = _parse(model)
    set_metadata(found, metadata)
    return serialize(found)


def latency_ratio(model: bytes, variant: bytes, feeds: Feeds, *, rounds: int = 30) -> float:
    """How long a run of `variant` takes beside one of `model`, each on one thread.

    The median over `rounds` of the ratio of two runs, one right after the other.
    """
    pair = (model, variant)
    sessions = [open_session(one, threads=1, domains=RUNTIME_DOMAINS) for one in pair]
    ratios = []
    for _ in range(rounds):
        before, after = (_seconds(one, feeds) for one in sessions)
        ratios.append(after / before)
    return statistics.median(ratios)


def _seconds(session: Any, feeds: Feeds) -> float:
    start = time.process_time()
    session.run(None, feeds)
    return time.process_time() - start


class _Batches:
    """What the calibration asks for inputs one by one."""

    def __init__(self, batches: Sequence[Feeds]) -> None:
        self._batches = iter(batches)

    def get_next(self) -> Feeds | None:
        return next(self._batches, None)


def _tools() -> Any:
    try:
        import onnxruntime.quantization
    except ImportError:
        raise MissingDependencyError(
            "ONNX Runtime is not installed here: pip install onnxruntime."
        ) from None
    return onnxruntime.quantization


def _rewritten(model: bytes, write: Callable[[Path, Path], None]) -> bytes:
    """`model` with its batch normalization folded, through a tool that reads and writes files."""
    from onnxruntime.quantization.shape_inference import quant_pre_process

    with tempfile.TemporaryDirectory() as folder, _quiet():
        source, folded, target = (Path(folder, f"{name}.onnx") for name in ("a", "b", "c"))
        source.write_bytes(model)
        quant_pre_process(source, folded, skip_symbolic_shape=True)
        folded.write_bytes(_unshared(folded.read_bytes()))
        write(folded, target)
        return _tidied(target.read_bytes(), _parse(model))


def _with_scales_by_channel(model: bytes) -> bytes:
    parsed = _parse(model)
    opset = next((one.version for one in parsed.opset_import if one.domain in ("", "ai.onnx")), 1)
    if opset >= _BY_CHANNEL:
        return model
    try:
        return serialize(onnx.version_converter.convert_version(parsed, _BY_CHANNEL))
    except Exception as error:  # ConvertError and RuntimeError, without a common root
        reason = " ".join(str(error).split())
        raise ExportError(
            f"The model is of opset {opset}, static int8 needs {_BY_CHANNEL}, and onnx cannot "
            f"convert it: {reason}."
        ) from None


def _unshared(content: bytes) -> bytes:
    """With a copy of its own for each Gemm whose weight other nodes read too.

    ONNX Runtime 1.23 transposes such a weight in place, under everybody's feet.
    """
    model = _parse(content)
    readers = Counter(name for node in model.graph.node for name in node.input)
    weights = {one.name: one for one in model.graph.initializer}
    shared = [
        node
        for node in model.graph.node
        if node.op_type == "Gemm" and node.input[1] in weights and readers[node.input[1]] > 1
    ]
    taken = {*weights, *readers}
    for place, node in enumerate(shared):
        copy = model.graph.initializer.add()
        copy.CopyFrom(weights[node.input[1]])
        copy.name = node.input[1] = _untaken(f"{copy.name}.{place}", taken)
    return serialize(model)


def _untaken(name: str, taken: set[str]) -> str:
    while name in taken:
        name += "_"
    taken.add(name)
    return name


def _tidied(content: bytes, source: onnx.ModelProto) -> bytes:
    """Without the tools' own metadata, and the opsets that no node needs."""
    model = _parse(content)
    needed = {node.domain for node in model.graph.node}
    kept = [one for one in model.opset_import if one.domain in needed]
    del model.opset_import[:], model.metadata_props[:]
    model.opset_import.extend(kept)
    model.metadata_props.extend(source.metadata_props)
    model.producer_name, model.producer_version = source.producer_name, source.producer_version
    return serialize(model)


@contextmanager
def _quiet() -> Iterator[None]:
    """The tools log to the root logger what a user can do nothing about."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        yield
    finally:
        logging.disable(before)


def _parse(model: bytes) -> onnx.ModelProto:
    try:
        found = onnx.load_model_from_string(model)
    except DecodeError:
        found = None
    if found is None or not found.graph.node:
        raise ExportError("The bytes are not an ONNX model with nodes.")
    return found
