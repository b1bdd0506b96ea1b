"""export_onnx: a Gluon network -> one self-contained, checked ONNX file."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray

from zoo.errors import ExportError
from zoo.onnx import opset as opsets
from zoo.onnx.binding import bind, bind_model, bind_structure
from zoo.onnx.check import Difference, check_structure, compare
from zoo.onnx.external import pair_of_files, write_one_file
from zoo.onnx.graph import PARAMETER, set_metadata
from zoo.onnx.serialization import pieces, serialize
from zoo.onnx.tracing import Trace, trace
from zoo.onnx.translation import translate
from zoo.onnx.weights import LazyArrays

DIFFERENCE = "difference_from_mxnet"  # the key in a model's metadata

Compared = Callable[[bytes | Path], Difference | None]


@dataclass(frozen=True)
class ExportReport:
    """What was written, and how far ONNX Runtime's outputs are from MXNet's.

    `max_rel` is relative to the largest number of the output; both are None without the check, and
    where every output follows from a random draw.
    `data` is the second file of a model with external data.
    """

    path: Path
    max_abs: float | None
    max_rel: float | None
    nodes: int
    sha256: str
    data: Path | None = None


def export_onnx(
    net: Any,
    path: str | Path,
    *,
    inputs: Any = None,
    names: Sequence[str] | None = None,
    opset: int = opsets.DEFAULT,
    metadata: Mapping[str, str] | None = None,
    weights: bool = True,
    stored_dtype: str | None = None,
    params: Mapping[str, Any] | Sequence[Mapping[str, Any]] | str | Path | None = None,
    sizes: Mapping[str, Sequence[int]] | None = None,
    check: bool = True,
    external_data: bool = False,
) -> ExportReport:
    """Write `net` to an ONNX file: a HybridBlock, a Symbol with its `params`, or their files.

    `inputs` describes what the network takes: one shape `('batch', 3, 224, 224)`, a sequence of
    shapes or TensorSpecs (a list of states as a nested list, or flat at the end), or a mapping of
    names to shapes; a name in a shape is a free axis. Without it the network's own
    `input_specs()` is asked, and for `sizes` its `input_sizes()`, if it has one. `names` are the
    outputs' names; default `output`, or `output0`, `output1`... `opset` is 17 to 23. `metadata`
    goes into the model's metadata_props.

    With `weights=False` the file is a graph without weights, for `zoo.onnx.bind`: every parameter
    is an input, of dtype `stored_dtype` ('float16') where it is float32 in the network.

    The check runs onnx.checker in full, then compares ONNX Runtime with MXNet on random inputs
    with every free axis at two sizes, those of `sizes` ({'height': (224, 256)}) or small ones.
    Nothing is written when it fails. The difference found is in the file's metadata.

    A file holds 2 GiB. With `external_data` the large weights go to a second file beside it,
    named after `path` and the digest of its bytes; the two belong together. Raises ExportError.
    """
    target = Path(path)
    if not target.parent.is_dir():
        raise ExportError(f"There is no folder {target.parent}: create it first.")
    if external_data and not weights:
        raise ExportError("external_data is for models with weights: leave out weights=False.")
    traced = _trace(net, inputs, params, names, sizes)
    told = {**(traced.network.origin if weights else {}), **(metadata or {})}
    model = _graph(traced, opset, told, weights, stored_dtype)
    arrays = bind_structure(model, _arrays(traced, None)) if weights else LazyArrays({})
    compared = partial(_check, traced, weights, stored_dtype) if check else None
    try:
        write = _write_two if external_data else _write_one
        return write(model, arrays, target, compared)
    except OSError as error:
        raise ExportError(f"{target} cannot be written: {error.strerror}.") from error


def _write_one(
    model: onnx.ModelProto, arrays: LazyArrays, target: Path, compared: Compared | None
) -> ExportReport:
    difference = compared(serialize(model, arrays)) if compared else None
    _note(model, difference)
    digest = write_one_file(target, pieces(model, arrays))
    return _report(model, target, difference, digest)


def _write_two(
    model: onnx.ModelProto, arrays: LazyArrays, target: Path, compared: Compared | None
) -> ExportReport:
    with pair_of_files(model, target, arrays) as (path, data):
        difference = compared(path) if compared else None
        _note(model, difference)
    digest = hashlib.sha256(target.read_bytes()).hexdigest()
    return _report(model, target, difference, digest, target.with_name(data.name))


def _note(model: onnx.ModelProto, difference: Difference | None) -> None:
    """Tell the difference in a model that holds its weights; a graph is the same everywhere."""
    if difference and all(one.doc_string != PARAMETER for one in model.graph.input):
        set_metadata(model, {DIFFERENCE: str(difference)})


def _report(
    model: onnx.ModelProto,
    target: Path,
    difference: Difference | None,
    digest: str,
    data: Path | None = None,
) -> ExportReport:
    return ExportReport(
        target,
        difference.absolute if difference else None,
        difference.relative if difference else None,
        len(model.graph.node),
        digest,
        data,
    )


def to_model(
    net: Any,
    *,
    inputs: Any = None,
    names: Sequence[str] | None = None,
    opset: int = opsets.DEFAULT,
    metadata: Mapping[str, str] | None = None,
    weights: bool = True,
    stored_dtype: str | None = None,
    params: Mapping[str, Any] | Sequence[Mapping[str, Any]] | str | Path | None = None,
    sizes: Mapping[str, Sequence[int]] | None = None,
) -> onnx.ModelProto:
    """As `export_onnx`, in memory and without the check. Raises ExportError."""
    traced = _trace(net, inputs, params, names, sizes)
    model = _graph(traced, opset, metadata, weights, stored_dtype)
    if weights:
        bind_model(model, _arrays(traced, None))
    return model


def _graph(
    traced: Trace,
    opset: int,
    metadata: Mapping[str, str] | None,
    weights: bool,
    stored_dtype: str | None,
) -> onnx.ModelProto:
    if stored_dtype not in (None, "float32", "float16") or (weights and stored_dtype):
        raise ExportError(
            "stored_dtype is 'float16' or 'float32', for a graph without weights (weights=False)."
        )
    stored = None if stored_dtype == "float32" else stored_dtype
    return translate(traced, opset, metadata or {}, stored)


def _check(
    traced: Trace, weights: bool, stored_dtype: str | None, content: bytes | Path
) -> Difference | None:
    """Raises ExportError for what is no valid ONNX, or not the network."""
    check_structure(content)
    if weights or isinstance(content, Path):
        return compare(content, traced)
    bound = bind(content, _arrays(traced, stored_dtype))
    check_structure(bound)
    return compare(bound, traced)


def _arrays(traced: Trace, stored_dtype: str | None) -> LazyArrays:
    """The weights by structural name as they are stored."""
    arrays = traced.network.arrays()
    known = [weight.name for weight in traced.weights.values() if weight.name in arrays]
    stored = None if stored_dtype == "float32" else stored_dtype
    return LazyArrays({name: partial(_stored, arrays, name, stored) for name in known})


def _stored(arrays: Mapping[str, NDArray[Any]], name: str, dtype: str | None) -> NDArray[Any]:
    array = arrays[name]
    if dtype is None or array.dtype != np.float32:
        return array
    with np.errstate(over="ignore"):
        stored = array.astype(dtype)
    if not np.array_equal(stored.astype(np.float32), array):
        raise ExportError(
            f"{name} holds numbers that {dtype} cannot: round the network's weights first, so "
            "that the check compares the same numbers, or pass check=False."
        )
    return stored


def _trace(net: Any, inputs: Any, params: Any, names: Any, sizes: Any) -> Trace:
    from zoo.onnx.network import open_network  # needs MXNet; whatever comes before does not

    if inputs is None and sizes is None and callable(getattr(net, "input_sizes", None)):
        sizes = net.input_sizes()
    return trace(open_network(net, inputs, params), names, sizes)
