"""Batch normalisation that is folded away: the published network computes what was trained."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Any

import numpy as np
import pytest

pytest.importorskip("mxnet", reason="MXNet is not installed")

import batch_norm
from environment import PINNED
from jobs import SCRIPTS
from optimizers import decayed
from recipes import CLASSIFIERS

from zoo import models, params
from zoo._mxnet import mx

INPUTS = {"lenet": (6, 1, 28, 28), "mlp": (6, 784)}
NORMALIZED = [name for name, recipe in CLASSIFIERS.items() if recipe.batch_norm]
GRADIENTS = """
import hashlib, sys
import batch_norm
import numpy as np
from recipes import CLASSIFIERS
from zoo import models
from zoo._mxnet import mx

recipe = CLASSIFIERS[sys.argv[1]]
net = models.build(recipe.name.split(".")[0], **recipe.config)
batch_norm.add(net)
net.initialize()
digest, random = hashlib.sha256(), np.random.default_rng(0)

def differentiated(norm, inputs, _):
    data = mx.nd.array(random.normal(size=inputs[0].shape))
    data.attach_grad()
    with mx.autograd.record():
        outputs = mx.nd.BatchNorm(data, *arrays(norm), fix_gamma=False)
        loss = (outputs * mx.nd.array(random.normal(size=data.shape))).sum()
    loss.backward()
    print(data.shape)
    digest.update(data.grad.asnumpy().tobytes())
    digest.update(norm.gamma.grad().asnumpy().tobytes() + norm.beta.grad().asnumpy().tobytes())

def arrays(norm):
    return [one.data() for one in (norm.gamma, norm.beta, norm.running_mean, norm.running_var)]

for layer in net.features:
    if hasattr(layer, "weight"):
        layer.act.norm.register_forward_hook(differentiated)
net(mx.nd.zeros((recipe.batch_size, 1, 28, 28)))
print(digest.hexdigest())
"""


@pytest.fixture(params=INPUTS)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def data(name: str) -> Any:
    return mx.nd.array(np.random.default_rng(1).normal(size=INPUTS[name]))


def normalized(name: str) -> Any:
    net = models.build(name)
    batch_norm.add(net)
    mx.random.seed(0)
    net.initialize(mx.init.Xavier())
    net.hybridize()
    return net


def train_a_little(net: Any, data: Any) -> None:
    """Statistics and weights that are no longer those of the start."""
    random = np.random.default_rng(2)
    for parameter, one in params.parameters(net).items():
        if parameter.endswith(("gamma", "beta")):
            one.set_data(mx.nd.array(random.uniform(0.5, 2, one.shape)))
    for _ in range(3):
        with mx.autograd.record():
            net(data)


def test_the_plain_network_computes_the_same(name: str, data: Any) -> None:
    net = normalized(name)
    train_a_little(net, data)
    plain = models.build(name)
    params.load(plain, batch_norm.folded(params.arrays(net)))
    wanted, found = net(data).asnumpy(), plain(data).asnumpy()
    assert np.abs(wanted).max() > 0.1
    np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-5)


def test_each_hidden_layer_is_normalised_and_the_output_is_not(name: str) -> None:
    net = normalized(name)
    hidden = [layer for layer in net.features if hasattr(layer, "weight")]
    factors = [one for one in params.parameters(net) if one.endswith("gamma")]
    assert len(factors) == len(hidden) > 1
    assert not any(one.startswith("output.act") for one in params.parameters(net))


def test_without_normalisation_nothing_is_folded(name: str) -> None:
    net = models.build(name)
    net.initialize()
    before = params.arrays(net)
    after = batch_norm.folded(before)
    assert list(after) == list(before)
    assert all(after[one] is before[one] for one in before)


def test_what_normalisation_learns_does_not_decay() -> None:
    assert decayed("features.0.weight", 0.1) == 0.1
    for one in ("features.0.bias", "features.0.act.norm.gamma", "features.0.act.norm.beta"):
        assert decayed(one, 0.1) == 0.0


@pytest.mark.parametrize("recipe", NORMALIZED)
def test_a_recipes_batch_is_small_enough_that_no_sum_is_split_among_threads(recipe: str) -> None:
    program = [sys.executable, "-c", GRADIENTS, recipe]
    scripts = {"PYTHONPATH": str(SCRIPTS)}
    found = [
        subprocess.check_output(
            program, env=os.environ | PINNED | scripts | {"OMP_NUM_THREADS": threads}
        )
        for threads in ("1", "2")
    ]
    assert found[0] == found[1]
    assert found[0].count(b"(") > 1
