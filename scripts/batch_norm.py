"""Batch normalisation while a network learns, of which nothing is left in what is published.

Ioffe and Szegedy (2015): what a hidden layer sums up is normalised over the batch before its
activation. After training that is one factor and one summand a channel, and the layer's own
weights take them in: the published network has the same layers as one that never had it.

Where two of a layer's channels, values and gradients, take more than a core's share of the last
cache, oneDNN splits their sums among the threads, and the bits then depend on that cache. So
batch * height * width * 16 bytes stay below 1 MB, of LeNet's first layer up to a batch of 113.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

_EPSILON = 1e-5
_NORM = ".act.norm."


def add(net: Any) -> None:
    """Let the activation of each of the network's `features` normalise first."""
    # it loads MXNet, before which the scripts import `roles`
    from normalized_activation import NormalizedActivation

    for layer in net.features:
        if getattr(layer, "act", None) is not None:
            kind, channels = layer.act._act_type, layer.weight.shape[0]
            layer.act = NormalizedActivation(kind, channels, _EPSILON)


def folded(arrays: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The parameters of the network without normalisation that computes the same."""
    plain = {name: one for name, one in arrays.items() if _NORM not in name}
    for name in arrays:
        layer, is_one, _ = name.partition(f"{_NORM}gamma")
        if is_one:
            norm = {
                part: arrays[layer + _NORM + part].astype(np.float64)
                for part in ("gamma", "beta", "running_mean", "running_var")
            }
            weight, bias = plain[f"{layer}.weight"], plain[f"{layer}.bias"]
            factor = norm["gamma"] / np.sqrt(norm["running_var"] + _EPSILON)
            each = factor.reshape(-1, *[1] * (weight.ndim - 1))
            moved = (bias - norm["running_mean"]) * factor + norm["beta"]
            plain[f"{layer}.weight"] = (weight * each).astype(weight.dtype)
            plain[f"{layer}.bias"] = moved.astype(bias.dtype)
    return plain
