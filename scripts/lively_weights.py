"""Random weights under which every layer of a network has something to say.

Plain random weights blow activations up or let them die, and a comparison of what is left proves
nothing. Here the layers are settled on random inputs, in the order of the graph: what comes out of
a convolution, a dense layer or a batch normalization has unit mean square, and most of each
channel's mean is taken away (data-dependent initialisation: Kraehenbuehl et al. 2016,
https://arxiv.org/abs/1511.06856; layer-sequential unit variance: Mishkin and Matas 2016,
https://arxiv.org/abs/1511.06422). What goes into a softmax or gives the places of boxes has a
spread of its own, so that every class of a detector gets candidates, at places that differ.
"""

from __future__ import annotations

import ctypes
import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zoo._mxnet import gluon, mx
from zoo.onnx.tracing import Network

Arrays = dict[str, NDArray[Any]]

_WEIGHTED = (
    "Convolution",
    "Deconvolution",
    "FullyConnected",
    "_contrib_ModulatedDeformableConvolution",
)
_NORMALIZED = ("BatchNorm", "_contrib_SyncBatchNorm")
_SPREADS = {  # operator -> which input of it, and the standard deviation of that; others have 1
    "_contrib_ModulatedDeformableConvolution": (1, 0.3),
    "_contrib_box_decode": (0, 0.03),
    "exp": (0, 0.5),
    "sigmoid": (0, 1.0),
    "softmax": (0, 1.5),
}
_ADDED = ("_plus", "broadcast_add", "elemwise_add")
_BRANCH = 0.25  # of what is added, as the last gamma of a residual block is small in training
_PASSING = ("BlockGrad", "Concat", "Flatten", "Reshape", "SliceChannel", "slice_axis", "transpose")
_KEPT = 0.85  # of a channel's mean; of those above nothing is kept
_FEW = 48  # numbers that tell nothing of a channel's variance
_LEAST = 0.3  # of the root mean square of all
_STILL = 1e-6


def settle(network: Network, parameters: Mapping[str, Any], inputs: Arrays, seed: int = 0) -> None:
    """Give all parameters values, by the names of the symbol's variables; constants keep theirs.

    `inputs` are arrays by the names of the network's inputs.
    """
    shapes = _shapes(network.symbol, inputs)
    mx.random.seed(seed)
    values = {}
    for name, parameter in parameters.items():
        if isinstance(parameter, gluon.Constant):
            values[name] = parameter.value
        else:
            values[name] = _drawn(name, shapes[name])
    given = {name: mx.nd.array(one, dtype=one.dtype) for name, one in inputs.items()}
    _settle_layers(json.loads(network.symbol.tojson()), {**values, **given})
    for name, parameter in parameters.items():
        parameter.shape = values[name].shape
        if parameter._data is None:
            parameter.initialize(mx.init.Zero(), ctx=mx.cpu(), force_reinit=True)
        parameter.set_data(values[name])


def _shapes(symbol: Any, inputs: Arrays) -> dict[str, tuple[int, ...]]:
    arguments, _, others = symbol.infer_shape(**{name: one.shape for name, one in inputs.items()})
    names = [*symbol.list_arguments(), *symbol.list_auxiliary_states()]
    return dict(zip(names, [*arguments, *others], strict=True))


def _drawn(name: str, shape: tuple[int, ...]) -> Any:
    if name.endswith(("mean", "bias", "beta")):
        return mx.nd.zeros(shape)
    if name.endswith("var"):
        return mx.nd.ones(shape)
    if name.endswith("weight"):
        spread = (3 / max(1, int(np.prod(shape[1:])))) ** 0.5
        return mx.nd.random.uniform(-spread, spread, shape)
    return mx.nd.random.uniform(0.5, 1.5, shape)


def _settle_layers(graph: Any, values: dict[str, Any]) -> None:
    """Run the graph node by node in MXNet; a layer's weights are set just before it runs."""
    nodes, results = graph["nodes"], {}
    uses, spreads, settled = _last_uses(graph), _spreads(nodes), set()
    branches = _branches(nodes)
    for place, node in enumerate(nodes):
        if node["op"] == "null":
            results[place] = [values[node["name"]]] if node["name"] in values else []
            continue
        inputs = [results[source][output] for source, output, *_ in node["inputs"]]
        own = tuple(source for source, *_ in node["inputs"][1:])
        stored = all(nodes[source]["op"] == "null" for source in own)
        fresh = stored and own not in settled  # what serves at several places is set at the first
        settled.add(own)
        if fresh and node["op"] in _NORMALIZED:
            _settle_norm(inputs, _BRANCH if place in branches else 1)
        results[place] = _invoke(node, inputs)
        if fresh and node["op"] in _WEIGHTED:
            spread = spreads.get(place, 0.0)
            if place in branches:
                spread = _BRANCH
            results[place] = [_settle_weighted(node, inputs, results[place][0], spread)]
        for source in uses.get(place, ()):
            del results[source]


def _spreads(nodes: Sequence[Any]) -> dict[int, float]:
    """Layers that give boxes, classes or offsets, and the spread that is wanted of them."""
    found = {}
    for node in nodes:
        if node["op"] not in _SPREADS:
            continue
        which, spread = _SPREADS[node["op"]]
        reached = [node["inputs"][which][0]]
        while reached:
            place = reached.pop()
            if nodes[place]["op"] in _WEIGHTED:
                found[place] = spread
            elif nodes[place]["op"] in _PASSING:
                reached += [source for source, *_ in nodes[place]["inputs"]]
    return found


def _branches(nodes: Sequence[Any]) -> set[int]:
    """What is added to the trunk of a residual network: the deeper one of both."""
    depths: list[int] = []
    for node in nodes:
        depths.append(1 + max((depths[source] for source, *_ in node["inputs"]), default=0))
    return {
        max((source for source, *_ in node["inputs"]), key=lambda source: depths[source])
        for node in nodes
        if node["op"] in _ADDED
    }


def _last_uses(graph: Any) -> dict[int, list[int]]:
    """The nodes whose results nobody needs after each place."""
    last = {
        source: place for place, node in enumerate(graph["nodes"]) for source, *_ in node["inputs"]
    }
    kept = {head[0] for head in graph["heads"]}
    uses: dict[int, list[int]] = {}
    for source, place in last.items():
        if source not in kept:
            uses.setdefault(place, []).append(source)
    return uses


def _settle_norm(inputs: Sequence[Any], share: float) -> None:
    data, gamma, _, mean, variance = inputs
    gamma *= share
    means, spreads = _statistics(data.asnumpy(), _KEPT)
    mean[:], variance[:] = mx.nd.array(means), mx.nd.array(spreads**2)


def _settle_weighted(node: Any, inputs: Sequence[Any], outputs: Any, spread: float) -> Any:
    """Scale the weight and move the bias, and give what the layer gives then."""
    biased = node.get("attrs", {}).get("no_bias", "False") not in ("True", "1")
    weight, bias = (inputs[-2], inputs[-1]) if biased else (inputs[-1], None)
    means, spreads = _statistics(outputs.asnumpy(), 0 if spread else _KEPT)
    spreads /= spread or 1
    if node["op"] == "Deconvolution":  # groups of outputs share a row of the weight
        means, spreads = 0 * means, np.full_like(spreads, spreads.mean())
        divisors = mx.nd.array(spreads[:1])
    else:
        divisors = mx.nd.array(spreads.reshape(-1, *[1] * (weight.ndim - 1)))
    mx.nd.broadcast_div(weight, divisors, out=weight)
    outputs = outputs / mx.nd.array(_across(spreads, outputs.ndim))
    if bias is None:
        return outputs
    bias[:] = mx.nd.array(-means / spreads)
    return outputs + mx.nd.array(_across(-means / spreads, outputs.ndim))


def _statistics(numbers: NDArray[Any], kept: float) -> tuple[NDArray[Any], NDArray[Any]]:
    """What to take away from each channel, axis 1, and what to divide it by then.

    That is its mean but for a share that is kept, and its root mean square then. A channel of few
    numbers, or of little variance, has that of all: to divide by less would blow up what is left
    of rounding.
    """
    axes = (0, *range(2, numbers.ndim))
    count, channels = numbers.size // numbers.shape[1], numbers.shape[1]
    root = max(float(np.sqrt(np.mean(np.square(numbers), dtype=np.float64))), _STILL)
    if count < _FEW:
        return np.zeros(channels), np.full(channels, root)
    means = numbers.mean(axes, dtype=np.float64)
    variances = numbers.var(axes, dtype=np.float64)
    spreads = np.sqrt(variances + (kept * means) ** 2)
    return (1 - kept) * means, np.maximum(spreads, _LEAST * root)


def _across(numbers: NDArray[Any], rank: int) -> NDArray[Any]:
    return numbers.reshape(1, -1, *[1] * (rank - 2))


def _invoke(node: Any, inputs: Sequence[Any]) -> list[Any]:
    handle = ctypes.c_void_p()
    mx.base.check_call(mx.base._LIB.NNGetOpHandle(mx.base.c_str(node["op"]), ctypes.byref(handle)))
    attributes = {
        name: text for name, text in node.get("attrs", {}).items() if not name.startswith("__")
    }
    invoke = mx.nd._internal._imperative_invoke
    result = invoke(handle.value, inputs, [*attributes], [*attributes.values()], None, False, False)
    return list(result) if isinstance(result, list | tuple) else [result]
