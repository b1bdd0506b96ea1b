"""One worker of benchmarks/data_parallel.py: how long it takes to add a vector over all workers."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "scripts"))

import distributed

from zoo._mxnet import mx

REPEATS = 200

with distributed.joined(True) as group:
    for size in map(int, sys.argv[1:]):
        vector, times = mx.nd.ones(size), []
        for _ in range(REPEATS):
            vector[:] = 1
            vector.wait_to_read()
            start = time.perf_counter()
            group.sum([vector])
            vector.wait_to_read()
            times.append(time.perf_counter() - start)
        if group.leads:
            print(size, float(np.median(times[10:])), flush=True)
