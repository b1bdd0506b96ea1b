"""Multi-layer perceptron (Rumelhart, Hinton and Williams, 1986).

Input: (batch, 784), or any shape that flattens to it, float32. Default 784-128-64-10 with ReLU:
109,386 parameters. The paper's units were logistic sigmoids; ReLU trains faster.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from zoo._mxnet import gluon, nn
from zoo.errors import ConfigError
from zoo.models.sizes import check_sizes
from zoo.records import TensorSpec

_MOST_LAYERS = 1000  # whatever a stranger's record says
ACTIVATIONS = ("relu", "sigmoid", "tanh", "softrelu", "softsign")


class MLP(gluon.HybridBlock):  # type: ignore[misc]
    """(batch, features) -> logits (batch, classes), through `hidden` layers."""

    def __init__(
        self,
        classes: int = 10,
        features: int = 784,
        hidden: Sequence[int] = (128, 64),
        activation: str = "relu",
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        sizes = (features, *hidden)
        if len(hidden) > _MOST_LAYERS:
            raise ConfigError(f"hidden has at most {_MOST_LAYERS} layers, not {len(hidden)}.")
        check_sizes(classes=classes, features=features)
        for units in hidden:
            check_sizes(hidden=units)
        if activation not in ACTIVATIONS:
            raise ConfigError(f"activation is one of {', '.join(ACTIVATIONS)}, not {activation!r}.")
        with self.name_scope():
            self.features = nn.HybridSequential()
            for in_units, units in pairwise(sizes):
                self.features.add(nn.Dense(units, activation=activation, in_units=in_units))
            self.output = nn.Dense(classes, in_units=sizes[-1])
        self._in_units = features

    def input_specs(self) -> list[TensorSpec]:
        """What `export_onnx` takes for an input unless it is told otherwise."""
        return [TensorSpec("data", ("batch", self._in_units))]

    def hybrid_forward(self, F: Any, data: Any) -> Any:
        return self.output(self.features(data))
