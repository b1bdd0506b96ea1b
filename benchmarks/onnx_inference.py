"""Inference side by side: our graphs, torch's, mx2onnx's, hand-written ones, and MXNet itself.

    python benchmarks/onnx_inference.py --torch-python TORCH/bin/python --write

Every contestant runs in a process of its own with the same threads; they take turns, round by
round, so that whatever else the machine does falls on all of them. A ratio is the median over the
rounds of another one's time divided by ours in the same round: above 1 we are faster.
`--torch-python` is a Python that has torch and onnxscript; without it that column stays empty.
On a machine that is not quiet, `--cpu-time` measures the processor's time of one thread instead.
`--write` puts the tables into docs/performance.md. With `--graphs FOLDER` the exported graphs are
kept and used again, and so are rows: `--only` measures some of the cases, and the tables hold what
was measured before in the same folder in the same way on the same day, too.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from inference_cases import CASES, Case
from inference_tables import Row, exports_table, speed_table, write_tables
from inference_workers import Contestant, Ready

HERE = Path(__file__).resolve().parent
WRITTEN = ("lenet", "lstm_lm")
PAUSE = 0.05  # seconds, in which the threads of the one before fall asleep


class Options(NamedTuple):
    """What the command line says; `seconds` is how long a contestant runs in each round."""

    cases: list[Case]
    rounds: int
    seconds: float
    threads: int
    torch_python: str | None
    graphs: Path
    write: bool
    clock: str
    day: date


def read(folder: str) -> Options:
    parser = argparse.ArgumentParser(description="Time inference side by side.")
    parser.add_argument("--only", nargs="+", choices=CASES, default=list(CASES), metavar="CASE")
    parser.add_argument("--rounds", type=int, default=11)
    parser.add_argument("--seconds", type=float, default=0.2, help="of each in each round")
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--cpu-time", action="store_true", help="for a busy machine: 1 thread each")
    parser.add_argument("--torch-python", help="a Python with torch and onnxscript")
    parser.add_argument("--graphs", type=Path, default=Path(folder), help="kept, and used again")
    parser.add_argument("--write", action="store_true", help="into docs/performance.md")
    given = parser.parse_args()
    if given.cpu_time:
        given.threads = 1
    given.graphs.mkdir(parents=True, exist_ok=True)
    cases = [CASES[name] for name in given.only]
    return Options(
        cases,
        given.rounds,
        given.seconds,
        given.threads,
        given.torch_python,
        given.graphs.resolve(),
        given.write,
        "process_time" if given.cpu_time else "perf_counter",
        date.today(),
    )


def kinds(case: Case, options: Options) -> list[str]:
    """The exports of a case that can be made here, ours first."""
    others = ["written"] if case.network in WRITTEN else []
    return ["ours", *others, *(["torch"] if options.torch_python else []), "mx2onnx"]


def export(case: Case, kind: str, options: Options) -> dict[str, Any]:
    """What the export cost, or why there is no graph; a graph that is there is used again."""
    target, cost = (options.graphs / f"{case.name}.{kind}.{end}" for end in ("onnx", "json"))
    if cost.is_file() and "refused" not in (kept := json.loads(cost.read_text())):
        return dict(kept)
    if kind == "torch":
        command = [options.torch_python, HERE / "torch_exports.py", case.name, target]
    else:
        command = [sys.executable, HERE / "inference_exports.py", kind, case.name, options.graphs]
    done = subprocess.run([*map(str, command)], capture_output=True, text=True, check=False)
    last = ((done.stdout if done.returncode == 0 else done.stderr).splitlines() or [""])[-1]
    if done.returncode:
        found: dict[str, Any] = {"refused": last[:200]}
    else:
        found = {} if kind == "torch" else json.loads(last)
    cost.write_text(json.dumps(found))
    return found


def contest(case: Case, options: Options) -> Row:
    """Time all contestants of a case in turns."""
    weights = options.graphs / f"{case.network}.params"
    if not weights.is_file():
        command = [sys.executable, HERE / "inference_exports.py", "weights", case.name]
        subprocess.run([*map(str, command), str(options.graphs)], check=True)
    costs = {kind: export(case, kind, options) for kind in kinds(case, options)}
    failures = {kind: cost["refused"] for kind, cost in costs.items() if "refused" in cost}
    paths = {kind: options.graphs / f"{case.name}.{kind}.onnx" for kind in costs}
    entered = []
    for kind, path in [*paths.items(), ("mxnet", weights)]:
        if kind not in failures:
            one = Contestant(case, kind, path, options.threads, options.clock)
            if isinstance(one.ready, str):
                failures[kind] = one.ready
            else:
                entered.append(one)
    try:
        times = take_turns(entered, options)
    finally:
        for one in entered:
            one.close()
    readies = {one.kind: one.ready for one in entered if isinstance(one.ready, Ready)}
    nodes = {kind: one.nodes for kind, one in readies.items()}
    return Row(case, times, nodes, differences(readies), failures, costs)


def take_turns(entered: Sequence[Contestant], options: Options) -> dict[str, np.ndarray]:
    """Seconds of a run by contestant, (rounds,)."""
    times: dict[str, list[float]] = {one.kind: [] for one in entered}
    for turn in range(options.rounds):
        for place in range(len(entered)):
            one = entered[(turn + place) % len(entered)]
            time.sleep(PAUSE)
            times[one.kind].append(one.time(options.seconds))
    return {kind: np.array(taken) for kind, taken in times.items()}


def differences(readies: Mapping[str, Ready]) -> dict[str, float]:
    """How far each graph of the same weights is from MXNet, relative to its largest number."""
    if "mxnet" not in readies:
        return {}
    exact = readies["mxnet"].output.astype(np.float64)
    return {
        kind: float(np.abs(one.output - exact).max() / np.abs(exact).max())
        for kind, one in readies.items()
        if kind in ("ours", "written", "mx2onnx")
    }


def measure(options: Options) -> None:
    for case in options.cases:
        row = contest(case, options)
        print(row.line(), flush=True)
        row.save(kept(case, options))


def kept(case: Case, options: Options) -> Path:
    """Where a row is kept; its name tells all that the table says of its rows together."""
    way = f"{options.day}.{options.clock}.{options.threads}x{options.rounds}x{options.seconds:g}"
    return options.graphs / f"{case.name}.{way}.json"


def rows(options: Options) -> Iterator[Row]:
    """Those measured now, and before in the same folder in the same way on the same day."""
    for case in CASES.values():
        path = kept(case, options)
        if path.is_file():
            yield Row.load(case, path)


def main() -> None:
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="zoo-graphs-") as folder:
        options = read(folder)
        measure(options)
        found = list(rows(options))
    tables = [speed_table(found), exports_table(found)]
    print("\n" + "\n\n".join(tables))
    print(f"\n{time.monotonic() - started:.0f} s")
    if options.write:
        page = HERE.parent / "docs" / "performance.md"
        write_tables(page, tables, options.threads, options.rounds, options.clock)


if __name__ == "__main__":
    main()
