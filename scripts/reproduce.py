"""Train a published record again and compare: `python scripts/reproduce.py lenet.mnist`.

The recipe, the seed and the device are the record's own. The answer is that the bytes are the same,
or which tensor differs first, at which step, and by how much the metric does. The exit code is 1
where anything differs, and where the comparison is refused because the settings do.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import checkpoint
import command
import environment
import numpy as np
import recorded
from digests import (
    Digests,
    compare_figures,
    digests,
    first_parting,
    read_log,
    read_table,
    table_with,
)

from zoo import get_weights, params, relay
from zoo.addresses import split_address
from zoo.atomic import write_atomically
from zoo.data import load_dataset
from zoo.evaluation import measure, read_split
from zoo.fetching import read_artifact
from zoo.manifest import Weights
from zoo.publishing.candidate import stored_arrays
from zoo.publishing.run import read_run
from zoo.runtimes import MxnetRunner

HERE = Path(__file__).resolve().parent
TABLE = HERE.parent / "docs/training_logs/first_steps.json"

MISSED = 1  # a training's exit code where its target was missed, or it was refused

Steps = dict[int, Digests]


class Wanted(NamedTuple):
    """What the command line asks for."""

    name: str
    out: Path
    epochs: int | None
    steps: int | None
    anyway: bool
    note: bool

    @property
    def partial(self) -> bool:
        return bool(self.epochs or self.steps)


def read() -> Wanted:
    parser = argparse.ArgumentParser(description="Train a published record again and compare.")
    parser.add_argument("name", help="the record, such as lenet.mnist")
    count = command.positive
    parser.add_argument("--epochs", type=count, metavar="N", help="compare the first N epochs")
    parser.add_argument("--steps", type=count, metavar="N", help="compare up to step N")
    parser.add_argument("--anyway", action="store_true", help="go on where the settings differ")
    parser.add_argument("--note", action="store_true", help="add the arrays' digests to the table")
    parser.add_argument("--out", type=Path, help="the run's folder (runs/reproduced/NAME)")
    given = parser.parse_args()
    if given.note and given.anyway:
        parser.error("--note is for runs under the record's own settings, not for --anyway")
    name = split_address(given.name)[1] or get_weights(given.name).name
    out = given.out or Path("runs/reproduced", name)
    return Wanted(given.name, out, given.epochs, given.steps, given.anyway, given.note)


def recorded_settings(record: Weights) -> dict[str, str]:
    """The settings of the record's training; the first ones left NumPy all its instructions."""
    return {environment.WITHOUT: "", **record.provenance["environment"].get("settings", {})}


def differing_settings(record: Weights) -> Iterator[str]:
    """What decides the bits and is not here as it was for the record, each in one line."""
    was = recorded_settings(record)
    here = environment.settings() | {environment.WITHOUT: was[environment.WITHOUT]}  # see `train`
    for name in sorted(set(was) | set(here)):
        if was.get(name) != here.get(name):
            yield f"{name} is {here.get(name)!r} here, {was.get(name)!r} in the record"
    files = load_dataset(record.provenance["recipe"]["dataset"]).digests
    if dict(files) != dict(record.provenance["data"]):
        yield "the data are other files"


def guard(record: Weights, *, anyway: bool) -> None:
    """End with one line where the settings differ, unless told to go on; say what may matter."""
    differences = list(differing_settings(record))
    if differences and not anyway:
        sys.exit(
            f"{record.name} was trained under other settings: {'; '.join(differences)}. "
            "Use those, or --anyway to train under these."
        )
    for line in differences:
        print(f"other settings: {line}")
    processors = record.provenance["environment"].get("processors", [])
    here = environment.processor()
    if here not in processors:
        theirs = " and ".join(processors) or "not told"
        print(f"another processor: {here} here, {theirs} in the record")
    if "avx512f" not in here and not recorded_settings(record)[environment.WITHOUT]:
        print("NumPy could use AVX-512 for the record, and cannot here: a tangent may differ")


def train(record: Weights, wanted: Wanted) -> None:
    """The record's own recipe in a process of its own, up to where it is wanted."""
    script = recorded.SCRIPTS[recorded.kind(record)]
    seed, device = record.provenance["seed"], record.provenance["environment"]["device"]
    words = [wanted.name, "--recorded", "--seed", str(seed), "--device", device]
    words += ["--out", str(wanted.out)]
    words += ["--stop-epoch", str(wanted.epochs)] if wanted.epochs else []
    words += ["--stop-step", str(wanted.steps)] if wanted.steps else []
    numpy_without = {"ZOO_NUMPY_WITHOUT": recorded_settings(record)[environment.WITHOUT]}
    before = _finished(wanted.out)
    code = relay.run([sys.executable, str(HERE / script), *words], os.environ | numpy_without)
    if code and not (code == MISSED and _finished(wanted.out) > before):
        sys.exit(code)


def _finished(folder: Path) -> int:
    """When the folder's run was finished, in nanoseconds; 0 where it is not."""
    path = folder / "run.json"
    return path.stat().st_mtime_ns if path.is_file() else 0


def found_steps(folder: Path) -> Steps:
    """The digests of the run's epochs, and of its last checkpoint."""
    last = checkpoint.load(folder / "checkpoints")
    newest = {last.progress["step"]: digests(last.arrays)} if last else {}
    return read_log(_content(folder / "log.jsonl")) | newest


def compare_steps(record: Weights, folder: Path) -> bool | None:
    """Say whether the run went the recorded way: its epochs' figures, its arrays at known steps.

    None where nothing is known to compare with.
    """
    log, found = _log(record), found_steps(folder)
    expected = read_table(TABLE, record.stem, _sha256(record)) | read_log(log)
    epochs, other = compare_figures(log, _content(folder / "log.jsonl"))
    parting = first_parting(expected, found)
    steps = set(expected) & set(found)
    if other:
        print(f"{record.name}: {other}")
    elif epochs:
        print(f"{record.name}: the same losses and metrics up to epoch {epochs}")
    if parting:
        print(f"{record.name}: {parting.tensor} is the first to differ, at step {parting.step}")
    elif steps:
        print(f"{record.name}: the same arrays at {len(steps)} steps, the last {max(steps)}")
    if not epochs and not steps:
        print(f"{record.name}: nothing is known of its first {max(found, default=0)} steps")
        return None
    return not other and not parting


def _log(record: Weights) -> bytes:
    """What the record's training told, of a record of this checkout; another hub keeps its own."""
    return b"" if record.hub else _content(HERE.parent / record.provenance["log"])


def note(record: Weights, folder: Path) -> None:
    """Add the arrays at the run's steps to the table, of a run that nothing contradicts."""
    content = table_with(TABLE, record.stem, _sha256(record), found_steps(folder))
    write_atomically(TABLE, content)
    print(f"noted in {TABLE.relative_to(HERE.parent)}")


def _content(path: Path) -> bytes:
    return path.read_bytes() if path.is_file() else b""


def _sha256(record: Weights) -> str:
    return record.artifact("safetensors").sha256


def compare_bytes(record: Weights, folder: Path, published: bytes) -> bool:
    """Say whether the finished weights are the published bytes; else where, and what it matters."""
    arrays = stored_arrays(read_run(folder))
    with tempfile.TemporaryDirectory(prefix="zoo-reproduce-") as place:
        digest = params.write(Path(place, "weights.safetensors"), arrays)
    if digest == _sha256(record):
        print(f"{record.name}: the same bytes, sha256 {digest}")
        return True
    print(f"{record.name}: other bytes, sha256 {digest}")
    for line in differences(params.read(published), arrays):
        print(f"  {line}")
    runner = MxnetRunner(record, arrays)
    for metric in record.metrics:
        value = measure(runner, read_split(record, metric.dataset, metric.split))[metric.name].value
        print(f"  {metric.name} {value:.6g}, published {metric.value:.6g}")
    return False


def differences(one: Mapping[str, np.ndarray], other: Mapping[str, np.ndarray]) -> Iterator[str]:
    """Each tensor that differs: how many of its numbers, and by how much at most."""
    for name in sorted(set(one) | set(other)):
        if name not in one or name not in other or one[name].shape != other[name].shape:
            yield f"{name} is not in both, or has another shape"
        elif one[name].tobytes() != other[name].tobytes():
            apart = np.abs(one[name].astype(np.float64) - other[name].astype(np.float64))
            yield (
                f"{name}: {np.count_nonzero(apart)} of {apart.size} numbers differ, "
                f"by at most {apart.max():.3g}"
            )


def main() -> None:
    wanted = read()
    record = get_weights(wanted.name)
    guard(record, anyway=wanted.anyway)
    train(record, wanted)
    same = compare_steps(record, wanted.out)
    if not wanted.partial:
        published = read_artifact(record.artifact("safetensors"))
        same = compare_bytes(record, wanted.out, published) and same is not False
    if wanted.note and same is not False:
        note(record, wanted.out)
        same = True
    sys.exit(0 if same else 1)


if __name__ == "__main__":
    command.run(main)
