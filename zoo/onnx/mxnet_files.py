"""Networks as MXNet writes them: `net-symbol.json` and `net-0000.params`, or what these hold."""

from __future__ import annotations

import glob
import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from zoo._mxnet import mx
from zoo.errors import ExportError
from zoo.onnx.symbol import read_symbol

SYMBOL = "-symbol.json"


def read_network(symbol: Any, params: Any) -> tuple[Any, dict[str, Any]]:
    """The Symbol, and its parameters by name without `arg:` and `aux:`.

    Each may be a path; parameters may be a mapping, or the mappings of both kinds. Raises
    ExportError.
    """
    if isinstance(symbol, str | Path):
        symbol = _read(mx.sym.load, symbol)
    if not isinstance(symbol, mx.sym.Symbol):
        raise ExportError(f"sym must be a Symbol or the path of one, not {type(symbol).__name__}.")
    if isinstance(params, str | Path):
        params = _read(mx.nd.load, params)
    parts = params if isinstance(params, list | tuple) else [params]
    if not parts or not all(isinstance(part, Mapping) for part in parts):
        raise ExportError("params must be a path, a mapping, or the mappings of both kinds.")
    return symbol, {name.split(":", 1)[-1]: array for part in parts for name, array in part.items()}


def free_inputs(symbol: Any, params: Mapping[str, Any]) -> list[str]:
    """The variables that are neither parameters nor labels, in MXNet's order."""
    labels = read_symbol(symbol.tojson()).labels()
    return [name for name in symbol.list_inputs() if name not in params and name not in labels]


def parameters_beside(symbol: str | Path) -> Path:
    """The one file of parameters beside a symbol's. Raises ExportError for none and for several."""
    path = Path(symbol)
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
        raise ExportError(f"{path} cannot be read: {error.strerror}.") from None
    return digest.hexdigest()


def _read(load: Any, path: str | Path) -> Any:
    if not Path(path).is_file():
        raise ExportError(f"There is no file {path}.")
    try:
        return load(str(path))
    except (mx.MXNetError, ValueError) as error:
        reason = str(error).splitlines()[-1]
        raise ExportError(f"MXNet cannot read {path}: {reason}") from error
