"""safetensors files, NumPy arrays and Gluon parameters, strict in every direction."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from zoo import gluon_params
from zoo.atomic import write_atomically
from zoo.byte_order import little_endian
from zoo.errors import ConfigError, WeightsError, shown
from zoo.safetensors_check import check_header, header_length

Arrays = Mapping[str, np.ndarray[Any, Any]]

_CODES = {
    "float64": "F64",
    "float32": "F32",
    "float16": "F16",
    "int64": "I64",
    "int32": "I32",
    "int16": "I16",
    "int8": "I8",
    "uint8": "U8",
    "bool": "BOOL",
}


def read(source: Path | str | bytes) -> dict[str, np.ndarray[Any, Any]]:
    """The arrays of a safetensors file or of its bytes, sorted by name.

    Raises WeightsError for a file that is missing, damaged, or holds numbers that are not finite.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load as parse

    name = "the safetensors bytes" if isinstance(source, bytes) else str(source)
    try:
        content = _checked_bytes(source) if isinstance(source, bytes) else _checked_file(source)
        found = parse(content)
        arrays = {key: found[key] for key in sorted(found)}
        _refuse_not_finite(arrays)
        _refuse_not_bool(arrays)
    except (WeightsError, SafetensorError) as error:
        raise WeightsError(f"{name}: {error}") from None
    except OSError as error:
        raise WeightsError(f"{name}: cannot be read: {error.strerror}.") from None
    except MemoryError:
        raise WeightsError(f"{name}: it does not fit into this machine's memory.") from None
    return arrays


def write(path: Path | str, arrays: Arrays, metadata: Mapping[str, str] | None = None) -> str:
    """Write a safetensors file, whole or not at all; equal arrays always give equal bytes.

    Returns the file's sha256. Raises WeightsError for what `read` would refuse, OSError.
    """
    content = _serialize(arrays, {"format": "np", **dict(sorted((metadata or {}).items()))})
    try:
        read(content)
    except WeightsError as error:
        raise WeightsError(f"{path}: not written: {error}") from None
    write_atomically(Path(path), content)
    return hashlib.sha256(content).hexdigest()


def read_metadata(content: bytes) -> dict[str, str]:
    """The metadata of a safetensors file's bytes. Raises WeightsError."""
    _checked_bytes(content)
    header = json.loads(content[8 : 8 + header_length(content[:8], len(content))])
    return dict(header.get("__metadata__", {}))


def check(arrays: Arrays, expected: Mapping[str, tuple[tuple[int, ...], Any]]) -> None:
    """Compare arrays with the expected (shape, dtype) of each name.

    Raises WeightsError listing what is missing, unknown, of the wrong shape or dtype.
    """
    held = ((name, arrays[name]) for name in expected if name in arrays)
    found = {name: (array.shape, array.dtype) for name, array in held}
    shapes = [
        f"{name} is {shape}, expected {tuple(expected[name][0])}"
        for name, (shape, _) in found.items()
        if shape != tuple(expected[name][0])
    ]
    dtypes = [
        f"{name} is {dtype.name}, expected {np.dtype(expected[name][1]).name}"
        for name, (_, dtype) in found.items()
        if dtype.newbyteorder("=") != np.dtype(expected[name][1])
    ]
    problems = {
        "missing": [name for name in expected if name not in arrays],
        "unknown": [name for name in arrays if name not in expected],
        "wrong shape": shapes,
        "wrong dtype": dtypes,
    }
    if any(problems.values()):
        listed = "; ".join(f"{what}: {_few(names)}" for what, names in problems.items() if names)
        raise WeightsError(f"The weights do not fit. {listed}.")


def parameters(net: Any) -> dict[str, Any]:
    """A Gluon network's Parameter objects by structural name, tied ones once, under the first.

    Names are attributes and children joined by dots, `features.0.weight` or `rnn.l0_i2h_weight`.
    """
    distinct: dict[int, tuple[str, Any]] = {}
    for name, parameter in names(net).items():
        distinct.setdefault(id(parameter), (name, parameter))
    return dict(distinct.values())


def names(net: Any) -> dict[str, Any]:
    """A Gluon network's Parameter objects under all structural names, tied ones under each."""
    return dict(_walk(net, ""))


def arrays(net: Any) -> dict[str, np.ndarray[Any, Any]]:
    """A Gluon network's parameters by structural name, tied ones once.

    Raises WeightsError for a parameter that has no value yet.
    """
    found = parameters(net)
    empty = [name for name, parameter in found.items() if parameter._data is None]
    if empty:
        raise WeightsError(
            f"Without a value: {_few(empty)}. Call net.initialize() and run one forward pass first."
        )
    return {name: one.list_data()[0].asnumpy() for name, one in found.items()}


def load(
    net: Any,
    arrays: Arrays,
    *,
    ctx: Any = None,
    dtype: str | None = None,
    widen: bool = False,
) -> None:
    """Set all parameters of a Gluon network, or none: a refusal leaves the old values untouched.

    A network without values is initialised on `ctx` (default: CPU); one that has values keeps its
    contexts unless `ctx` is given. `dtype` is the declared dtype of the stored floating-point
    numbers; they are widened to the parameters' dtype. Without it both must be the same, or with
    `widen` no digits be lost: in a network cast to float16 Gluon keeps float32 for some.
    Raises WeightsError for arrays that do not fit, ConfigError for a context that is not there.
    """
    from zoo._mxnet import mx

    found = parameters(net)
    told = _float_dtypes(arrays) if widen else dict.fromkeys(found, dtype)
    stored = {name: _stored_dtype(name, one, told.get(name)) for name, one in found.items()}
    shapes = {name: _full_shape(one, arrays.get(name)) for name, one in found.items()}
    check(arrays, {name: (shapes[name], stored[name]) for name in found})
    _refuse_not_finite(arrays)
    contexts = _contexts(ctx)
    for name, parameter in found.items():
        _prepare(parameter, shapes[name], contexts)
        array = arrays[name].astype(parameter.dtype)
        parameter.set_data(mx.nd.from_numpy(array, zero_copy=False))


def _checked_bytes(content: bytes) -> bytes:
    end = 8 + header_length(content[:8], len(content))
    check_header(content[8:end], len(content) - end)
    return content


def _checked_file(path: Path | str) -> bytes:
    path = Path(path)
    if not path.is_file():
        raise WeightsError("there is no such file.")
    with path.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        start = file.read(8)
        if start == gluon_params.MAGIC:
            raise WeightsError(
                "this is MXNet's .params format: convert it with `zoo import-params "
                f"{path} {path.with_suffix('.safetensors')} --architecture NAME`."
            )
        header = file.read(header_length(start, size))
        check_header(header, size - 8 - len(header))
        return _checked_bytes(start + header + file.read(size))


def _serialize(arrays: Arrays, metadata: Mapping[str, str]) -> bytes:
    header: dict[str, Any] = {"__metadata__": metadata}
    body: list[bytes] = []
    position = 0
    for name in sorted(arrays, key=lambda one: (-arrays[one].dtype.itemsize, one)):
        array = arrays[name]
        if array.dtype.name not in _CODES:
            raise WeightsError(f"{name}: {array.dtype.name} has no place in a weights file.")
        body.append(little_endian(array))
        header[name] = {
            "dtype": _CODES[array.dtype.name],
            "shape": list(array.shape),
            "data_offsets": [position, position + len(body[-1])],
        }
        position += len(body[-1])
    text = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode()
    text += b" " * (-len(text) % 8)
    return b"".join([len(text).to_bytes(8, "little"), text, *body])


def _refuse_not_finite(arrays: Arrays) -> None:
    bad = [
        name for name, one in arrays.items() if one.dtype.kind == "f" and not np.isfinite(one).all()
    ]
    if bad:
        raise WeightsError(f"numbers that are not finite in {_few(bad)}.")


def _refuse_not_bool(arrays: Arrays) -> None:
    bad = [
        name
        for name, one in arrays.items()
        if one.dtype.kind == "b" and one.view(np.uint8).max(initial=0) > 1
    ]
    if bad:
        raise WeightsError(f"bytes that are neither true nor false in {_few(bad)}.")


def _walk(block: Any, prefix: str) -> Iterator[tuple[str, Any]]:
    # Gluon's own _collect_params_with_prefix renames the parameters of recurrent layers
    for name, parameter in block._reg_params.items():
        yield prefix + name, parameter
    for name, child in block._children.items():
        yield from _walk(child, f"{prefix}{name}.")


def _stored_dtype(name: str, parameter: Any, declared: str | None) -> Any:
    own = np.dtype(parameter.dtype)
    if declared is None or own.kind != "f":
        return own
    if not np.can_cast(declared, own, "safe"):
        raise WeightsError(f"{name} is {own.name}: stored {declared} would lose digits.")
    return np.dtype(declared)


def _float_dtypes(arrays: Arrays) -> dict[str, str | None]:
    return {name: one.dtype.name for name, one in arrays.items() if one.dtype.kind == "f"}


def _full_shape(parameter: Any, array: np.ndarray[Any, Any] | None) -> tuple[int, ...]:
    """The parameter's shape; a dimension that is still unknown takes the stored one."""
    if parameter.shape is None:
        return () if array is None else array.shape
    shape = tuple(parameter.shape)
    if array is None or len(shape) != array.ndim:
        return shape
    return tuple(own if own > 0 else there for own, there in zip(shape, array.shape, strict=True))


def _contexts(ctx: Any) -> list[Any] | None:
    from zoo._mxnet import mx

    if ctx is None:
        return None
    contexts = [ctx] if isinstance(ctx, str) or not isinstance(ctx, Iterable) else list(ctx)
    if not contexts or not all(isinstance(one, mx.Context) for one in contexts):
        raise ConfigError(
            f"ctx is a context, such as mx.cpu(), or a list of at least one, not {ctx!r}."
        )
    for one in contexts:
        try:
            mx.nd.zeros((1,), ctx=one).wait_to_read()
        except mx.base.MXNetError:
            raise ConfigError(f"There is no context {one} here: use mx.cpu().") from None
    return contexts


def _prepare(parameter: Any, shape: tuple[int, ...], contexts: list[Any] | None) -> None:
    from zoo._mxnet import mx

    if parameter._data is not None:
        if contexts is not None and set(contexts) != set(parameter.list_ctx()):
            parameter.reset_ctx(contexts)
        return
    if contexts is None:
        contexts = parameter.list_ctx() if parameter._deferred_init else [mx.cpu()]
    parameter.shape = shape
    parameter.initialize(mx.init.Zero(), ctx=contexts, force_reinit=True)


def _few(names: list[str], most: int = 5) -> str:
    rest = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(shown(name, 300) for name in names[:most]) + rest
