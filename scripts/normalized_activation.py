"""The layer that batch normalisation puts in an activation's place."""

from __future__ import annotations

from typing import Any

from zoo._mxnet import nn


class NormalizedActivation(nn.Activation):  # type: ignore[misc]
    """Sums (batch, channels, ...) -> the activation of the same, normalised over the batch."""

    def __init__(self, activation: str, channels: int, epsilon: float) -> None:
        super().__init__(activation)
        with self.name_scope():
            self.norm = nn.BatchNorm(epsilon=epsilon, in_channels=channels)

    def hybrid_forward(self, F: Any, sums: Any) -> Any:
        return super().hybrid_forward(F, self.norm(sums))
