"""export_model, called as MXNet's own: `mxnet.onnx.export_model`, `mxnet.contrib.onnx` before."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx

from zoo.atomic import write_atomically
from zoo.errors import ExportError
from zoo.manifest import TensorSpec
from zoo.onnx import opset as opsets
from zoo.onnx.export import export_onnx
from zoo.onnx.mxnet_files import free_inputs, read_network
from zoo.onnx.serialization import serialize

_MORE = 32  # how much larger the second size is at which a free axis is tried


def export_model(
    sym: Any,
    params: Any,
    in_shapes: Any = None,
    in_types: Any = np.float32,
    onnx_file_path: str | Path = "model.onnx",
    verbose: bool = False,
    dynamic: bool = False,
    dynamic_input_shapes: Any = None,
    run_shape_inference: bool = False,
    input_type: Any = None,
    input_shape: Any = None,
    *,
    opset: int = opsets.DEFAULT,
    check: bool = True,
) -> str:
    """Write a network in MXNet's files, or a Symbol and its parameters, to an ONNX file.

    `sym` and `params` are paths of `-symbol.json` and `.params`, or a Symbol and a mapping of its
    parameters (or the two mappings of arguments and auxiliary states). `in_shapes` and `in_types`
    go by the inputs in their order. With `dynamic` the first axis of each input is free, or what
    is None or named in `dynamic_input_shapes`. `input_shape` and `input_type` are older names.
    Checked as `export_onnx` does; returns `onnx_file_path`. Raises ExportError.
    """
    symbol, arrays = read_network(sym, params)
    shapes = _listed(input_shape if input_shape is not None else in_shapes)
    names = free_inputs(symbol, arrays)
    if len(shapes) != len(names):
        raise ExportError(f"in_shapes needs a shape for each of: {', '.join(names)}.")
    types = _types(input_type if input_type is not None else in_types, len(names))
    free = _free(names, shapes, dynamic_input_shapes) if dynamic else shapes
    specs = [TensorSpec(*one) for one in zip(names, free, types, strict=True)]
    report = export_onnx(
        symbol,
        onnx_file_path,
        inputs=specs,
        params=arrays,
        sizes=_sizes(free, shapes) or None,
        opset=opset,
        check=check,
    )
    if run_shape_inference:
        model = onnx.shape_inference.infer_shapes(onnx.load(report.path))
        write_atomically(report.path, serialize(model))
    if verbose:
        logging.getLogger(__name__).info("%s: %d nodes", report.path, report.nodes)
    return str(onnx_file_path)


def _listed(shapes: Any) -> list[tuple[int, ...]]:
    if shapes is None:
        raise ExportError("in_shapes is needed: the shape of each input.")
    one = all(isinstance(size, int | np.integer) for size in shapes)
    return [tuple(int(size) for size in shape) for shape in ([shapes] if one else shapes)]


def _types(types: Any, count: int) -> list[str]:
    listed = types if isinstance(types, list | tuple) else [types] * count
    if len(listed) != count:
        raise ExportError(f"in_types holds {len(listed)} dtypes for {count} inputs.")
    return [np.dtype(one).name for one in listed]


def _free(
    names: Sequence[str], shapes: Sequence[tuple[int, ...]], wanted: Any
) -> list[tuple[int | str, ...]]:
    """The shapes with names for free axes; first sizes like the first input's are the batch."""
    batch = shapes[0][:1]
    if wanted is None:
        return [("batch", *one[1:]) if one and one[:1] == batch else one for one in shapes]
    if len(wanted) != len(shapes):
        raise ExportError(f"dynamic_input_shapes holds {len(wanted)} shapes for {len(shapes)}.")
    for name, one, shape in zip(names, wanted, shapes, strict=True):
        if len(one) != len(shape):
            raise ExportError(
                f"dynamic_input_shapes gives {name!r} {len(one)} axes, in_shapes {len(shape)}: "
                "give each axis a size, a name or None."
            )
    return [
        tuple(_axis(name, axis, size, shape[:1] == batch) for axis, size in enumerate(one))
        for name, one, shape in zip(names, wanted, shapes, strict=True)
    ]


def _axis(name: str, axis: int, size: Any, batched: bool) -> int | str:
    if size is not None:
        return size if isinstance(size, str) else int(size)
    return f"{name}_axis_{axis}" if axis or not batched else "batch"


def _sizes(
    free: Sequence[tuple[int | str, ...]], shapes: Sequence[tuple[int, ...]]
) -> dict[str, tuple[int, int]]:
    """Where the free axes are tried: at the size given, and at a larger one."""
    pairs: dict[str, tuple[int, int]] = {}
    for named, shape in zip(free, shapes, strict=True):
        for axis, (name, size) in enumerate(zip(named, shape, strict=True)):
            if isinstance(name, str):
                pairs.setdefault(name, (size, size + (_MORE if axis > 1 else 1)))
    return pairs
