"""Draws at random: their distribution, shape and dtype."""

from __future__ import annotations

import pytest

pytest.importorskip("zoo._mxnet", reason="needs MXNet", exc_type=ImportError)

from pathlib import Path
from typing import Any

import numpy as np

from zoo._mxnet import gluon, mx, nn
from zoo.errors import ExportError
from zoo.onnx import export_onnx, open_session, to_model
from zoo.onnx.operators import OPERATORS

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
    chance = 6 * spread / 4000**0.5  # six times the standard error: one of a thousand million
    assert found.mean() == pytest.approx(mean, abs=chance)
    assert found.std() == pytest.approx(spread, abs=chance)


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


class Encoder(gluon.HybridBlock):
    """Mean and spread, and what is drawn with them, as in a variational autoencoder."""

    def hybrid_forward(self, F: Any, data: Any) -> Any:
        mean, spread = F.tanh(data), F.exp(data / 2)
        return mean, spread, mean + F.random.normal_like(mean) * spread


def test_outputs_that_no_draw_reaches_are_compared(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    report = export_onnx(Encoder(), tmp_path / "net.onnx", inputs=("batch", 4))
    assert report.max_abs is not None
    assert report.max_abs < 1e-5
    monkeypatch.setitem(OPERATORS, "tanh", lambda _, ctx: ctx.inputs[0])
    with pytest.raises(ExportError, match="Output 'output0' differs from MXNet's"):
        export_onnx(Encoder(), tmp_path / "wrong.onnx", inputs=("batch", 4))


def test_where_all_is_drawn_no_difference_is_told(tmp_path: Path) -> None:
    layer = nn.HybridLambda(lambda F, x: F.random.normal_like(x))
    report = export_onnx(layer, tmp_path / "net.onnx", inputs=("batch", 4))
    assert (report.max_abs, report.max_rel) == (None, None)


class Noisy(gluon.HybridBlock):
    """Noise added in every step of a loop."""

    def hybrid_forward(self, F: Any, data: Any) -> Any:
        def body(step: Any, states: Any) -> Any:
            return step + F.random.normal_like(step), states

        outputs, _ = F.contrib.foreach(body, data, [F.sum(data, axis=0)])
        return outputs


def test_a_draw_within_a_loop_is_one_too(tmp_path: Path) -> None:
    report = export_onnx(Noisy(), tmp_path / "net.onnx", inputs=("time", 4))
    assert report.max_abs is None
