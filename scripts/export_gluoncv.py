"""The table docs/gluoncv.csv: every network of GluonCV built, exported and held against MXNet.

python scripts/export_gluoncv.py                 # goes on where it was stopped
python scripts/export_gluoncv.py 'ssd_*' --again # measures these anew

Each network is measured in a process of its own, and its row is there, in a file written whole,
before the next one starts. Weights are random but lively (lively_weights.py); inputs are normal
random numbers. A network counts as `ok` when the file passes onnx.checker in full, ONNX Runtime
loads it and, at two sizes of every free axis, no output differs from MXNet's by more than 1e-4 of
its largest number.
"""

from __future__ import annotations

import argparse
import csv
import fcntl
import io
import multiprocessing
import os
import re
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from fnmatch import fnmatchcase
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import lively_weights
import numpy as np

from zoo.atomic import write_atomically
from zoo.errors import ZooError
from zoo.models import gluoncv
from zoo.onnx import check, export_onnx, open_session
from zoo.onnx.network import open_network
from zoo.onnx.shapes import concrete
from zoo.onnx.tracing import trace

ROOT = Path(__file__).parent.parent
TABLE = ROOT / "docs" / "gluoncv.csv"
PAGES = (ROOT / "README.md", ROOT / "docs" / "exporting.md")
FIELDS = (
    "name",
    "family",
    "inputs",
    "nodes",
    "export_seconds",
    "checker",
    "onnxruntime",
    "largest_relative_difference",
    "dynamic_batch",
    "status",
)
SMALLER = {  # networks for pictures of one large size, built for smaller ones
    "deeplab_*": (96, {"base_size": 96, "crop_size": 96}),
    "fastscnn_*": (128, {"base_size": 256, "crop_size": 128}),
    "icnet_*": (128, {"base_size": 128, "crop_size": 128}),
    "psp_*": (96, {"base_size": 96, "crop_size": 96}),
    "ssd_512_vgg16_*": (320, {}),
}
PICTURES, LARGE = 6, 200_000  # on which the weights are settled; on fewer of so many numbers

Row = dict[str, str]


def read_table(path: Path) -> dict[str, Row]:
    """The rows by name; none where there is no table yet."""
    if not path.is_file():
        return {}
    with path.open(encoding="utf-8", newline="") as file:
        return {row["name"]: row for row in csv.DictReader(file)}


def write_table(path: Path, rows: Mapping[str, Row]) -> None:
    """All rows in the order of names, whole or not at all."""
    text = io.StringIO()
    writer = csv.DictWriter(text, FIELDS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows[name] for name in sorted(rows))
    write_atomically(path, text.getvalue().encode())


def count(rows: Mapping[str, Row]) -> str:
    """How many are ok, as README and docs say it."""
    good = sum(row["status"] == "ok" for row in rows.values())
    return f"{good} of GluonCV's {len(gluoncv.networks())} names"


def tell_count(rows: Mapping[str, Row]) -> None:
    """Write the count where it stands in README and docs."""
    for page in PAGES:
        text = page.read_text("utf-8")
        changed = re.sub(r"\d+ of GluonCV's \d+ names", count(rows), text)
        if changed != text:
            write_atomically(page, changed.encode())


def measure(name: str) -> Row:
    """The row of one network. Raises whatever goes wrong on the way to its export."""
    known = gluoncv.known(name)
    size, config = next((SMALLER[one] for one in SMALLER if fnmatchcase(name, one)), (0, {}))
    net = gluoncv.build(name, **config)
    shapes, sizes = net.input_specs(), net.input_sizes()
    if size:
        shapes = [("batch", 3, size, size)]
    network = open_network(net, shapes, None)
    _bring_to_life(net, network, sizes)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "net.onnx")
        start = time.process_time()
        report = export_onnx(net, path, inputs=shapes, sizes=sizes, check=False)
        seconds = time.process_time() - start
        row = {
            "name": name,
            "family": known.family,
            "inputs": _inputs(network.inputs, sizes, config),
            "nodes": str(report.nodes),
            "export_seconds": f"{seconds:.2f}",
            "dynamic_batch": "yes" if "batch" in sizes else "no",
        }
        return {**row, **_compared(path, trace(network, None, sizes))}


def _inputs(
    specs: Sequence[Any], sizes: Mapping[str, tuple[int, int]], config: Mapping[str, int]
) -> str:
    shapes = "; ".join(f"{spec.name} {' x '.join(map(str, spec.shape))}" for spec in specs)
    told = [f"{name}={value}" for name, value in config.items()]
    tried = [f"{axis} {first} and {second}" for axis, (first, second) in sizes.items()]
    return " ".join([shapes, *(f"({', '.join(one)})" for one in (told, tried) if one)])


def _bring_to_life(net: Any, network: Any, sizes: Mapping[str, tuple[int, int]]) -> None:
    first = {axis: pair[0] for axis, pair in sizes.items()}
    numbers = max(int(np.prod(concrete(spec.shape, first))) for spec in network.inputs)
    if "batch" in first:
        first["batch"] = PICTURES if numbers < LARGE else first["batch"]
    random = np.random.default_rng(1)
    inputs = {
        spec.name: random.standard_normal(concrete(spec.shape, first)).astype(spec.dtype)
        for spec in network.inputs
    }
    parameters = {one.name: one for one in net.collect_params().values()}
    needed = set(network.symbol.list_inputs())
    used = {name: one for name, one in parameters.items() if name in needed}
    lively_weights.settle(network, used, inputs)
    for name in parameters.keys() - used.keys():
        parameters[name].initialize(force_reinit=True)


def _compared(path: Path, traced: Any) -> Row:
    row = {"checker": "", "onnxruntime": "", "largest_relative_difference": ""}
    try:
        check.check_structure(path)
        row["checker"] = "ok"
        session = open_session(path, threads=1)
        row["onnxruntime"] = "ok"
        difference = check.compare_session(session, traced)
        if difference:
            row["largest_relative_difference"] = f"{difference.relative:.1e}"
    except ZooError as error:
        return {**row, "status": _line(error)}
    return {**row, "status": "ok"}


def _line(error: BaseException | str, most: int = 300) -> str:
    return " ".join(str(error).split())[:most]


def _child(name: str, work: Callable[[str], Row], answer: Connection) -> None:
    try:
        row = work(name)
    except Exception as error:
        row = _failed(name, f"{type(error).__name__}: {_line(error)}")
    answer.send(row)
    answer.close()
    sys.stdout.flush()
    os._exit(0)  # MXNet's threads may not end


def _failed(name: str, reason: str) -> Row:
    family = gluoncv.known(name).family
    return {**dict.fromkeys(FIELDS, ""), "name": name, "family": family, "status": _line(reason)}


def measure_apart(name: str, limit: float, work: Callable[[str], Row] = measure) -> Row:
    """As `measure` in a child process, which is ended after `limit` seconds, its imports counted.

    The child is never forked: in one whose parent ran MXNet, threads wait for others that are
    not there.
    """
    own, its = multiprocessing.Pipe(duplex=False)
    child = multiprocessing.get_context("spawn").Process(target=_child, args=(name, work, its))
    child.start()
    its.close()
    try:
        if own.poll(limit):
            return dict(own.recv())
        return _failed(name, f"not done within {limit:g} s")
    except EOFError:
        child.join(10)
        return _failed(name, f"its process ended with {child.exitcode}")
    finally:
        child.kill()
        child.join()


@contextmanager
def _turn(path: Path | None) -> Iterator[None]:
    """Share the machine with whoever locks the file `path` exclusively."""
    if path is None:
        yield
        return
    with path.open("a") as file:
        fcntl.flock(file, fcntl.LOCK_SH)
        yield


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("patterns", nargs="*", default=["*"], help="names, or shell patterns")
    parser.add_argument("--family", action="append", help="only of this family; may be repeated")
    parser.add_argument("--table", type=Path, default=TABLE, help="the file to write")
    parser.add_argument("--again", action="store_true", help="measure what is there anew")
    parser.add_argument("--failed", action="store_true", help="measure what is not ok anew")
    parser.add_argument("--limit", type=float, default=300, help="seconds for one network")
    parser.add_argument("--lock", type=Path, help="a file to lock, shared, for each network")
    arguments = parser.parse_args()

    gluoncv.load()
    rows = read_table(arguments.table)
    for name, network in gluoncv.networks().items():
        done = name in rows and (rows[name]["status"] == "ok" or not arguments.failed)
        wanted = any(fnmatchcase(name, one) for one in arguments.patterns)
        if not wanted or (arguments.family and network.family not in arguments.family):
            continue
        if done and not arguments.again:
            continue
        start = time.monotonic()
        with _turn(arguments.lock):
            row = measure_apart(name, arguments.limit)
        rows = {**read_table(arguments.table), name: row}
        write_table(arguments.table, rows)
        facts = (name, row["largest_relative_difference"], row["status"])
        print(*facts, f"{time.monotonic() - start:.0f} s", flush=True)
    if arguments.table == TABLE:
        tell_count(rows)
    print(count(rows))


if __name__ == "__main__":
    try:
        main()
    except ZooError as error:
        sys.exit(str(error))
