"""Our update loops against Gluon's Trainer, step for step."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from optimizers import NAG, Adam, Average, RowAdam, one_cycle

from zoo import params
from zoo._mxnet import gluon, mx, nn


def network() -> Any:
    mx.random.seed(0)
    net = nn.Dense(3, in_units=4)
    net.initialize(mx.init.Normal(0.5))
    return net


def gradients(net: Any, step: int) -> None:
    data = mx.nd.array(np.random.Generator(np.random.PCG64(step)).normal(size=(5, 4)))
    with mx.autograd.record():
        loss = (net(data) ** 2).sum()
    loss.backward()


def assert_equal(net: Any, other: Any) -> None:
    for name, value in params.arrays(net).items():
        np.testing.assert_allclose(value, params.arrays(other)[name], rtol=1e-6, atol=1e-7)


def test_nag_is_gluons() -> None:
    ours, theirs = network(), network()
    optimizer = NAG(params.parameters(ours), momentum=0.9)
    trainer = gluon.Trainer(
        theirs.collect_params(), "nag", {"learning_rate": 0.1, "momentum": 0.9, "wd": 0.0}
    )
    for step in range(5):
        gradients(ours, step)
        gradients(theirs, step)
        optimizer.step(0.1, 5)
        trainer.step(5)
    assert_equal(ours, theirs)


def test_adam_is_gluons() -> None:
    ours, theirs = network(), network()
    optimizer = Adam(params.parameters(ours))
    trainer = gluon.Trainer(theirs.collect_params(), "adam", {"learning_rate": 0.01})
    for step in range(5):
        gradients(ours, step)
        gradients(theirs, step)
        optimizer.step(0.01, step + 1)
        trainer.step(1)
    assert_equal(ours, theirs)


def test_row_adam_on_all_rows_is_adam() -> None:
    dense, rows = network(), network()
    optimizer = Adam(params.parameters(dense))
    weight = RowAdam("weight", params.arrays(rows)["weight"], mx.cpu())
    everything = np.arange(3)
    for step in range(4):
        gradients(dense, step)
        part = weight.take(everything)
        part.grad[:] = dense.weight.grad()
        optimizer.step(0.01, step + 1)
        weight.put(everything, part, 0.01, step + 1)
    np.testing.assert_allclose(weight.weight, dense.weight.data().asnumpy(), rtol=1e-6)


def test_row_adam_leaves_other_rows_alone() -> None:
    start = np.ones((4, 2), np.float32)
    weight = RowAdam("weight", start.copy(), mx.cpu())
    part = weight.take(np.array([3, 1]))
    part.grad[:] = 1
    weight.put(np.array([3, 1]), part, 0.1, 1)
    np.testing.assert_array_equal(weight.weight[[0, 2]], start[[0, 2]])
    np.testing.assert_allclose(weight.weight[[1, 3]], 0.9, rtol=1e-5)
    assert not weight.variance[[0, 2]].any()


@pytest.mark.parametrize("kind", ["nag", "adam", "average"])
def test_state_goes_on_where_it_was(kind: str) -> None:
    def build(net: Any) -> Any:
        named = params.parameters(net)
        return {"nag": lambda: NAG(named, 0.9), "adam": lambda: Adam(named)}.get(
            kind, lambda: Average(named, 0.9)
        )()

    def advance(net: Any, optimizer: Any, steps: range) -> None:
        for step in steps:
            gradients(net, step)
            if kind == "average":
                net.weight.set_data(net.weight.data() - 0.1 * net.weight.grad())
                optimizer.update()
            else:
                optimizer.step(0.01, step + 1)

    whole = network()
    optimizer = build(whole)
    advance(whole, optimizer, range(6))
    first = network()
    before = build(first)
    advance(first, before, range(3))
    second = network()
    params.load(second, params.arrays(first))
    after = build(second)
    after.restore(*([before.state(), 3] if kind == "average" else [before.state()]))
    advance(second, after, range(3, 6))
    for name, value in optimizer.state().items():
        np.testing.assert_array_equal(value, after.state()[name])
    assert_equal(whole, second)


def test_weight_decay_spares_biases() -> None:
    net = network()
    net.bias.set_data(mx.nd.ones(3))
    before = params.arrays(net)
    optimizer = NAG(params.parameters(net), momentum=0.0, weight_decay=0.5)
    optimizer.step(0.1, 1)
    after = params.arrays(net)
    np.testing.assert_array_equal(after["bias"], before["bias"])
    np.testing.assert_allclose(after["weight"], before["weight"] * 0.95, rtol=1e-6)


def test_average_forgets_the_first_weights() -> None:
    net = network()
    average = Average(params.parameters(net), 0.9)
    net.weight.set_data(mx.nd.ones_like(net.weight.data()))
    for _ in range(200):
        average.update()
    np.testing.assert_allclose(average.arrays()["weight"], 1, atol=1e-4)


def test_one_cycle_rises_and_falls() -> None:
    rates = [one_cycle(step, 100, 0.1, 0.2) for step in range(100)]
    assert max(rates) == pytest.approx(0.1)
    assert int(np.argmax(rates)) in (19, 20)
    assert rates[0] == pytest.approx(0.005)
    assert rates[-1] < 1e-4
    assert rates[21:] == sorted(rates[21:], reverse=True)
