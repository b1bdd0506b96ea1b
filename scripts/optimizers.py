"""MXNet's update kernels with their state in the open, so that a checkpoint needs no pickle."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from zoo._mxnet import mx


def one_cycle(step: int, steps: int, peak: float, warmup: float) -> float:
    """The learning rate: up in a line to `peak`, then down along a cosine to zero."""
    rising = max(1, round(warmup * steps))
    if step < rising:
        return peak * (step + 1) / rising
    return peak * 0.5 * (1 + math.cos(math.pi * (step - rising) / max(1, steps - rising)))


def decayed(name: str, weight_decay: float) -> float:
    """Weight decay is for weights, not for biases, nor for what normalisation learns."""
    return weight_decay if name.endswith("weight") else 0.0


class NAG:
    """Stochastic gradient descent with Nesterov's accelerated gradient."""

    def __init__(self, params: Mapping[str, Any], momentum: float, weight_decay: float = 0.0):
        self.params = params
        self.momentum = momentum
        self.weight_decay = weight_decay
        self.velocity = {name: mx.nd.zeros_like(one.data()) for name, one in params.items()}

    def step(self, learning_rate: float, batch_size: int) -> None:
        for name, param in self.params.items():
            mx.nd.nag_mom_update(
                param.data(),
                param.grad(),
                self.velocity[name],
                out=param.data(),
                lr=learning_rate,
                momentum=self.momentum,
                wd=decayed(name, self.weight_decay),
                rescale_grad=1 / batch_size,
            )

    def state(self) -> dict[str, np.ndarray]:
        return {f"velocity.{name}": one.asnumpy() for name, one in self.velocity.items()}

    def restore(self, state: Mapping[str, np.ndarray]) -> None:
        for name, one in self.velocity.items():
            one[:] = state[f"velocity.{name}"]


class Adam:
    """Adam (Kingma and Ba, 2015)."""

    def __init__(self, params: Mapping[str, Any]):
        self.params = params
        self.mean = {name: mx.nd.zeros_like(one.data()) for name, one in params.items()}
        self.variance = {name: mx.nd.zeros_like(one.data()) for name, one in params.items()}

    def step(self, learning_rate: float, step: int) -> None:
        """`step` counts from 1."""
        for name, param in self.params.items():
            moments = (self.mean[name], self.variance[name])
            _adam(param.data(), param.grad(), *moments, learning_rate, step)

    def state(self) -> dict[str, np.ndarray]:
        means = {f"mean.{name}": one.asnumpy() for name, one in self.mean.items()}
        return means | {f"variance.{name}": one.asnumpy() for name, one in self.variance.items()}

    def restore(self, state: Mapping[str, np.ndarray]) -> None:
        for name in self.params:
            self.mean[name][:] = state[f"mean.{name}"]
            self.variance[name][:] = state[f"variance.{name}"]


class RowAdam:
    """Adam on some rows of a matrix in NumPy; the other rows' moments stand still meanwhile."""

    def __init__(self, name: str, weight: np.ndarray, ctx: Any):
        self.name = name
        self.weight = weight
        self.mean = np.zeros_like(weight)
        self.variance = np.zeros_like(weight)
        self._ctx = ctx

    def take(self, rows: np.ndarray) -> Any:
        """A copy of the rows, with room for a gradient."""
        part = mx.nd.array(self.weight[rows], ctx=self._ctx)
        part.attach_grad()
        return part

    def put(self, rows: np.ndarray, part: Any, learning_rate: float, step: int) -> None:
        """Update `part` by its gradient and write it back; `step` counts from 1."""
        mean = mx.nd.array(self.mean[rows], ctx=self._ctx)
        variance = mx.nd.array(self.variance[rows], ctx=self._ctx)
        _adam(part, part.grad, mean, variance, learning_rate, step)
        self.weight[rows] = part.asnumpy()
        self.mean[rows] = mean.asnumpy()
        self.variance[rows] = variance.asnumpy()

    def state(self) -> dict[str, np.ndarray]:
        return {
            f"weight.{self.name}": self.weight,
            f"mean.{self.name}": self.mean,
            f"variance.{self.name}": self.variance,
        }

    def restore(self, state: Mapping[str, np.ndarray]) -> None:
        self.weight[:] = state[f"weight.{self.name}"]
        self.mean[:] = state[f"mean.{self.name}"]
        self.variance[:] = state[f"variance.{self.name}"]


def _adam(
    weight: Any, grad: Any, mean: Any, variance: Any, learning_rate: float, step: int
) -> None:
    beta1, beta2 = 0.9, 0.999
    unbiased = learning_rate * math.sqrt(1 - beta2**step) / (1 - beta1**step)
    mx.nd.adam_update(
        weight, grad, mean, variance, out=weight, lr=unbiased, beta1=beta1, beta2=beta2
    )


class Average:
    """The running mean of the weights over the last 1 / (1 - decay) steps."""

    def __init__(self, params: Mapping[str, Any], decay: float):
        self.params = params
        self.decay = decay
        self.mean = {name: one.data().copy() for name, one in params.items()}
        self.steps = 0

    def update(self) -> None:
        """Early on the mean is over all steps so far, so that it forgets the first weights."""
        self.steps += 1
        decay = min(self.decay, self.steps / (self.steps + 10))
        for name, mean in self.mean.items():
            mean *= decay
            mean += (1 - decay) * self.params[name].data()

    def arrays(self) -> dict[str, np.ndarray]:
        return {name: one.asnumpy() for name, one in self.mean.items()}

    def state(self) -> dict[str, np.ndarray]:
        return {f"average.{name}": one for name, one in self.arrays().items()}

    def restore(self, state: Mapping[str, np.ndarray], steps: int) -> None:
        self.steps = steps
        for name, one in self.mean.items():
            one[:] = state[f"average.{name}"]
