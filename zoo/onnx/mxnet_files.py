"""Networks as MXNet writes them: `net-symbol.json` and `net-0000.params`, or what these hold."""

from __future__ import annotations

import glob
import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from zoo import strict_json
from zoo._mxnet import mx
from zoo.errors import ExportError
from zoo.gluon_params import FormatError, read_index
from zoo.onnx.reasons import in_one_line
from zoo.onnx.symbol import read_symbol

SYMBOL = "-symbol.json"

_MOST_BYTES, _MOST_PARTS = 64 << 20, 4_000_000  # of a symbol's JSON


def read_network(symbol: Any, params: Any) -> tuple[Any, dict[str, Any]]:
    """The Symbol, and its parameters by name without `arg:` and `aux:`.

    Each may be a path; parameters may be a mapping, or the mappings of both kinds. Raises
    ExportError.
    """
    if isinstance(symbol, str | Path):
        symbol = _read_symbol(Path(symbol))
    if not isinstance(symbol, mx.sym.Symbol):
        raise ExportError(f"sym must be a Symbol or the path of one, not {type(symbol).__name__}.")
    if isinstance(params, str | Path):
        params = _read_params(Path(params))
    parts = params if isinstance(params, list | tuple) else [params]
    if not parts or not all(isinstance(part, Mapping) for part in parts):
        raise ExportError("params must be a path, a mapping, or the mappings of both kinds.")
    return symbol, {_own_name(name): array for part in parts for name, array in part.items()}


def _own_name(name: str) -> str:
    """Without the kind that MXNet's files put before it."""
    return name[4:] if name.startswith(("arg:", "aux:")) else name


def free_inputs(symbol: Any, params: Mapping[str, Any]) -> list[str]:
    """The variables that are neither parameters nor labels, in MXNet's order."""
    labels = read_symbol(symbol.tojson()).labels()
    return [name for name in symbol.list_inputs() if name not in params and name not in labels]


def parameters_beside(symbol: str | Path) -> Path:
    """The one file of parameters beside a symbol's. Raises ExportError for none and for several."""
    path = Path(symbol)
    if not path.is_file():
        raise ExportError(
            f"There is no file {path}: a network is a HybridBlock, such as "
            "zoo.get_model('lenet', pretrained=True), a Symbol, or the path of a -symbol.json."
        )
    form = f"{glob.escape(path.name.removesuffix(SYMBOL))}-[0-9][0-9][0-9][0-9].params"
    found = sorted(path.parent.glob(form))
    if len(found) != 1:
        names = ", ".join(one.name for one in found) or "none"
        raise ExportError(
            f"The parameters of {path} are needed: params=, or --params FILE (beside it: {names})."
        )
    return found[0]


def describe(symbol: str | Path, params: Any) -> dict[str, str]:
    """Where a network came from: the symbol's file name, and the parameters' digest."""
    source = {"source": Path(symbol).name}
    if not isinstance(params, str | Path):
        return source
    return {**source, "weights_sha256": _digest(Path(params))}


def _digest(path: Path) -> str:
    try:
        with path.open("rb") as file:
            digest = hashlib.sha256()
            while block := file.read(1 << 20):
                digest.update(block)
    except OSError as error:
        raise _unreadable(path, error) from None
    return digest.hexdigest()


def _read_symbol(path: Path) -> Any:
    """MXNet's own reader gets nothing but JSON."""
    try:
        content = path.read_bytes()
        strict_json.parse(content, most_bytes=_MOST_BYTES, most_parts=_MOST_PARTS)
    except OSError as error:
        raise _unreadable(path, error) from None
    except ValueError as error:
        raise ExportError(f"{path} is not the JSON of an MXNet symbol: {error}.") from None
    return _load(mx.sym.load, path)


def _read_params(path: Path) -> Any:
    """MXNet's own reader, which can crash, gets nothing but files of the right structure."""
    try:
        with path.open("rb") as file:
            read_index(file)
    except OSError as error:
        raise _unreadable(path, error) from None
    except FormatError as error:
        raise ExportError(f"{path} cannot be read: {error}.") from None
    return _load(mx.nd.load, path)


def _load(load: Any, path: Path) -> Any:
    try:
        return load(str(path))
    except (mx.MXNetError, ValueError) as error:
        raise ExportError(f"MXNet cannot read {path}: {in_one_line(error)}") from error


def _unreadable(path: Path, error: OSError) -> ExportError:
    return ExportError(f"{path} cannot be read: {error.strerror}.")
