"""Draws at random: their distribution, shape and dtype."""

from __future__ import annotations

import pytest

pytest.importorskip("zoo._mxnet", reason="needs MXNet", exc_type=ImportError)

from pathlib import Path
from typing import Any

import numpy as np

from zoo._mxnet import mx, nn
from zoo.errors import ExportError
from zoo.onnx import export_onnx, open_session, to_model

SHAPE = ("batch", 4000)


def drawn(F: Any, logits: Any) -> Any:
    """Classes; a symbol always has their probabilities too."""
    result = F.random.multinomial(F.softmax(logits), shape=(4000,))
    return result[0] if isinstance(result, mx.sym.Symbol) else result


DRAWS = {
    "normal_like": (lambda F, x: F.random.normal_like(x, loc=3, scale=2), 3, 2),
    "uniform_like": (lambda F, x: F.random.uniform_like(x, low=-2, high=4), 1, 3**0.5),
    "normal": (
        lambda F, x: F.broadcast_add(x * 0, F.random.normal(2, 0.5, shape=(1, 4000))),
        2,
        0.5,
    ),
    "uniform": (
        lambda F, x: F.broadcast_add(x * 0, F.random.uniform(0, 6, shape=(1, 4000))),
        3,
        3**0.5,
    ),
    "multinomial": (
        lambda F, x: F.cast(drawn(F, F.slice_axis(x * 0, axis=1, begin=0, end=3)), "float32"),
        1,
        (2 / 3) ** 0.5,
    ),
}


@pytest.mark.parametrize("opset", [17, 21])
@pytest.mark.parametrize("name", DRAWS)
def test_draws_are_of_their_distribution(tmp_path: Path, name: str, opset: int) -> None:
    call, mean, spread = DRAWS[name]
    report = export_onnx(nn.HybridLambda(call), tmp_path / "net.onnx", inputs=SHAPE, opset=opset)
    session = open_session(report.path.read_bytes(), threads=1)
    (found,) = session.run(None, {"data": np.zeros((2, 4000), np.float32)})
    assert found.shape == (2, 4000)
    assert found.mean() == pytest.approx(mean, abs=0.1)
    assert found.std() == pytest.approx(spread, abs=0.1)


@pytest.mark.parametrize(
    ("call", "opset", "message"),
    [
        (lambda F, x: F.random.normal_like(x), 22, "choose one up to 21"),
        (lambda F, x: F.random.multinomial(F.softmax(x), get_prob=True)[1], 21, "its output 1"),
    ],
)
def test_what_cannot_be_drawn_is_refused(call: Any, opset: int, message: str) -> None:
    with pytest.raises(ExportError, match=message):
        to_model(nn.HybridLambda(call), inputs=("batch", 4), opset=opset)
