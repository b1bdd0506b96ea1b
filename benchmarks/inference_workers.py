"""Contestants, each in a process of its own that sleeps while another one runs.

So none shares threads, caches of memory or a library's settings with the next, and all have the
same number of threads.
"""

from __future__ import annotations

import multiprocessing
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from inference_cases import Case, draw_inputs

WARM_UP = 0.5  # seconds
_UNPINNED = ("DNNL_MAX_CPU_ISA", "OPENBLAS_CORETYPE")  # they would slow MXNet down


class Ready(NamedTuple):
    """What a contestant says when it has warmed up: its graph's nodes, its first output's start."""

    nodes: int | None
    output: np.ndarray


class Contestant:
    """`kind` names an export, or `mxnet`; `path` is its graph, or the network's weights.

    `clock` is one of the module `time`: `perf_counter`, or `process_time` for the processor's.
    """

    def __init__(self, case: Case, kind: str, path: Path, threads: int, clock: str) -> None:
        self.kind = kind
        self._connection, other = multiprocessing.Pipe()
        context = multiprocessing.get_context("spawn")
        settings = {"OMP_NUM_THREADS": str(threads)}
        before = {name: os.environ.pop(name, None) for name in (*_UNPINNED, *settings)}
        os.environ.update(settings)
        arguments = (other, case, kind, path, threads, clock)
        self._process = context.Process(target=_serve, args=arguments, daemon=True)
        self._process.start()
        os.environ.pop("OMP_NUM_THREADS")
        os.environ.update({name: one for name, one in before.items() if one is not None})
        self.ready: Ready | str = self._receive()

    def time(self, seconds: float) -> float:
        """The median seconds of a run, over as many runs as fit into `seconds`, at least one."""
        self._connection.send(seconds)
        taken = self._receive()
        if isinstance(taken, str):
            raise RuntimeError(f"{self.kind}: {taken}")
        return float(taken)

    def close(self) -> None:
        self._process.terminate()
        self._process.join()

    def _receive(self) -> Any:
        while not self._connection.poll(1):
            if not self._process.is_alive():
                return "its process has ended"
        return self._connection.recv()


def _serve(connection: Any, case: Case, kind: str, path: Path, threads: int, clock: str) -> None:
    try:
        run, nodes = (_mxnet if kind == "mxnet" else _onnx)(case, path, threads)
        output = np.ravel(run())[:4096].copy()
    except Exception as error:  # the runtimes' exceptions have no common root
        connection.send(f"{type(error).__name__}: {error}".splitlines()[0][:200])
        return
    _time(run, WARM_UP, clock)
    connection.send(Ready(nodes, output))
    while True:
        connection.send(_time(run, connection.recv(), clock))


def _time(run: Callable[[], Any], seconds: float, clock: str) -> float:
    now, taken = getattr(time, clock), list[float]()
    while not taken or sum(taken) < seconds:
        start = now()
        run()
        taken.append(now() - start)
    return float(np.median(taken))


def _onnx(case: Case, path: Path, threads: int) -> tuple[Callable[[], np.ndarray], int]:
    import onnx

    from zoo.onnx import open_session

    content = path.read_bytes()
    session = open_session(content, threads=threads)
    types = {"tensor(int64)": np.int64, "tensor(int32)": np.int32, "tensor(float)": np.float32}
    declared = session.get_inputs()
    inputs = {
        one.name: array.astype(types[one.type])
        for one, array in zip(declared, draw_inputs(case), strict=True)
    }
    names = _prediction_first(session, inputs)

    def run() -> np.ndarray:
        return session.run(names, inputs)[0]

    def step() -> np.ndarray:
        data, *states = inputs
        output, *found = session.run(names, inputs)
        inputs.update(zip(states, found, strict=True))
        inputs[data] = np.full_like(inputs[data], output.argmax())
        return output

    nodes = len(onnx.load_model_from_string(content).graph.node)
    return (step if case.feedback else run), nodes


def _prediction_first(session: Any, inputs: dict[str, np.ndarray]) -> list[str]:
    """The names of the outputs, the largest before the states: mx2onnx keeps no order."""
    sizes = [one.size for one in session.run(None, inputs)]
    names = [one.name for one in session.get_outputs()]
    return [name for _, name in sorted(zip(sizes, names, strict=True), key=lambda one: -one[0])]


def _mxnet(case: Case, path: Path, threads: int) -> tuple[Callable[[], Any], None]:
    """Hybridized, static; `threads` are in the process's environment."""
    import inference_networks as networks

    from zoo._mxnet import mx

    net = networks.load(case, path)
    net.hybridize(static_alloc=True, static_shape=True)
    inputs = [mx.nd.array(one) for one in draw_inputs(case)]

    def run() -> Any:
        outputs = networks.run(net, inputs)
        for one in outputs:
            one.wait_to_read()
        return _Lazy(outputs[0])

    def step() -> Any:
        output, *states = networks.run(net, inputs)
        found = output.asnumpy()
        inputs[:] = [mx.nd.full((1, 1), found.argmax()), *(one.copy() for one in states)]
        return found

    return (step if case.feedback else run), None


class _Lazy:
    """An output that is copied to NumPy only when somebody looks at it."""

    def __init__(self, array: Any) -> None:
        self._array = array

    def __array__(self, dtype: Any = None, copy: Any = None) -> np.ndarray:
        return self._array.asnumpy()
