"""Our training scripts themselves for some seconds: `training_zoo.py lenet SECONDS`.

Half of the time tells the rate, the other half how long the loop waits for its data while nothing
else is to be done. Prints one line of JSON.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from typing import Any

import environment
import train_classifier
import train_language_model
from batches import batches
from recipes import CLASSIFIERS, LANGUAGE_MODELS

from zoo._mxnet import mx

WARM_UP = 20  # steps
LENET, LANGUAGE_MODEL = "lenet.mnist", "lstm_lm.wikitext2"


class Clock:
    """Counts steps: first the rate, then, each step waited for, what of the time is waiting."""

    def __init__(self, seconds: float, per_step: int):
        self.seconds, self.per_step = seconds, per_step
        self.steps, self.waited, self.rate = 0, 0.0, 0.0
        self.started = 0.0

    @property
    def judging(self) -> bool:
        """Whether waiting is measured by now."""
        return self.rate > 0

    def step(self) -> None:
        """A step is about to begin; ends the program when all is measured."""
        self.steps += 1
        if self.steps == WARM_UP:
            self._restart()
        elapsed = time.perf_counter() - self.started
        if self.steps < WARM_UP or elapsed < self.seconds / 2:
            return
        mx.nd.waitall()
        elapsed = time.perf_counter() - self.started
        if not self.judging:
            self.rate = (self.steps - WARM_UP) * self.per_step / elapsed
            self._restart()
            self.waited = 0.0
            return
        print(json.dumps({"rate": self.rate, "waiting": self.waited / elapsed}))
        sys.exit(0)

    def _restart(self) -> None:
        mx.nd.waitall()
        self.started = time.perf_counter()

    def waiting(self, work: Callable[[], Any]) -> Any:
        """The work's result; its time is waiting, once all that was begun is done."""
        if self.judging:
            mx.nd.waitall()
        before = time.perf_counter()
        result = work()
        self.waited += time.perf_counter() - before
        return result


def lenet(seconds: float, out: str) -> None:
    recipe = CLASSIFIERS[LENET]
    clock = Clock(seconds, recipe.batch_size)

    def timed(*arguments: Any) -> Iterator[Any]:
        made = batches(*arguments)
        while (batch := clock.waiting(lambda: next(made, None))) is not None:
            clock.step()
            yield batch

    train_classifier.batches = timed
    sys.argv = ["train_classifier.py", LENET, "--out", out]
    train_classifier.main()


def language_model(seconds: float, out: str) -> None:
    recipe = LANGUAGE_MODELS[LANGUAGE_MODEL]
    clock = Clock(seconds, recipe.batch_size * recipe.window)
    cut, sampler = train_language_model.cut, train_language_model.Learner.__init__

    def timed(*arguments: Any) -> Any:
        clock.step()
        return clock.waiting(lambda: cut(*arguments))

    def begin(learner: Any, *arguments: Any) -> None:
        sampler(learner, *arguments)
        drawn = learner.sampler.cut
        learner.sampler.cut = lambda *given: clock.waiting(lambda: drawn(*given))

    train_language_model.cut = timed
    train_language_model.Learner.__init__ = begin
    sys.argv = ["train_language_model.py", LANGUAGE_MODEL, "--out", out]
    train_language_model.main()


def main() -> None:
    case, seconds = sys.argv[1], float(sys.argv[2])
    with tempfile.TemporaryDirectory() as folder:
        {"lenet": lenet, "language_model": language_model}[case](seconds, folder)


if __name__ == "__main__":
    environment.pin()
    main()
