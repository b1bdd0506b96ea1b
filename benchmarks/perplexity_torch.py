"""PyTorch's word language model example to a validation perplexity; needs torch and NumPy, not zoo.

    python benchmarks/perplexity_torch.py DATA.npz PERPLEXITY SECONDS THREADS

Prints one line of JSON after every epoch.
"""

from __future__ import annotations

import json
import math
import sys
import time

import numpy as np
import torch
from torch.nn import functional
from training_torch import WINDOW, WORD_BATCH, WordModel, columns, learn

RATE = 20.0
VALIDATION_BATCH = 10


def epoch(net: WordModel, text: torch.Tensor, rate: float) -> None:
    states = None
    for at in range(0, len(text) - 1, WINDOW):
        window = text[at : at + WINDOW + 1]
        states = learn(net, window[:-1], window[1:].reshape(-1), states, rate)


def perplexity(net: WordModel, text: torch.Tensor) -> float:
    net.eval()
    total, states = 0.0, None
    with torch.no_grad():
        for at in range(0, len(text) - 1, WINDOW):
            window = text[at : at + WINDOW + 1]
            output, states = net(window[:-1], states)
            total += functional.nll_loss(output, window[1:].reshape(-1), reduction="sum").item()
    net.train()
    return math.exp(total / text[1:].numel())


def main() -> None:
    path, goal, seconds, threads = sys.argv[1], *map(float, sys.argv[2:4]), int(sys.argv[4])
    torch.set_num_threads(threads)
    torch.manual_seed(0)
    with np.load(path) as data:
        text = columns(data["train"], WORD_BATCH)
        held_out, words = columns(data["validation"], VALIDATION_BATCH), int(data["words"])
    net, rate, best, taken, found = WordModel(words), RATE, math.inf, 0.0, math.inf
    while found > goal and taken <= seconds:
        before = time.perf_counter()
        epoch(net, text, rate)
        taken += time.perf_counter() - before
        found = perplexity(net, held_out)
        print(json.dumps({"seconds": taken, "perplexity": found}), flush=True)
        if found >= best:
            rate /= 4
        best = min(best, found)


if __name__ == "__main__":
    main()
