"""DropConnect on the hidden-to-hidden weights (Merity, Keskar and Socher, 2018, section 2)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from dropping import mask

from zoo._mxnet import mx


class WeightDrop:
    """Leaves out a part `rate` of the recurrent weights for a whole window, in both directions."""

    def __init__(self, params: Mapping[str, Any], rate: float) -> None:
        names = [name for name in params if rate and name.endswith("h2h_weight")]
        self.params = {name: params[name] for name in names}
        self.rate = rate
        self._whole: dict[str, Any] = {}
        self._masks: dict[str, Any] = {}

    def apply(self, random: np.random.Generator) -> None:
        """Draw the masks; the weights that stay grow by 1 / (1 - rate)."""
        for name, param in self.params.items():
            weight = param.data()
            kept = mask(random, weight.shape, self.rate)
            self._masks[name] = mx.nd.array(kept, ctx=weight.context)
            self._whole[name] = weight.copy()
            weight *= self._masks[name]

    def undo(self) -> None:
        """Put the whole weights back, and give the gradient of what was left out the value 0."""
        for name, param in self.params.items():
            param.data()[:] = self._whole[name]
            gradient = param.grad()
            gradient *= self._masks[name]
