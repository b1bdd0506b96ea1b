"""One tool fetches files in a process of its own, and tells how long it took in how much memory.

python benchmarks/fetch_client.py TOOL ADDRESS FOLDER GATE NAME:SIZE:SHA256...

Prints one JSON object: seconds of the first fetch and of the second, and the bytes of memory that
the first took at most above those after the imports.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

Fetch = Callable[[], object]
Wanted = list[tuple[str, int, str]]


def zoo(address: str, folder: Path, wanted: Wanted) -> Fetch:
    import zoo.connections
    from zoo.fetching import fetch_all
    from zoo.records import Artifact

    assert zoo.connections
    os.environ["ZOO_HOME"] = str(folder)
    artifacts = [Artifact("data", name, digest, size) for name, size, digest in wanted]
    return lambda: fetch_all(artifacts, mirrors=[address], progress=False)


def pooch(address: str, folder: Path, wanted: Wanted) -> Fetch:
    import pooch as library
    import requests

    assert requests  # which pooch imports when it first fetches, and the others with themselves
    library.get_logger().setLevel("ERROR")

    def fetch() -> None:
        for name, _, digest in wanted:
            library.retrieve(f"{address}/{name}", f"sha256:{digest}", name, folder)

    return fetch


def huggingface_hub(address: str, folder: Path, wanted: Wanted) -> Fetch:
    os.environ |= {"HF_HUB_DISABLE_XET": "1", "HF_HUB_DISABLE_TELEMETRY": "1"}
    os.environ |= {"HF_HUB_DISABLE_PROGRESS_BARS": "1", "HF_HOME": str(folder)}
    from huggingface_hub import hf_hub_download

    options = {"endpoint": address, "cache_dir": str(folder), "token": False}

    def fetch() -> None:
        for name, _, _ in wanted:
            hf_hub_download("some/files", name, **options)

    return fetch


def curl(address: str, folder: Path, wanted: Wanted) -> Fetch:
    """`curl` and then `sha256sum`; the second time `sha256sum` alone."""
    names = [name for name, _, _ in wanted]

    def fetch() -> None:
        if not (folder / names[0]).exists():
            addresses = [f"{address}/{name}" for name in names]
            subprocess.run(["curl", "-sS", "--remote-name-all", *addresses], cwd=folder, check=True)
        said = subprocess.run(
            ["sha256sum", *names], cwd=folder, check=True, capture_output=True, text=True
        ).stdout
        assert [line.split()[0] for line in said.splitlines()] == [one[2] for one in wanted]

    return fetch


def plain(address: str, folder: Path, wanted: Wanted) -> Fetch:
    """hashlib over the served files themselves: no copy, no download."""
    served = Path(address)

    def fetch() -> None:
        for name, _, digest in wanted:
            found = hashlib.sha256()
            with (served / name).open("rb") as file:
                while chunk := file.read(1 << 18):
                    found.update(chunk)
            assert found.hexdigest() == digest

    return fetch


TOOLS: dict[str, Callable[[str, Path, Wanted], Fetch]] = {
    one.__name__: one for one in (zoo, pooch, huggingface_hub, curl, plain)
}


def measured(fetch: Fetch) -> dict[str, Any]:
    """Fetch twice. Memory is that of this process: what curl takes is not in it."""
    Path("/proc/self/clear_refs").write_text("5")
    before = _memory("VmRSS")
    first = _seconds(fetch)
    peak = _memory("VmHWM") - before
    return {"first": first, "second": min(_seconds(fetch) for _ in range(3)), "peak": peak}


def _seconds(fetch: Fetch) -> float:
    start = time.perf_counter()
    fetch()
    return time.perf_counter() - start


def _memory(field: str) -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) << 10 for line in lines if line.startswith(field))


def main() -> None:
    tool, address, folder, gate, *files = sys.argv[1:]
    wanted = [(name, int(size), digest) for name, size, digest in (f.split(":") for f in files)]
    fetch = TOOLS[tool](address, Path(folder), wanted)
    if gate:
        print("ready", flush=True)
        while not Path(gate).exists():
            time.sleep(0.001)
        print(json.dumps({"first": _seconds(fetch)}))
    else:
        print(json.dumps(measured(fetch)))


if __name__ == "__main__":
    main()
