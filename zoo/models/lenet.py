"""LeNet (LeCun, Bottou, Bengio and Haffner, 1998), the convolutional network of MXNet's tutorials.

Input: (batch, 1, 28, 28) float32. 431,080 parameters. Differs from the paper's LeNet-5 (60 k
parameters): 20 and 50 feature maps, fully connected to each other, instead of 6 and 16 with a
table of connections; 500 hidden units instead of 120 and 84; no padding to 32 x 32; a softmax
instead of radial basis functions; pooling has no trainable coefficients.
"""

from __future__ import annotations

from typing import Any

from zoo._mxnet import gluon, nn
from zoo.models.sizes import check_sizes
from zoo.records import TensorSpec


class LeNet(gluon.HybridBlock):  # type: ignore[misc]
    """Images (batch, 1, 28, 28) -> logits (batch, classes)."""

    def __init__(self, classes: int = 10, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        check_sizes(classes=classes)
        with self.name_scope():
            self.features = nn.HybridSequential()
            self.features.add(
                nn.Conv2D(20, 5, activation="tanh", in_channels=1),  # 24 x 24
                nn.AvgPool2D(2),  # 12 x 12
                nn.Conv2D(50, 5, activation="tanh", in_channels=20),  # 8 x 8
                nn.AvgPool2D(2),  # 4 x 4
                nn.Flatten(),
                nn.Dense(500, activation="tanh", in_units=50 * 4 * 4),
            )
            self.output = nn.Dense(classes, in_units=500)

    def input_specs(self) -> list[TensorSpec]:
        """What `export_onnx` takes for an input unless it is told otherwise."""
        return [TensorSpec("data", ("batch", 1, 28, 28))]

    def hybrid_forward(self, F: Any, data: Any) -> Any:
        return self.output(self.features(data))
