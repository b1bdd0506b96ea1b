"""Records -> a folder of pages, scripts, weights and the runtime: a static site.

The folder appears whole or not at all. Its `weights` are a hub: a manifest and the files it names.
"""

from __future__ import annotations

import gzip
import json
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path

from zoo import lookup
from zoo.atomic import sweep
from zoo.errors import ConfigError
from zoo.fetching import read_artifact
from zoo.gallery import mistakes, onnxruntime_web
from zoo.gallery.demonstrations import SAMPLES
from zoo.gallery.pages import log_of, render
from zoo.manifest import FILE_NAME, Weights, write_manifest
from zoo.owners import own_path
from zoo.versions import newest

_HERE = Path(__file__).parent
_CHECKOUT = _HERE.parent.parent
_MARK = "gallery.json"  # says that a folder is a gallery, which another may replace


def build_site(
    out: Path,
    *,
    runtime: Path | None = None,
    logs: Path | None = None,
    records: Mapping[str, Weights] | None = None,
) -> list[Path]:
    """Write the gallery of `records` to the folder `out`; returns its files, sorted.

    `records` are by default those of the default hub.

    `runtime` is the folder `dist` of onnxruntime-web, by default looked for in `node_modules`
    here and in the checkout; `logs` the folder above the training logs that the package's records
    name, by default the checkout. An `out` that is a gallery is replaced. Raises ConfigError for a
    folder of something else and for a Git repository, MissingDependencyError without
    onnxruntime-web or Jinja, ChecksumError for one of other bytes, and what fetching raises.
    """
    out = out.resolve()
    _refuse_other(out)
    records = newest(lookup.records()) if records is None else records
    files = _files(records, onnxruntime_web.read(runtime), logs or _CHECKOUT)
    out.parent.mkdir(parents=True, exist_ok=True)
    sweep(out)
    temporary = own_path(out.parent, out.name)
    temporary.mkdir()
    try:
        for place, content in files:
            _write(temporary / place, content)
        (temporary / "weights").mkdir(exist_ok=True)
        write_manifest(temporary / "weights" / FILE_NAME, records)
        _put(temporary, out)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return sorted(path for path in out.rglob("*") if path.is_file())


def _refuse_other(out: Path) -> None:
    """Raises ConfigError for a folder that a gallery must not replace."""
    if (out / ".git").exists():
        raise ConfigError(
            f"{out} is a Git repository, which a new gallery would delete: build elsewhere and "
            "copy its files there."
        )
    if out.exists() and not (out / _MARK).is_file() and (not out.is_dir() or any(out.iterdir())):
        raise ConfigError(f"{out} exists and is not a gallery: give a new or an empty folder.")


def _put(folder: Path, out: Path) -> None:
    """Give the folder the name `out`; what is there goes once the new one has it."""
    before = own_path(out.parent, out.name)
    if out.exists():
        out.rename(before)
    try:
        folder.rename(out)
    except OSError:
        if before.exists():
            before.rename(out)
        raise
    shutil.rmtree(before, ignore_errors=True)


def _files(
    records: Mapping[str, Weights], runtime: Mapping[str, bytes], logs: Path
) -> Iterator[tuple[str, bytes]]:
    runtime = dict(map(_zipped, runtime, runtime.values()))
    size = sum(map(len, runtime.values()))
    for place, page in render(records.values(), logs, size):
        yield place, page.encode()
    for path in sorted((_HERE / "assets").iterdir()):
        yield f"assets/{path.name}", path.read_bytes()
    for name, content in runtime.items():
        yield f"onnxruntime/{name}", content
    for dataset in {one.metrics[0].dataset for one in records.values()} & SAMPLES.keys():
        for path in SAMPLES[dataset]():
            yield f"samples/{path.name}", path.read_bytes()
    for weights in records.values():
        for artifact in weights.artifacts.values():
            yield f"weights/{artifact.file}", read_artifact(artifact)
        log = log_of(weights, logs)
        if log:
            yield f"logs/{weights.name}.jsonl", log.read_bytes()
        confusion = mistakes.read(weights, logs)
        if confusion and confusion.strip:
            yield f"mistakes/{weights.name}.png", confusion.strip
    yield _MARK, json.dumps({"gallery": sorted(records)}, indent=1).encode() + b"\n"


def _zipped(name: str, content: bytes) -> tuple[str, bytes]:
    """WebAssembly as gzip, a quarter of its size, which the worker unzips: many hosts do not."""
    if not name.endswith(".wasm"):
        return name, content
    return f"{name}.gz", gzip.compress(content, mtime=0)


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
