"""Train a regression: `python scripts/train_regression.py linear_regression.california_housing`.

Gradient descent must arrive where the normal equations say that it does: the run compares its
weights with the closed form. It goes on from its last checkpoint, to the same bits.
"""

from __future__ import annotations

import math
import sys
from dataclasses import replace
from typing import Any

import command
import distributed
import numpy as np
from distributed import Group
from optimizers import NAG, one_cycle
from progress import bar, plot_curve
from recipes import REGRESSIONS, RegressionRecipe
from run_folder import Run
from shared_run import run_of

from zoo import models, params, transforms
from zoo._mxnet import gluon, mx
from zoo.data import Dataset, Split, load_dataset
from zoo.evaluation import closed_form, r2


def standardization(dataset: Dataset) -> dict[str, Any]:
    """The preprocessing's numbers: mean and spread of each feature over the training split."""
    inputs = dataset.train.inputs.astype(np.float64)
    return {
        "kind": "features",
        "names": list(dataset.about.features or ()),
        "mean": inputs.mean(axis=0).tolist(),
        "std": inputs.std(axis=0).tolist(),
    }


def train(
    group: Group,
    run: Run,
    recipe: RegressionRecipe,
    dataset: Dataset,
    numbers: dict[str, Any],
    ctx: Any,
) -> Any:
    """Run the recipe's steps, from the last checkpoint on."""

    def inputs_of(split: Split) -> Any:
        return mx.nd.array(transforms.standardize(split.inputs, numbers), ctx=ctx)

    mx.random.seed(run.seed)
    net = models.build("linear_regression", **recipe.config)
    net.initialize(mx.init.Normal(0.01), ctx=ctx)
    net.hybridize(static_alloc=True, static_shape=True)
    weights, half_square = params.parameters(net), gluon.loss.L2Loss()
    optimizer = NAG(weights, recipe.momentum)
    if saved := run.resume():
        params.load(net, {name: saved.arrays[name] for name in weights}, ctx=ctx)
        optimizer.restore(saved.arrays)
    own = dataset.train.rows(np.arange(len(dataset.train))[group.part(len(dataset.train))])
    data, validation = inputs_of(own), inputs_of(dataset.validation)
    targets = mx.nd.array(own.targets, ctx=ctx)
    steps = recipe.epochs * recipe.steps_per_epoch
    first = len(run.epochs)
    with bar(recipe.name, steps, first * recipe.steps_per_epoch, len(dataset.train)) as shown:
        for epoch in range(first, recipe.epochs):
            for step in range(epoch * recipe.steps_per_epoch, (epoch + 1) * recipe.steps_per_epoch):
                with mx.autograd.record():
                    loss = half_square(net(data), targets)
                loss.backward()
                group.sum([one.grad() for one in weights.values()])
                rate = one_cycle(step, steps, recipe.learning_rate, recipe.warmup)
                optimizer.step(rate, len(dataset.train))
            loss = loss.mean() * (len(own) / len(dataset.train))
            group.sum([loss])
            train_loss = float(loss.asscalar())
            if not math.isfinite(train_loss):
                sys.exit(f"Epoch {epoch + 1}: the loss is not finite. The last checkpoint is kept.")
            found = r2(net(validation).asnumpy()[:, 0], dataset.validation.targets).value
            facts = {"train_loss": train_loss, "learning_rate": rate, "validation_r2": found}
            shown.update(step + 1, f"loss {train_loss:.6f}")
            shown.metric = f"validation R2 {found:.4f}"
            shown.line(run.log(epoch + 1, facts))
            run.save(step + 1, params.arrays(net) | optimizer.state())
    return net


def smoke(recipe: RegressionRecipe, dataset: Dataset) -> tuple[RegressionRecipe, Dataset]:
    """The same recipe on so little data that a processor is done in a minute."""
    few = np.arange(500)
    train, validation = dataset.train.rows(few), dataset.validation.rows(few)
    part = replace(dataset, train=train, validation=validation, test=dataset.test.rows(few))
    return replace(recipe, epochs=2, steps_per_epoch=20), part


def main() -> None:
    options = command.read(__doc__)
    recipe = command.find(REGRESSIONS, options)
    ctx = command.context(options.device)
    dataset = load_dataset(recipe.dataset)
    if options.smoke:
        recipe, dataset = smoke(recipe, dataset)
    numbers = standardization(dataset)
    with distributed.joined(options.distributed) as group:
        run = run_of(group, options.out, recipe, options.seed, options.device, options.stop)
        run.tensorboard = options.tensorboard and group.leads
        with run.locked():
            net = train(group, run, recipe, dataset, numbers, ctx)
            if not group.leads:
                return
            exact = closed_form(
                transforms.standardize(dataset.train.inputs, numbers), dataset.train.targets
            )
            trained = params.arrays(net)
            difference = max(float(np.abs(trained[name] - exact[name]).max()) for name in exact)
            test = mx.nd.array(transforms.standardize(dataset.test.inputs, numbers), ctx=ctx)
            found = r2(net(test).asnumpy()[:, 0], dataset.test.targets).value
            met = found >= recipe.target and difference <= recipe.agreement
            plot_curve(options.out, recipe.name, run.epochs, "validation_r2")
            run.finish(
                trained,
                {"r2": found, "closed_form_difference": difference},
                target_met=met,
                config=models.complete("linear_regression", **recipe.config),
                preprocessing=numbers,
                data=dict(dataset.digests),
                smoke=options.smoke,
            )
    print(f"largest difference from the closed form: {difference:.2g}")
    command.conclude(recipe, "r2", found, met=met, smoke=options.smoke)


if __name__ == "__main__":
    command.run(main)
