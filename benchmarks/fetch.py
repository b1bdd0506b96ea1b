"""Fetching, beside pooch, huggingface_hub and curl with sha256sum, in one run on loopback nginx.

python benchmarks/fetch.py --write

Needs nginx, curl, sha256sum, and `pip install pooch huggingface-hub`; writes its table into
docs/performance.md. `--largest 16` rehearses with files of at most 16 MiB. Every tool runs in a
process of its own, in turn with the others; the median of the rounds counts, and of their ratios.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median

import fetch_server
from pages import write_between

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs" / "performance.md"
BEGIN, END = "<!-- fetching -->", "<!-- end of fetching -->"
CLIENT = Path(__file__).with_name("fetch_client.py")
TOOLS = ("zoo", "pooch", "huggingface_hub", "curl")
SHOWN = {"curl": "curl, sha256sum", "plain": "sha256 alone"}
MIB = 1 << 20
PROCESSES, SHARED = 32, 16
Runs = list[dict[str, float]]
Row = dict[str, Runs]  # by tool


class Benchmark:
    """The served files and where the clients put theirs."""

    def __init__(self, folder: Path, server: fetch_server.Server) -> None:
        self._folder = folder
        self._server = server

    def files(self, name: str, count: int, size: int) -> list[str]:
        """Serve random files; NAME:SIZE:SHA256 of each."""
        wanted = []
        for number in range(count):
            path, digest = self._server.files / f"{name}-{number}.bin", hashlib.sha256()
            with path.open("wb") as file:
                for start in range(0, size, MIB):
                    piece = os.urandom(min(MIB, size - start))
                    file.write(piece)
                    digest.update(piece)
            wanted.append(f"{path.name}:{size}:{digest.hexdigest()}")
        return wanted

    def row(self, wanted: list[str], repeats: int) -> Row:
        """What each tool took in each round; in each another tool is the first."""
        found: Row = {tool: [] for tool in (*TOOLS, "plain")}
        tools = [*found]
        for _ in range(repeats):
            for tool in tools:
                found[tool].append(json.loads(self._finished(self._client(tool, wanted))))
            tools.append(tools.pop(0))
        return found

    def together(self, tool: str, wanted: list[str], count: int) -> tuple[float, int]:
        """The slowest of so many processes on one cold cache, and how often they asked."""
        folder, gate = self._fresh(tool), self._folder / "gate"
        gate.unlink(missing_ok=True)
        file = wanted[0].partition(":")[0]
        before = self._server.gets(file)
        clients = [self._client(tool, wanted, folder, str(gate)) for _ in range(count)]
        for client in clients:
            assert client.stdout is not None
            assert client.stdout.readline() == "ready\n"
        gate.touch()
        seconds = [json.loads(self._finished(client))["first"] for client in clients]
        return max(seconds), self._server.gets(file) - before

    def _fresh(self, tool: str) -> Path:
        folder = self._folder / f"cache-{tool}"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        return folder

    def _client(
        self, tool: str, wanted: list[str], folder: Path | None = None, gate: str = ""
    ) -> subprocess.Popen[str]:
        address = str(self._server.files) if tool == "plain" else self._server.address
        where = folder or self._fresh(tool)
        command = [sys.executable, CLIENT, tool, address, where, gate, *wanted]
        paths = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
        environment = {**os.environ, "PYTHONPATH": paths}
        return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)

    def _finished(self, client: subprocess.Popen[str]) -> str:
        said, _ = client.communicate(timeout=600)
        if client.returncode:
            sys.exit(f"a client failed: {' '.join(map(str, client.args))[:200]}")  # type: ignore[arg-type]
        return said.splitlines()[-1]


def measure(folder: Path, largest: int) -> list[str]:
    """The lines of the tables."""
    with fetch_server.running(folder) as server:
        benchmark = Benchmark(folder, server)
        rows: dict[str, Row] = {}
        for size, repeats in ((1, 7), (100, 5), (1024, 3)):
            size = min(size, largest)
            shown = f"{size} MiB" if size < 1024 else "1 GiB"
            rows[shown] = benchmark.row(benchmark.files(f"of-{size}", 1, size * MIB), repeats)
        rows["200 files of 10 KiB"] = benchmark.row(benchmark.files("small", 200, 10 << 10), 3)
        shared = benchmark.files("shared", 1, min(SHARED, largest) * MIB)
        crowd: dict[str, tuple[float, float, int]] = {}
        for tool in TOOLS[:3]:
            alone, _ = benchmark.together(tool, shared, 1)
            crowd[tool] = (alone, *benchmark.together(tool, shared, PROCESSES))
    return [*_tables(rows), *_crowd(crowd, min(SHARED, largest))]


def _tables(rows: dict[str, Row]) -> list[str]:
    lines = _table("First fetch, seconds (times curl and then sha256sum)", rows, "first", "curl")
    lines += _table(
        "Second fetch, seconds (times sha256 of the files alone)", rows, "second", "plain"
    )
    lines += ["Peak memory of the first fetch over that after the imports, MiB:", ""]
    lines += _head(rows, TOOLS[:3])
    for shown, row in rows.items():
        peaks = (f"{max(one['peak'] for one in row[tool]) / MIB:.1f}" for tool in TOOLS[:3])
        lines.append(f"| {shown} | {' | '.join(peaks)} |")
    return [*lines, ""]


def _table(title: str, rows: dict[str, Row], key: str, unit: str) -> list[str]:
    tools = TOOLS if unit == "curl" else (*TOOLS, "plain")
    lines = [f"{title}:", "", *_head(rows, tools)]
    for shown, row in rows.items():
        cells = (_cell(row[tool], row[unit], key) for tool in tools)
        lines.append(f"| {shown} | {' | '.join(cells)} |")
    return [*lines, ""]


def _cell(ours: Runs, others: Runs, key: str) -> str:
    """The median over the rounds, and that of the ratios within a round."""
    ratios = (one[key] / other[key] for one, other in zip(ours, others, strict=True))
    return f"{median(one[key] for one in ours):.3f} ({median(ratios):.2f})"


def _head(rows: dict[str, Row], tools: tuple[str, ...]) -> list[str]:
    names = " | ".join(SHOWN.get(tool, tool) for tool in tools)
    return [f"| files | {names} |", f"| --- |{' --- |' * len(tools)}"]


def _crowd(crowd: dict[str, tuple[float, float, int]], size: int) -> list[str]:
    lines = [f"{PROCESSES} processes that want one file of {size} MiB on one cold cache:", ""]
    lines += [
        "| tool | one alone, s | slowest of all, s | downloads |",
        "| --- | --- | --- | --- |",
    ]
    for tool, (alone, slowest, asked) in crowd.items():
        lines.append(f"| {tool} | {alone:.3f} | {slowest:.3f} | {asked} |")
    return lines


def _about() -> str:
    from importlib.metadata import version

    packages = ("gluon-zoo", "pooch", "huggingface-hub")
    versions = ", ".join(f"{name} {version(name)}" for name in packages)
    curl = subprocess.run(["curl", "--version"], capture_output=True, text=True).stdout.split()[1]
    return (
        f"Python {platform.python_version()}, {versions}, curl {curl}, {os.cpu_count()} cores; "
        "made by `python benchmarks/fetch.py --write`."
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--largest", type=int, default=1024, help="MiB of the largest file")
    parser.add_argument("--write", action="store_true", help="into docs/performance.md")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        lines = [_about(), "", *measure(Path(folder), options.largest)]
    print("\n".join(lines))
    if options.write:
        write_between(PAGE, BEGIN, END, ["\n".join(lines).strip()])


if __name__ == "__main__":
    main()
