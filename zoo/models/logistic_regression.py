"""Logistic regression (Cox, 1958): one Dense layer whose outputs are logits.

Input: (batch, features), or any shape that flattens to it, float32. Softmax over several classes
has 7,850 parameters on images of 28 x 28; `classes=1` is the binary form, whose single logit f has
the negative log likelihood log(1 + exp(-y f)) with y = -1 or +1.
"""

from __future__ import annotations

from typing import Any

from zoo._mxnet import gluon, nn
from zoo.models.sizes import check_sizes
from zoo.records import TensorSpec


class LogisticRegression(gluon.HybridBlock):  # type: ignore[misc]
    """(batch, features) -> logits (batch, classes)."""

    def __init__(self, classes: int = 10, features: int = 784, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        check_sizes(classes=classes, features=features)
        with self.name_scope():
            self.output = nn.Dense(classes, in_units=features)
        self._features = features

    def input_specs(self) -> list[TensorSpec]:
        """What `export_onnx` takes for an input unless it is told otherwise."""
        return [TensorSpec("data", ("batch", self._features))]

    def hybrid_forward(self, F: Any, data: Any) -> Any:
        return self.output(data)
