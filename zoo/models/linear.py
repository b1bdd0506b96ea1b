"""Linear and logistic regression: one Dense layer, the smallest networks there are.

Input: (batch, features), or any shape that flattens to it, float32.
`linear_regression` is the least-squares line (Gauss, 1809); `logistic_regression` is its
classifier, softmax for several classes (7,850 parameters on 28 x 28 images) and, with
`classes=1`, the binary form whose single logit f has the loss log(1 + exp(-y f)), y = -1 or +1
(Cox, 1958).
"""

from __future__ import annotations

from typing import Any

from zoo._mxnet import gluon, nn
from zoo.errors import ConfigError
from zoo.records import TensorSpec


class Linear(gluon.HybridBlock):  # type: ignore[misc]
    """One affine map: (batch, in_units) -> (batch, units)."""

    def __init__(self, units: int, in_units: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if units < 1 or in_units < 1:
            raise ConfigError(
                f"Sizes must be at least 1, not {units} outputs of {in_units} features."
            )
        with self.name_scope():
            self.output = nn.Dense(units, in_units=in_units)
        self._in_units = in_units

    def input_specs(self) -> list[TensorSpec]:
        """What `export_onnx` takes for an input unless it is told otherwise."""
        return [TensorSpec("data", ("batch", self._in_units))]

    def hybrid_forward(self, F: Any, data: Any) -> Any:
        return self.output(data)


def linear_regression(features: int = 8) -> Linear:
    """(batch, features) -> (batch, 1)."""
    return Linear(1, features)


def logistic_regression(classes: int = 10, features: int = 784) -> Linear:
    """(batch, features) -> logits (batch, classes); `classes=1` is the binary form."""
    return Linear(classes, features)
