"""What is timed: networks, the shapes they are given, and the ratios to be reached."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

Shape = tuple[int, ...]

VOCABULARY, WIDTH, LAYERS = 33278, 200, 2
PICTURE = {"data": (1, 3, 224, 224)}


@dataclass(frozen=True)
class Case:
    """One row of the table: a network at the shapes of its inputs.

    `targets` are the least ratios of the others' time to ours: `torch`, `mx2onnx`, `mxnet`,
    `written` (a graph written by hand). A case with `feedback` feeds states and the likeliest
    token back into the network, a step at a time.
    """

    name: str
    title: str
    network: str
    shapes: Mapping[str, Shape]
    targets: Mapping[str, float] = field(default_factory=dict)
    feedback: bool = False


def _language_model(name: str, title: str, time: int, batch: int, **how: object) -> Case:
    state = (LAYERS, batch, WIDTH)
    shapes = {"data": (time, batch), "h": state, "c": state}
    return Case(name, title, "lstm_lm", shapes, **how)  # type: ignore[arg-type]


NEVER_SLOWER = {"torch": 1 / 1.05}
AS_WRITTEN = NEVER_SLOWER | {"written": 1 / 1.05}

CASES = {
    one.name: one
    for one in (
        Case(
            "lenet",
            "LeNet, batch 1",
            "lenet",
            {"data": (1, 1, 28, 28)},
            AS_WRITTEN | {"mxnet": 2.5},
        ),
        _language_model(
            "lm1",
            "LSTM LM, 35 tokens, batch 1",
            35,
            1,
            targets=AS_WRITTEN | {"mx2onnx": 1.5, "mxnet": 2.3},
        ),
        _language_model("lm20", "LSTM LM, 35 tokens, batch 20", 35, 20, targets=AS_WRITTEN),
        _language_model(
            "generation", "LSTM LM, generation", 1, 1, feedback=True, targets=AS_WRITTEN
        ),
        Case("resnet50", "ResNet-50", "resnet50", PICTURE, NEVER_SLOWER | {"mx2onnx": 1.25}),
        Case("mobilenet1", "MobileNet 1.0", "mobilenet1", PICTURE, NEVER_SLOWER | {"mx2onnx": 1.7}),
        Case(
            "mobilenet2",
            "MobileNet v2 1.0",
            "mobilenet2",
            PICTURE,
            NEVER_SLOWER | {"mx2onnx": 2.6, "mxnet": 3.0},
        ),
        Case(
            "densenet121", "DenseNet-121", "densenet121", PICTURE, NEVER_SLOWER | {"mx2onnx": 1.4}
        ),
    )
}


def draw_inputs(case: Case) -> list[np.ndarray]:
    """Inputs that are the same at every call: tokens as whole float32, or normal numbers."""
    random = np.random.default_rng(0)
    drawn = []
    for name, shape in case.shapes.items():
        if len(shape) == 2 and name == "data":
            drawn.append(random.integers(0, VOCABULARY, shape).astype(np.float32))
        else:
            drawn.append(random.standard_normal(shape).astype(np.float32))
    return drawn
