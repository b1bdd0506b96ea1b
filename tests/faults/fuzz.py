"""Every parser of bytes from strangers, fed with damaged files: a result or its own refusal.

python tests/faults/fuzz.py --seconds 60
python tests/faults/fuzz.py --target onnx --seed 7 --seconds 600

Equal seeds give equal inputs. What breaks a parser is written to the folder that --keep names.
"""

from __future__ import annotations

import argparse
import gzip
import io
import json
import random
import sys
import tarfile
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))  # as pytest does

import numpy as np
from params_files import params_file
from records import document

from zoo import gluon_params, manifest, params, strict_json, unwrapping
from zoo.data import adult, california_housing, idx, wikitext2
from zoo.downloading import SourceError
from zoo.errors import DataError, ManifestError, WeightsError
from zoo.onnx.structure import check_model
from zoo.text import Vocabulary

SLOWEST = 1.0
_MOST = 1 << 20
_ARRAYS = {"a.weight": np.ones((2, 3), np.float32), "b": np.arange(4, dtype=np.int64)}
_EDGES = (0, 1, 2, 3, 127, 128, 255, 256, 0x112, 1 << 31, 1 << 32, (1 << 63) - 1, (1 << 64) - 1)
_HOUSES = b"-122.23,37.88,41.0,880.0,129.0,322.0,126.0,8.3252,452600.0\n" * 2
_PUBLISHED = Path(params.__file__).parent / "weights"


@dataclass(frozen=True)
class Target:
    """A parser, the errors that it may raise, and good files to damage."""

    parse: Callable[[bytes], object]
    refusals: tuple[type[Exception], ...]
    seeds: Callable[[], list[bytes]]


def _chunks(content: bytes) -> Iterator[bytes]:
    return iter([content[at : at + 700] for at in range(0, len(content), 700)])


def _archive() -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for name in ("other", "folder/wanted"):
            entry = tarfile.TarInfo(name)
            entry.size = 1000
            archive.addfile(entry, io.BytesIO(bytes(1000)))
    return packed.getvalue()


def _idx() -> bytes:
    return bytes([0, 0, 8, 2, 0, 0, 0, 3, 0, 0, 0, 2, *range(6)])


def _safetensors(arrays: Mapping[str, np.ndarray]) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        params.write(Path(folder, "x"), arrays, {"made": "for fuzzing"})
        return Path(folder, "x").read_bytes()


def _manifest(content: bytes) -> int:
    with tempfile.NamedTemporaryFile() as file:
        file.write(content)
        file.flush()
        return len(manifest.read_manifest(Path(file.name)))


def _graphs() -> list[bytes]:
    return [path.read_bytes() for path in sorted(_PUBLISHED.glob("*.graph.onnx"))[:3]]


def _converted(content: bytes) -> int:
    target = io.BytesIO()
    gluon_params.convert(io.BytesIO(content), target)
    assert target.tell() <= 2 * len(content) + 4096
    return target.tell()


def _unpacked(content: bytes) -> int:
    pieces = unwrapping.tar_member(_chunks(content), "folder/wanted", _MOST)
    return sum(map(len, pieces))


TARGETS = {
    "safetensors": Target(
        params.read, (WeightsError,), lambda: [_safetensors(_ARRAYS), _safetensors({})]
    ),
    "params": Target(
        _converted,
        (gluon_params.FormatError,),
        lambda: [params_file(_ARRAYS, version) for version in (0, 1, 2, 3)],
    ),
    "onnx": Target(check_model, (WeightsError,), _graphs),
    "json": Target(
        strict_json.parse, (ValueError,), lambda: [b'{"a": [1, 2.5, null], "b": {"c": "d"}}']
    ),
    "manifest": Target(_manifest, (ManifestError,), lambda: [json.dumps(document()).encode()]),
    "gzip": Target(
        lambda content: sum(map(len, unwrapping.gunzip(_chunks(content), _MOST))),
        (SourceError,),
        lambda: [gzip.compress(bytes(5000) + bytes(range(256)), mtime=0)],
    ),
    "tar": Target(_unpacked, (SourceError,), lambda: [_archive()]),
    "idx": Target(lambda content: idx.parse(content, "f"), (DataError,), lambda: [_idx()]),
    "libsvm": Target(
        lambda content: adult.rows(content, "f"),
        (DataError,),
        lambda: [b"-1 3:1 11:1 14:1 \n+1 5:1 123:1 \n"],
    ),
    "housing": Target(
        lambda content: california_housing.rows(content, "f"),
        (DataError,),
        lambda: [_HOUSES],
    ),
    "wikitext": Target(
        lambda content: wikitext2.words(content, "f"),
        (DataError,),
        lambda: [b" \n = Title = \n \n a b <unk> @-@ c . \n"],
    ),
    "vocabulary": Target(Vocabulary.read, (DataError,), lambda: [b"<eos>\n\\s\n\\n\nthe\ncat\n"]),
}


def damaged(content: bytes, choose: random.Random) -> bytes:
    """The bytes after one to four accidents."""
    changed = bytearray(content)
    for _ in range(choose.randint(1, 4)):
        choose.choice((_flip, _number, _cut, _repeat, _insert))(changed, choose)
    return bytes(changed)


def _place(content: bytearray, choose: random.Random) -> int:
    """Anywhere, but more often at the start, where headers are."""
    return int(len(content) * choose.random() ** choose.choice((1, 3)))


def _flip(content: bytearray, choose: random.Random) -> None:
    if content:
        content[_place(content, choose)] ^= 1 << choose.randrange(8)


def _number(content: bytearray, choose: random.Random) -> None:
    width, order = choose.choice((1, 2, 4, 8)), choose.choice(("little", "big"))
    at, value = _place(content, choose), choose.choice(_EDGES) % (1 << 8 * width)
    content[at : at + width] = value.to_bytes(width, order)


def _cut(content: bytearray, choose: random.Random) -> None:
    at = _place(content, choose)
    del content[at : at + choose.choice((1, 4, 64, len(content)))]


def _repeat(content: bytearray, choose: random.Random) -> None:
    at = _place(content, choose)
    content[at:at] = content[at : at + choose.choice((1, 8, 64))] * choose.choice((1, 2, 200))


def _insert(content: bytearray, choose: random.Random) -> None:
    at = _place(content, choose)
    content[at:at] = choose.choice((b"\0", b"\xff" * 8, b"{", b"[" * 3000, b'"', b"\n", b"1e999"))


def fuzz(name: str, seed: int, seconds: float, keep: Path | None = None) -> Counter[str]:
    """Feed one parser for so long; how often it read and refused. Raises what it must not."""
    target, choose = TARGETS[name], random.Random(f"{name} {seed}")
    seeds, counts = target.seeds(), Counter[str]()
    until = time.monotonic() + seconds
    while time.monotonic() < until or not counts:
        content = damaged(choose.choice(seeds), choose)
        start = time.process_time()
        try:
            target.parse(content)
            counts["read"] += 1
        except target.refusals:
            counts["refused"] += 1
        except BaseException:
            _keep(content, name, keep)
            raise
        if time.process_time() - start > SLOWEST:
            _keep(content, name, keep)
            raise TimeoutError(f"{name} took longer than {SLOWEST} s")
    return counts


def _keep(content: bytes, name: str, folder: Path | None) -> None:
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{name}.input").write_bytes(content)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seconds", type=float, default=60.0, help="over all targets")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--target", choices=TARGETS, action="append")
    parser.add_argument("--keep", type=Path, default=Path("build/fuzz"))
    options = parser.parse_args()
    names = options.target or list(TARGETS)
    for name in names:
        counts = fuzz(name, options.seed, options.seconds / len(names), options.keep)
        print(f"{name:12} {counts['read']:8} read {counts['refused']:8} refused", flush=True)


if __name__ == "__main__":
    main()
