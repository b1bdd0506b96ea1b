"""Our training to a validation perplexity: `perplexity_zoo.py PERPLEXITY SECONDS`.

Prints one line of JSON after every epoch.
"""

from __future__ import annotations

import json
import math
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import environment
import recorded
import train_language_model
from distributed import Group
from recipes import LanguageModelRecipe
from run_folder import Run

from zoo._mxnet import mx
from zoo.data import load_dataset
from zoo.manifest import get_weights

PUBLISHED = "lstm_lm.wikitext2@2"  # the newest that starts from random weights


def main() -> None:
    goal, seconds = float(sys.argv[1]), float(sys.argv[2])
    recipe = recorded.recipe(get_weights(PUBLISHED), LanguageModelRecipe)
    dataset, validate = load_dataset(recipe.dataset), train_language_model.nats
    started, validated = time.perf_counter(), 0.0

    def timed(*arguments: Any) -> float:
        nonlocal validated
        before = time.perf_counter()
        loss = validate(*arguments)
        validated += time.perf_counter() - before
        taken, found = time.perf_counter() - started - validated, math.exp(loss)
        print(json.dumps({"seconds": taken, "perplexity": found}), flush=True)
        if found <= goal or taken > seconds:
            sys.exit(0)
        return loss

    train_language_model.nats = timed
    with tempfile.TemporaryDirectory() as folder:
        often = replace(recipe, validate_every=1)
        train_language_model.train(Group(), Run(Path(folder), often, 0), often, dataset, mx.cpu())


if __name__ == "__main__":
    environment.pin()
    main()
