"""Train a language model by its recipe: `python scripts/train_language_model.py lstm_lm.wikitext2`.

A run goes on from its last checkpoint, to the same bits as a run that was never stopped.
"""

from __future__ import annotations

import hashlib
import math
import sys
from dataclasses import replace
from typing import Any

import command
import distributed
import numpy as np
from distributed import Group
from final_fit import with_validation
from language_learner import Learner
from optimizers import one_cycle
from progress import bar, plot_curve
from recipes import LANGUAGE_MODELS, LanguageModelRecipe
from run_folder import Run
from shared_run import run_of

from zoo import models, params
from zoo._mxnet import mx
from zoo.atomic import write_atomically
from zoo.data import TextDataset, load_dataset
from zoo.fetching import read_artifact
from zoo.manifest import get_weights, read_manifest


def columns(stream: np.ndarray, batch_size: int) -> np.ndarray:
    """The stream as (time, batch_size): each column reads one stretch of the text."""
    length = len(stream) // batch_size
    return stream[: length * batch_size].reshape(batch_size, length).T


def nats(net: Any, stream: np.ndarray, batch_size: int, ctx: Any, window: int = 64) -> float:
    """Mean negative log likelihood of every token after the first, states carried over."""
    tokens, states, total = columns(stream, batch_size), net.begin_state(batch_size, ctx), 0.0
    for start in range(0, len(tokens) - 1, window):
        targets = tokens[start + 1 : start + 1 + window]
        data = mx.nd.array(tokens[start : start + len(targets)], ctx=ctx, dtype="int32")
        logits, states = net(data, states)
        likelihood = mx.nd.pick(mx.nd.log_softmax(logits), mx.nd.array(targets, ctx=ctx))
        total -= likelihood.asnumpy().sum(dtype=np.float64)
    return float(total / tokens[1:].size)


def measure(recipe: LanguageModelRecipe, loss: float) -> float:
    """The recipe's metric for a loss in nats a token."""
    return math.exp(loss) if recipe.metric == "perplexity" else loss


def windows(recipe: LanguageModelRecipe, stream: np.ndarray) -> int:
    """How many windows an epoch has."""
    return ((len(stream) - recipe.window) // recipe.batch_size - 1) // recipe.window


def cut(recipe: LanguageModelRecipe, stream: np.ndarray, epoch: int, window: int) -> np.ndarray:
    """Tokens (window + 1, batch); each epoch cuts the text a little further on."""
    text = columns(stream[13 * epoch % recipe.window :], recipe.batch_size)
    return text[window * recipe.window : (window + 1) * recipe.window + 1]


def published(recipe: LanguageModelRecipe, dataset: TextDataset) -> dict[str, np.ndarray]:
    """The verified arrays that the recipe starts from, of a network with the same vocabulary.

    They are the package's own, at a version that never means other ones.
    """
    weights = get_weights(recipe.start, read_manifest())
    if weights.pinned != recipe.start:
        sys.exit(
            f"{recipe.name} starts from {recipe.start!r}: name its version, {weights.pinned!r}."
        )
    words = hashlib.sha256(dataset.vocabulary.to_bytes()).hexdigest()
    if words != weights.artifact("vocabulary").sha256:
        sys.exit(f"{recipe.name} cannot start from {weights.pinned}: its vocabulary is another.")
    return params.read(read_artifact(weights.artifact("safetensors")))


def train(
    group: Group, run: Run, recipe: LanguageModelRecipe, dataset: TextDataset, ctx: Any
) -> Learner:
    """Run the recipe's epochs, from the last checkpoint on."""
    counts = np.bincount(dataset.train, minlength=len(dataset.vocabulary))
    learner = Learner(recipe, counts, run.seed, ctx, group)
    own = group.part(recipe.batch_size)
    per_epoch = windows(recipe, dataset.train)
    steps, done, losses, states = recipe.epochs * per_epoch, 0, [], []
    if found := run.resume():
        learner.restore(found.arrays)
        done, losses = found.progress["step"], found.progress["losses"]
        names = sorted(name for name in found.arrays if name.startswith("state."))
        states = [mx.nd.array(found.arrays[name][:, own], ctx=ctx) for name in names]
    elif recipe.start:
        learner.begin(published(recipe, dataset))
    with bar(recipe.name, steps, done, recipe.batch_size * recipe.window) as shown:
        for step in range(done, steps):
            epoch, window = divmod(step, per_epoch)
            if window % recipe.checkpoint_every == 0:
                mx.random.seed(run.seed * 1_000_003 + 500_009 * group.rank + step)
            if window == 0:
                states, losses = learner.net.begin_state(group.share(recipe.batch_size), ctx), []
            tokens = cut(recipe, dataset.train, epoch, window)
            rate = one_cycle(step, steps, recipe.learning_rate, recipe.warmup)
            loss, states = learner.step(step, rate, tokens[:-1], tokens[1:], states)
            losses.append(loss)
            shown.update(step + 1, f"loss {np.mean(losses[-100:]):.4f}")
            last = window + 1 == per_epoch
            if last:
                facts = {"train_loss": float(np.mean(losses)), "learning_rate": rate}
                due = (epoch + 1) % recipe.validate_every == 0 or step + 1 == steps
                if group.leads and due and not recipe.final_fit:
                    loss = nats(learner.network(), dataset.validation, 16, ctx)
                    facts[f"validation_{recipe.metric}"] = measure(recipe, loss)
                    shown.metric = f"validation {measure(recipe, loss):.4g}"
                shown.line(run.log(epoch + 1, facts))
            if last or (window + 1) % recipe.checkpoint_every == 0:
                carried = {f"state.{i}": group.gather(one, 1) for i, one in enumerate(states)}
                run.save(step + 1, learner.state() | carried, losses=losses)
    return learner


def smoke(
    recipe: LanguageModelRecipe, dataset: TextDataset
) -> tuple[LanguageModelRecipe, TextDataset]:
    """The same recipe on so little data, and so narrow, that a processor is done in a minute."""
    small = replace(
        recipe,
        epochs=2,
        batch_size=4,
        window=16,
        samples=min(recipe.samples, 512),
        start="",
        config=recipe.config | {"embed_size": 64, "hidden_size": 64},
        checkpoint_every=20,
    )
    train, validation, test = dataset.train[:2000], dataset.validation[:500], dataset.test[:500]
    return small, replace(dataset, train=train, validation=validation, test=test)


def main() -> None:
    options = command.read(__doc__)
    recipe = command.find(LANGUAGE_MODELS, options)
    ctx = command.context(options.device)
    dataset = load_dataset(recipe.dataset)
    if options.smoke:
        recipe, dataset = smoke(recipe, dataset)
    if recipe.final_fit:
        dataset = with_validation(dataset)
    with distributed.joined(options.distributed) as group:
        run = run_of(group, options.out, recipe, options.seed, options.device, options.stop)
        run.tensorboard = options.tensorboard and group.leads
        with run.locked():
            learner = train(group, run, recipe, dataset, ctx)
            if not group.leads:
                return
            found = measure(recipe, nats(learner.network(), dataset.test, 1, ctx, window=256))
            write_atomically(options.out / "vocabulary.txt", dataset.vocabulary.to_bytes())
            plot_curve(options.out, recipe.name, run.epochs, f"validation_{recipe.metric}")
            run.finish(
                params.arrays(learner.net),
                {recipe.metric: found},
                target_met=found <= recipe.target,
                config=models.complete(
                    "lstm_lm", vocabulary_size=len(dataset.vocabulary), **recipe.config
                ),
                data=dict(dataset.digests),
                smoke=options.smoke,
            )
    command.conclude(recipe, recipe.metric, found, met=found <= recipe.target, smoke=options.smoke)


if __name__ == "__main__":
    command.run(main)
