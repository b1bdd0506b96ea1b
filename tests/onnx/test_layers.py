"""Layers of gluon.nn and gluon.contrib.nn that are made of others, losses, and trained heads."""

from __future__ import annotations

import pytest

pytest.importorskip("zoo._mxnet", reason="needs MXNet", exc_type=ImportError)

from pathlib import Path
from typing import Any

from layers import CUBE, IMAGE, LINE, ROW, VOLUME, Case, chain, check, function, over

from zoo._mxnet import gluon, mx, nn
from zoo.errors import ExportError
from zoo.manifest import TensorSpec
from zoo.onnx import export_onnx, to_model

contrib = gluon.contrib.nn
loss = gluon.loss
CLASSES = TensorSpec("label", ("batch",), "int64")


def beside(build: Any) -> Any:
    """Two dense layers side by side."""

    def make() -> Any:
        net = build()
        net.add(nn.Dense(3), contrib.Identity(), nn.Dense(4))
        return net

    return make


class Divergence(gluon.HybridBlock):
    """Of a distribution from a positive one, whose logarithm there is."""

    def __init__(self, from_logits: bool) -> None:
        super().__init__()
        self.loss = loss.KLDivLoss(from_logits=from_logits)

    def hybrid_forward(self, F: Any, prediction: Any, label: Any) -> Any:
        return self.loss(prediction, F.softmax(label))


CASES = [
    Case("reflection_pad", lambda: nn.ReflectionPad2D(2), IMAGE, "Pad"),
    Case("reflection_pads", lambda: nn.ReflectionPad2D((0, 0, 0, 0, 1, 2, 3, 1)), IMAGE, "Pad"),
    Case("identity", chain(contrib.Identity, lambda: nn.Activation("relu")), ROW, "Relu"),
    Case("concurrent", beside(lambda: contrib.HybridConcurrent(axis=-1)), ROW),
    Case("pixel_shuffle_1d", lambda: contrib.PixelShuffle1D(2), LINE),
    Case("pixel_shuffle_2d", lambda: contrib.PixelShuffle2D(2), IMAGE),
    Case("pixel_shuffle_2d_unequal", lambda: contrib.PixelShuffle2D((1, 2)), IMAGE),
    Case("pixel_shuffle_3d", lambda: contrib.PixelShuffle3D(2), ("batch", 16, 2, 3, 4)),
    Case("dense_tanh", lambda: nn.Dense(3, activation="tanh", flatten=False), CUBE),
    Case("swish_volume", nn.Swish, VOLUME),
    Case("prelu_volume", nn.PReLU, VOLUME, "PRelu"),
    Case("l2_loss", loss.L2Loss, [ROW, ROW]),
    Case("l1_loss", loss.L1Loss, [ROW, ROW]),
    Case("softmax_loss", loss.SoftmaxCrossEntropyLoss, [ROW, CLASSES]),
    Case(
        "softmax_loss_dense",
        lambda: loss.SoftmaxCrossEntropyLoss(sparse_label=False),
        [ROW, ROW],
    ),
    Case("sigmoid_loss", loss.SigmoidBinaryCrossEntropyLoss, [ROW, ROW]),
    Case("huber_loss", loss.HuberLoss, [ROW, ROW]),
    Case("hinge_loss", loss.HingeLoss, [ROW, ROW]),
    Case("squared_hinge_loss", loss.SquaredHingeLoss, [ROW, ROW]),
    Case("logistic_loss", loss.LogisticLoss, [ROW, ROW]),
    *(
        Case(f"divergence_{logits}", lambda logits=logits: Divergence(logits), [ROW, ROW])
        for logits in (True, False)
    ),
    Case("poisson_loss", loss.PoissonNLLLoss, [ROW, ROW]),
    Case("triplet_loss", loss.TripletLoss, [ROW, ROW, ROW]),
    Case("cosine_loss", loss.CosineEmbeddingLoss, [ROW, ROW, ("batch",)]),
    Case("softmax_rows", function(lambda F, x: F.SoftmaxActivation(x)), IMAGE),
    Case("softmax_channels", function(lambda F, x: F.SoftmaxActivation(x, mode="channel")), IMAGE),
    Case("softmin", function(lambda F, x: F.softmin(x, axis=1)), CUBE),
    Case("softmax_float", function(lambda F, x: F.softmax(x, dtype="float64")), ROW),
    Case(
        "softmax_lengths",
        function(lambda F, x, n: F.softmax(x, F.cast(n, "int32") + 1, use_length=True)),
        [("batch", 9), CLASSES],
    ),
    Case(
        "softmax_cross_entropy",
        function(lambda F, x, y: F.softmax_cross_entropy(x, F.cast(y, "float32"))),
        [("batch", 9), CLASSES],
    ),
    Case("make_loss", function(lambda F, x: F.MakeLoss(F.exp(x))), ROW, "Exp"),
    Case("sum_pool", function(lambda F, x: F.Pooling(x, kernel=(2, 3), pool_type="sum")), IMAGE),
    Case(
        "sum_pool_padded",
        function(lambda F, x: F.Pooling(x, kernel=(3,), pad=(1,), stride=(2,), pool_type="sum")),
        LINE,
    ),
    Case(
        "sum_pool_global",
        function(lambda F, x: F.Pooling(x, kernel=(1, 1), pool_type="sum", global_pool=True)),
        IMAGE,
    ),
    *(
        Case(
            f"lp_pool_{power}",
            function(
                lambda F, x, power=power: F.Pooling(
                    x, kernel=(2, 2), stride=(2, 2), pool_type="lp", p_value=power
                )
            ),
            IMAGE,
        )
        for power in (1, 2, 3)
    ),
]


@over(CASES)
def test_layer(case: Case, opset: int) -> None:
    check(case, opset)


HEADS = {
    "softmax": lambda x: mx.sym.SoftmaxOutput(x, name="softmax"),
    "softmax_preserved": lambda x: mx.sym.SoftmaxOutput(x, preserve_shape=True, name="head"),
    "softmax_channels": lambda x: mx.sym.SoftmaxOutput(x, multi_output=True, name="head"),
    "linear": lambda x: mx.sym.LinearRegressionOutput(x, name="head"),
    "logistic": lambda x: mx.sym.LogisticRegressionOutput(x, name="head"),
    "absolute": lambda x: mx.sym.MAERegressionOutput(x, name="head"),
    "vectors": lambda x: mx.sym.SVMOutput(x, name="head"),
}


def test_a_softmax_of_several_axes_is_refused(tmp_path: Path) -> None:
    products = mx.sym.FullyConnected(mx.sym.var("data"), num_hidden=3, flatten=False, name="fc")
    params = {"fc_weight": mx.nd.random.normal(shape=(3, 6)), "fc_bias": mx.nd.ones(3)}
    given = {"inputs": {"data": CUBE}, "params": params}
    with pytest.raises(ExportError, match="set preserve_shape"):
        export_onnx(mx.sym.SoftmaxOutput(products, name="head"), tmp_path / "net.onnx", **given)
    for options in ({"preserve_shape": True}, {"multi_output": True}):
        head = mx.sym.SoftmaxOutput(products, name="head", **options)
        assert export_onnx(head, tmp_path / "net.onnx", **given).max_rel is not None


def test_a_range_without_an_end_begins_where_it_is_told(tmp_path: Path) -> None:
    symbol = mx.sym.elemwise_add(mx.sym.var("data"), mx.sym.arange(3, infer_range=True))
    report = export_onnx(symbol, tmp_path / "net.onnx", inputs={"data": (6,)}, params={})
    assert report.max_rel == 0


@pytest.mark.parametrize("name", HEADS)
def test_a_head_needs_no_label(tmp_path: Path, name: str) -> None:
    symbol = HEADS[name](mx.sym.FullyConnected(mx.sym.var("data"), num_hidden=3, name="fc"))
    params = {"fc_weight": mx.nd.random.normal(shape=(3, 6)), "fc_bias": mx.nd.ones(3)}
    report = export_onnx(symbol, tmp_path / "net.onnx", inputs={"data": ROW}, params=params)
    assert report.max_rel is not None
    assert report.max_rel < 1e-6


@pytest.mark.parametrize(
    ("net", "inputs", "message"),
    [
        (loss.CTCLoss, [("batch", 20, 4), ("batch", 4)], "operator 'CTCLoss'"),
        (loss.SDMLLoss, [ROW, ROW], "SDMLLoss cannot be traced with symbols"),
        (lambda: contrib.SparseEmbedding(5, 3), [ROW], "SparseEmbedding is neither a HybridBlock"),
    ],
)
def test_what_is_no_graph_of_operators_is_refused(net: Any, inputs: Any, message: str) -> None:
    with pytest.raises(ExportError, match=message):
        to_model(net(), inputs=inputs)
