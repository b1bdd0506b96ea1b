"""Train a classifier by its recipe: `python scripts/train_classifier.py lenet.mnist`.

A run goes on from its last checkpoint, to the same bits as a run that was never stopped.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import batch_norm
import command
import distributed
import numpy as np
from batches import batches, prepare
from distributed import Group
from final_fit import with_validation
from optimizers import NAG, Average, one_cycle
from progress import bar, plot_curve
from recipes import CLASSIFIERS, ClassifierRecipe
from run_folder import Run
from shared_run import run_of
from teaching import lessons, taught

from zoo import evaluation, models, params
from zoo._mxnet import gluon, mx
from zoo.data import Dataset, Split, load_dataset


def network(recipe: ClassifierRecipe, ctx: Any) -> Any:
    net = models.build(recipe.name.split(".")[0], **recipe.config)
    if recipe.batch_norm:
        batch_norm.add(net)
    net.initialize(mx.init.Xavier(), ctx=ctx)
    net.hybridize(static_alloc=True, static_shape=True)
    return net


def loss_function(recipe: ClassifierRecipe) -> Any:
    """Softmax cross entropy, or log(1 + exp(-y f)) of a single logit f with y = -1 or +1."""
    if recipe.config.get("classes") == 1:
        return gluon.loss.LogisticLoss(label_format="binary")
    return gluon.loss.SoftmaxCELoss(sparse_label=not soft(recipe))


def soft(recipe: ClassifierRecipe) -> bool:
    """Whether the network learns probabilities instead of class numbers."""
    return bool(recipe.label_smoothing or recipe.teachers)


def labels(recipe: ClassifierRecipe, targets: np.ndarray) -> np.ndarray:
    """The loss's labels: class numbers, or smoothed probabilities (batch, classes)."""
    if not soft(recipe):
        return targets.astype(np.float32)
    classes = recipe.config.get("classes", 10)
    rest = recipe.label_smoothing / classes
    certain: np.ndarray = np.eye(classes, dtype=np.float32)[targets]
    return certain * np.float32(1 - recipe.label_smoothing) + np.float32(rest)


def accuracy(net: Any, recipe: ClassifierRecipe, split: Split, ctx: Any) -> float:
    """The part of the split that the network gets right."""
    logits = []
    for start in range(0, len(split), 1000):
        inputs = prepare(recipe, split.inputs[start : start + 1000])
        logits.append(net(mx.nd.array(inputs, ctx=ctx)).asnumpy())
    return evaluation.accuracy(np.concatenate(logits), split.targets).value


def teach(
    group: Group, options: command.Options, recipe: ClassifierRecipe, dataset: Dataset, ctx: Any
) -> list[tuple[Run, Any]]:
    """The recipe's teachers, each trained in a folder of its own unless it is there already.

    A run and a network each.
    """
    teachers = []
    for number, (seed, lesson) in enumerate(lessons(recipe)):
        run = run_of(group, options.teachers / str(number), lesson, seed, options.device)
        with run.locked():
            teachers.append((run, train(group, run, lesson, dataset, ctx)))
    return teachers


def train(
    group: Group,
    run: Run,
    recipe: ClassifierRecipe,
    dataset: Dataset,
    ctx: Any,
    teachers: Sequence[Any] = (),
) -> Any:
    """Run the recipe's epochs, from the last checkpoint on; returns the network to publish."""
    group.share(recipe.batch_size)
    per_epoch = len(dataset.train) // recipe.batch_size
    if not per_epoch:
        sys.exit(f"A batch of {recipe.batch_size} needs more than {len(dataset.train)} examples.")
    mx.random.seed(run.seed)
    net, published = network(recipe, ctx), network(replace(recipe, batch_norm=False), ctx)
    loss_of, held = loss_function(recipe), params.parameters(net)
    weights = {name: one for name, one in held.items() if one.grad_req != "null"}
    statistics = [one for name, one in held.items() if name not in weights]
    optimizer = NAG(weights, recipe.momentum, recipe.weight_decay)
    average = Average(held, recipe.average)
    steps, first = recipe.epochs * per_epoch, 0
    if kept := run.resume():
        params.load(net, {name: kept.arrays[name] for name in held}, ctx=ctx)
        optimizer.restore(kept.arrays)
        average.restore(kept.arrays, kept.progress["step"])
        first = len(run.epochs)
    with bar(recipe.name, steps, first * per_epoch, recipe.batch_size) as shown:
        for epoch in range(first, recipe.epochs):
            total = mx.nd.zeros(1, ctx=ctx)
            made = batches(recipe, dataset.train, run.seed, epoch, group.rank, group.workers)
            for step, (inputs, targets) in enumerate(made, epoch * per_epoch):
                data = mx.nd.array(inputs, ctx=ctx)
                target = taught(recipe, teachers, data, labels(recipe, targets))
                target = mx.nd.array(target, ctx=ctx)
                with mx.autograd.record():
                    loss = loss_of(net(data), target)
                loss.backward()
                group.sum([one.grad() for one in weights.values()])
                group.mean([one.data() for one in statistics])
                rate = one_cycle(step, steps, recipe.learning_rate, recipe.warmup)
                optimizer.step(rate, recipe.batch_size)
                average.update()
                total += loss.mean()
                if step % 20 == 0:
                    shown.update(step + 1, f"loss {float(loss.mean().asscalar()):.4f}")
            group.mean([total])
            train_loss = float(total.asscalar()) / per_epoch
            if not math.isfinite(train_loss):
                sys.exit(f"Epoch {epoch + 1}: the loss is not finite. The last checkpoint is kept.")
            params.load(published, batch_norm.folded(average.arrays()), ctx=ctx)
            facts = {"train_loss": train_loss, "learning_rate": rate}
            if group.leads and not recipe.final_fit:
                found = accuracy(published, recipe, dataset.validation, ctx)
                facts["validation_accuracy"] = found
                shown.metric = f"validation {found:.4f}"
            shown.line(run.log(epoch + 1, facts))
            run.save(step + 1, params.arrays(net) | optimizer.state() | average.state())
    params.load(published, batch_norm.folded(average.arrays()), ctx=ctx)
    return published


def smoke(recipe: ClassifierRecipe, dataset: Dataset) -> tuple[ClassifierRecipe, Dataset]:
    """The same recipe on so little data that a processor is done in a minute."""
    few = np.arange(1000)
    train, validation = dataset.train.rows(few), dataset.validation.rows(few)
    part = replace(dataset, train=train, validation=validation, test=dataset.test.rows(few))
    taught_by = recipe.teachers and replace(recipe.teachers, count=1, epochs=1)
    return replace(recipe, epochs=2, teachers=taught_by), part


def main() -> None:
    options = command.read(__doc__)
    recipe = command.find(CLASSIFIERS, options)
    ctx = command.context(options.device)
    dataset = load_dataset(recipe.dataset)
    if options.smoke:
        recipe, dataset = smoke(recipe, dataset)
    if recipe.final_fit:
        dataset = with_validation(dataset)
    with distributed.joined(options.distributed) as group:
        for one in (recipe, *(lesson for _, lesson in lessons(recipe))):
            group.share(one.batch_size)  # before the teachers are trained for hours
        run = run_of(group, options.out, recipe, options.seed, options.device, options.stop)
        run.tensorboard = options.tensorboard and group.leads
        with run.locked():
            teachers = teach(group, options, recipe, dataset, ctx)
            run.teachers = [one for one, _ in teachers]
            net = train(group, run, recipe, dataset, ctx, [one for _, one in teachers])
            if not group.leads:
                return
            found = accuracy(net, recipe, dataset.test, ctx)
            plot_curve(options.out, recipe.name, run.epochs, "validation_accuracy")
            run.finish(
                params.arrays(net),
                {"accuracy": found},
                target_met=found >= recipe.target,
                config=models.complete(recipe.name.split(".")[0], **recipe.config),
                preprocessing=recipe.preprocessing,
                data=dict(dataset.digests),
                smoke=options.smoke,
            )
    command.conclude(recipe, "accuracy", found, met=found >= recipe.target, smoke=options.smoke)


if __name__ == "__main__":
    command.run(main)
