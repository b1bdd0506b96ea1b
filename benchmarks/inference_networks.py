"""The networks in Gluon, with random weights that are the same for every contestant."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from inference_cases import LAYERS, VOCABULARY, WIDTH, Case, draw_inputs

from zoo import models
from zoo._mxnet import gluon, mx

_VISION = {
    "densenet121": "densenet121",
    "mobilenet1": "mobilenet1.0",
    "mobilenet2": "mobilenetv2_1.0",
    "resnet50": "resnet50_v1",
}


def build(network: str) -> Any:
    """The network of that name, without weights."""
    if network in _VISION:
        return gluon.model_zoo.vision.get_model(_VISION[network], pretrained=False)
    if network == "lstm_lm":
        sizes = {"embed_size": WIDTH, "hidden_size": WIDTH, "layers": LAYERS}
        return models.build("lstm_lm", vocabulary_size=VOCABULARY, **sizes)
    return models.build(network)


def draw_weights(case: Case, path: Path) -> None:
    """Write random weights that keep the activations' size from layer to layer."""
    mx.random.seed(0)
    net = build(case.network)
    net.initialize(mx.init.Xavier("gaussian", "in", 2))
    run(net, [mx.nd.array(one) for one in draw_inputs(case)])
    net.save_parameters(str(path))


def load(case: Case, path: Path) -> Any:
    net = build(case.network)
    net.load_parameters(str(path))
    return net


def run(net: Any, inputs: list[Any]) -> list[Any]:
    """The network's outputs as a flat list."""
    data, *states = inputs
    result = net(data, states) if states else net(data)
    return [result] if not states else [result[0], *result[1]]
