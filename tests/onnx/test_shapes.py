"""Sizes that follow free axes: seen through where two sizes that are tried deceive."""

from __future__ import annotations

import pytest

pytest.importorskip("zoo._mxnet", reason="needs MXNet", exc_type=ImportError)

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from layers import assert_close

from zoo._mxnet import gluon, mx, nn
from zoo.errors import ExportError
from zoo.onnx import open_session, to_model

MULTIPLES = {"height": (64, 96), "width": (64, 96)}


class Shrunk(gluon.HybridBlock):
    """Pictures an eighth as large; 3 and 7 both become 1."""

    def __init__(self, function: Callable[[Any, Any, Any], Any]) -> None:
        super().__init__()
        self._function = function
        self.layers = nn.HybridSequential()
        self.layers.add(*(nn.Conv2D(4, 3, 2, 1, in_channels=one) for one in (3, 4, 4)))

    def hybrid_forward(self, F: Any, x: Any) -> Any:
        return self._function(F, self.layers(x), x)


def shrunk(function: Callable[[Any, Any, Any], Any]) -> Shrunk:
    net = Shrunk(function)
    mx.random.seed(0)  # the tolerance is not for the numbers that earlier tests leave
    net.initialize(mx.init.Normal(0.5))
    return net


def enlarged(F: Any, y: Any) -> Any:
    return F.UpSampling(y, scale=8, sample_type="nearest")


FUNCTIONS: dict[str, tuple[Callable[[Any, Any, Any], Any], Mapping[str, tuple[int, int]] | None]]
FUNCTIONS = {
    "joined_places": (lambda F, y, x: F.softmax(F.reshape(y, (0, -3, -2)), axis=1), None),
    "numbered": (lambda F, y, x: F.contrib.arange_like(y, axis=2), None),
    "flat": (lambda F, y, x: F.mean(F.reshape(y, (0, 0, -1)), axis=2), None),
    "cut_to_the_input": (lambda F, y, x: F.slice_like(enlarged(F, y), x, axes=(2, 3)), MULTIPLES),
    "repeated": (lambda F, y, x: F.repeat(y, 2, axis=2), None),
    "attended": (
        lambda F, y, x: F.batch_dot(
            F.reshape(y, (0, 0, -1)), F.reshape(y, (0, 0, -1)), transpose_b=True
        ),
        None,
    ),
}


@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.parametrize("opset", [17, 21])
def test_sizes_that_were_not_tried(name: str, opset: int) -> None:
    function, sizes = FUNCTIONS[name]
    net = shrunk(function)
    inputs = ("batch", 3, "height", "width")
    model = to_model(net, inputs=inputs, sizes=sizes, opset=opset).SerializeToString()
    session, random = open_session(model, threads=1), np.random.default_rng(0)
    for shape in ((1, 3, 64, 64), (2, 3, 65, 63), (3, 3, 33, 40)):
        data = random.standard_normal(shape).astype(np.float32)
        (found,) = session.run(None, {"data": data})
        assert_close(net(mx.nd.array(data)).asnumpy(), found, 5e-6)


def test_a_free_axis_is_not_dropped_where_it_happens_to_be_one() -> None:
    with pytest.raises(ExportError, match="drops a free axis where its size is 1: name the axes"):
        to_model(nn.HybridLambda(lambda F, x: F.squeeze(x)), inputs=("batch", 1, 6))


def test_a_rank_that_depends_on_sizes_is_refused() -> None:
    net = shrunk(lambda F, y, x: F.squeeze(y))
    with pytest.raises(ExportError, match=r"The rank of '.*squeeze0_output' depends on the sizes"):
        to_model(net, inputs=(2, 3, "height", 24))


def test_what_mxnet_refuses_is_told_in_one_line() -> None:
    symbol = mx.sym.FullyConnected(mx.sym.var("data"), num_hidden=2, name="two\nlines")
    weights = {"two\nlines_weight": mx.nd.ones((2, 6)), "two\nlines_bias": mx.nd.ones(2)}
    with pytest.raises(ExportError, match=r"MXNet refuses these inputs: .*inconsistent") as caught:
        to_model(symbol, inputs={"data": ("batch", 7)}, params=weights)
    assert "\n" not in str(caught.value)


def test_mxnet_says_nothing_of_the_sizes_that_it_refuses(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A skip connection takes multiples of 8 only, not the odd size that is tried, too."""
    net = shrunk(lambda F, y, x: F.concat(enlarged(F, y), x, dim=1))
    to_model(net, inputs=("batch", 3, "height", "width"), sizes=MULTIPLES)
    assert capsys.readouterr().out == ""
