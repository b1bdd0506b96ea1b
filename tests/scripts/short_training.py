"""train_classifier.py with short epochs, yet not so short that none is cut, for jobs that are."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

import command
import train_classifier

EPOCHS = 30
one_cycle = train_classifier.one_cycle


def slowly(*schedule: Any) -> float:
    time.sleep(0.002)
    return one_cycle(*schedule)


if __name__ == "__main__":
    short = {
        name: replace(recipe, epochs=EPOCHS, batch_size=400, target=0.0)
        for name, recipe in train_classifier.CLASSIFIERS.items()
    }
    train_classifier.CLASSIFIERS.clear()
    train_classifier.CLASSIFIERS.update(short)
    train_classifier.one_cycle = slowly
    command.run(train_classifier.main)
