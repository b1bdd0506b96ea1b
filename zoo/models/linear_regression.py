"""Linear regression by least squares (Gauss, 1809): one Dense layer with one output.

Input: (batch, features), or any shape that flattens to it, float32. features + 1 parameters.
"""

from __future__ import annotations

from typing import Any

from zoo._mxnet import gluon, nn
from zoo.models.sizes import check_sizes
from zoo.records import TensorSpec


class LinearRegression(gluon.HybridBlock):  # type: ignore[misc]
    """(batch, features) -> (batch, 1)."""

    def __init__(self, features: int = 8, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        check_sizes(features=features)
        with self.name_scope():
            self.output = nn.Dense(1, in_units=features)
        self._features = features

    def input_specs(self) -> list[TensorSpec]:
        """What `export_onnx` takes for an input unless it is told otherwise."""
        return [TensorSpec("data", ("batch", self._features))]

    def hybrid_forward(self, F: Any, data: Any) -> Any:
        return self.output(data)
