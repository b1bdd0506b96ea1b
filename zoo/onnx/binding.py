"""A graph without weights and the arrays of a weights file -> a self-contained ONNX model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import onnx
from google.protobuf.message import DecodeError  # type: ignore[import-untyped]
from numpy.typing import NDArray
from onnx import helper

from zoo import params
from zoo.errors import WeightsError
from zoo.onnx.folding import fill, fold
from zoo.onnx.graph import PARAMETER, set_metadata
from zoo.onnx.serialization import serialize
from zoo.onnx.structure import check_model
from zoo.onnx.weights import LazyArrays


def bind(
    graph: bytes, arrays: Mapping[str, NDArray[Any]], *, metadata: Mapping[str, str] | None = None
) -> bytes:
    """The bytes of the model in which `arrays` are the weights of `graph`.

    The weights are initializers, never inputs, re-packed once here; equal arguments give equal
    bytes. `metadata` is added to the model's metadata_props. Raises WeightsError for bytes that
    are no such graph, for a graph that needs more than itself (see `structure`), and for
    arrays that do not fit it: missing, unknown, wrong shape or dtype.
    """
    model = parse(graph)
    left = bind_structure(model, arrays)
    set_metadata(model, metadata or {})
    return serialize(model, left)


def bind_model(model: onnx.ModelProto, arrays: Mapping[str, NDArray[Any]]) -> None:
    """As `bind`, in place."""
    fill(model.graph, bind_structure(model, arrays))


def bind_structure(model: onnx.ModelProto, arrays: Mapping[str, NDArray[Any]]) -> LazyArrays:
    """As `bind_model`, but large weights are left without bytes: returns those, by name."""
    declared = [one for one in model.graph.input if one.doc_string == PARAMETER]
    params.check(arrays, {one.name: _declaration(one) for one in declared})
    data = [one for one in model.graph.input if one.doc_string != PARAMETER]
    del model.graph.input[len(data) :]  # parameters come last
    return fold(model.graph, arrays, _opset(model))


def read_opset(model: bytes) -> int:
    """The opset of a model's bytes. Raises WeightsError for bytes that are none."""
    return _opset(parse(model))


def read_metadata(model: bytes) -> dict[str, str]:
    """The metadata_props of a model's bytes. Raises WeightsError for bytes that are none."""
    return {one.key: one.value for one in parse(model).metadata_props}


def parse(graph: bytes) -> onnx.ModelProto:
    """The model in a file's bytes. Raises WeightsError for bytes that are none."""
    check_model(graph)
    try:
        model = onnx.load_model_from_string(graph)
    except DecodeError:
        raise WeightsError("The graph's bytes are not an ONNX file.") from None
    if not model.graph.node:
        raise WeightsError("The graph's bytes are not an ONNX file with nodes.")
    return model


def _declaration(info: onnx.ValueInfoProto) -> tuple[tuple[int, ...], Any]:
    kind = info.type.tensor_type
    shape = tuple(axis.dim_value for axis in kind.shape.dim)
    return shape, helper.tensor_dtype_to_np_dtype(kind.elem_type)


def _opset(model: onnx.ModelProto) -> int:
    named = [one.version for one in model.opset_import if one.domain in ("", "ai.onnx")]
    if not named:
        raise WeightsError("The ONNX file names no opset.")
    return int(named[0])
