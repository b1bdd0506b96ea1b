"""The comparison of ONNX Runtime with MXNet."""

from __future__ import annotations

import pytest

pytest.importorskip("zoo._mxnet", reason="needs MXNet", exc_type=ImportError)

from pathlib import Path
from typing import Any

from layers import IDS, function

from zoo.errors import ExportError
from zoo.onnx import export_onnx
from zoo.onnx.operators import OPERATORS


def test_integers_must_be_the_same_however_large(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    layer = function(lambda F, x: x + 33277)
    assert export_onnx(layer(), tmp_path / "net.onnx", inputs=IDS).max_abs == 0
    monkeypatch.setitem(OPERATORS, "_plus_scalar", one_more)
    message = "'output' differs from MXNet's in 10 of 10 numbers, and no int64 may differ"
    with pytest.raises(ExportError, match=message):
        export_onnx(layer(), tmp_path / "net.onnx", inputs=IDS)


def one_more(node: Any, ctx: Any) -> str:
    return ctx.emit("Add", *ctx.inputs, ctx.scalar(node.attributes.number("scalar", 0) + 1))
