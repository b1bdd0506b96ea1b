"""The figures of a run as tables in Markdown, and their place in docs/performance.md."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from inference_cases import Case
from pages import measured, table, write_between

_TOLD = {
    "perf_counter": "{} threads",
    "process_time": "the processor's time of one thread, on a busy machine",
}
_KEPT = ("nodes", "differences", "failures", "costs")
BEGIN, END = "<!-- onnx inference -->", "<!-- end of onnx inference -->"
OTHERS = {
    "torch": "torch.onnx",
    "written": "by hand",
    "mx2onnx": "mx2onnx",
    "mxnet": "MXNet static",
}


@dataclass(frozen=True)
class Row:
    """What a case gave: seconds by contestant, nodes, differences from MXNet, refusals, costs."""

    case: Case
    times: Mapping[str, np.ndarray]
    nodes: Mapping[str, int | None]
    differences: Mapping[str, float]
    failures: Mapping[str, str]
    costs: Mapping[str, Mapping[str, Any]]

    def save(self, path: Path) -> None:
        kept = {name: getattr(self, name) for name in _KEPT}
        times = {kind: list(taken) for kind, taken in self.times.items()}
        path.write_text(json.dumps({**kept, "times": times}))

    @classmethod
    def load(cls, case: Case, path: Path) -> Row:
        kept = json.loads(path.read_text())
        times = {kind: np.array(taken) for kind, taken in kept["times"].items()}
        return cls(case, **{**kept, "times": times})

    def ratio(self, kind: str) -> np.ndarray:
        """The other's time divided by ours in each round, as quartiles (3,)."""
        return np.percentile(self.times[kind] / self.times["ours"], [25, 50, 75])

    def verdict(self, kind: str) -> str:
        """`1.31 (1.28-1.33)`, and the target where there is one; or that there is no such graph."""
        if kind not in self.times:
            return "refused" if kind in self.failures else "-"
        low, middle, high = self.ratio(kind)
        target = self.case.targets.get(kind)
        wanted = (
            "" if target is None else f", {'ok' if middle >= target else 'MISSED'} {target:.3g}"
        )
        return f"{middle:.2f} ({low:.2f}-{high:.2f}{wanted})"

    def time(self, kind: str) -> str:
        """Milliseconds, or tokens a second where the network feeds on itself."""
        low, middle, high = np.percentile(self.times[kind], [25, 50, 75])
        if self.case.feedback:
            return f"{1 / middle:,.0f} ({1 / high:,.0f}-{1 / low:,.0f}) tokens/s"
        return f"{middle * 1e3:.3g} ({low * 1e3:.3g}-{high * 1e3:.3g}) ms"

    def line(self) -> str:
        """The row for somebody who waits, with nodes, differences and the reasons of refusals."""
        ratios = "  ".join(f"{kind} {self.verdict(kind)}" for kind in OTHERS)
        facts = [f"nodes {dict(self.nodes)}", f"differences {dict(self.differences)}"]
        facts += [f"{kind} refused: {why}" for kind, why in self.failures.items()]
        return "\n    ".join([f"{self.case.title}: ours {self.time('ours')}  {ratios}", *facts])


def speed_table(rows: Sequence[Row]) -> str:
    head = ["network", "ours", *(f"{title} / ours" for title in OTHERS.values()), "nodes"]
    lines = [head]
    for row in rows:
        cells = [row.case.title, row.time("ours"), *(row.verdict(kind) for kind in OTHERS)]
        counts = [f"{kind} {row.nodes[kind]}" for kind in ("ours", *OTHERS) if row.nodes.get(kind)]
        lines.append([*cells, ", ".join(counts)])
    return table(lines)


def exports_table(rows: Sequence[Row]) -> str:
    """CPU seconds of the export without checks, its process's peak memory, and that before it."""
    head = ["network", "ours", "mx2onnx"]
    lines = [head]
    for row in rows:
        lines.append([row.case.title, *(_cost(row.costs.get(kind, {})) for kind in head[1:])])
    return table(lines)


def write_tables(path: Path, tables: Sequence[str], threads: int, rounds: int, clock: str) -> None:
    """Put the tables between the marks of the page. Raises ValueError where it has none."""
    about = (
        f"{measured()}, {_TOLD[clock].format(threads)}, {rounds} rounds, "
        f"ONNX Runtime {onnxruntime.__version__}."
    )
    write_between(path, BEGIN, END, [about, *tables])


def _cost(cost: Mapping[str, Any]) -> str:
    if "cpu_seconds" not in cost:
        return "refused" if "refused" in cost else "-"
    peak, before = cost["peak_gigabytes"], cost["gigabytes_before"]
    return f"{cost['cpu_seconds']:.2f} s, {peak:.2f} GB ({before:.2f} before)"
