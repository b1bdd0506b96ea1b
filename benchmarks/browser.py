"""How fast the gallery's models are in Chromium, beside ONNX Runtime in Python.

    python benchmarks/browser.py --write      # in a checkout after make gallery; needs Chromium

Three tables: from the opening of a page to its first prediction, in a browser that has nothing of
it (cold) and in one that was there before (warm); a prediction, in turns with Python; and the index
over networks as slow as a phone's. `--write` puts them into docs/performance.md.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import shutil
import statistics
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from pages import table, write_between
from playwright.sync_api import sync_playwright

import zoo
from zoo import params
from zoo.fetching import read_artifact
from zoo.gallery import build_site, gallery_server
from zoo.onnx import bind, open_session

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "performance.md"
BEGIN, END = "<!-- browser -->", "<!-- end of browser -->"
FLAGS = ("--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking")
PATIENCE = 300_000  # milliseconds
RUNS = 200
NETWORKS = {"3G": (1600, 300), "slow 3G": (400, 400)}  # kbit/s down, milliseconds to the answer

WATCH = """
window.seen = null;
let begun = false;
const begin = () => {
  const button = document.querySelector("[data-sample], [data-write]");
  if (button) button.click();
  else document.querySelector("[data-feature]").dispatchEvent(new Event("input"));
};
const watch = () => {
  const demo = document.querySelector(".demo");
  if (!begun && document.readyState !== "loading" && !demo.querySelector("[disabled]")) {
    begun = true;
    setTimeout(begin);
  }
  const answers = [...document.querySelectorAll("[data-answer]")];
  const text = document.querySelector("[data-page] span")?.textContent;
  const answered = answers.length && answers.every((one) => one.textContent !== "\\u2013");
  if (seen === null && (answered || text)) seen = performance.now();
};
const everything = {childList: true, subtree: true, characterData: true, attributes: true};
new MutationObserver(watch).observe(document, everything);
"""
RUN = """async ([module, name, shape, runs]) => {
  const { open, run } = await import(module);
  await open(name);
  const data = new Float32Array(shape.reduce((a, b) => a * b)).fill(0.5);
  let sum = 0;
  for (let at = 0; at < runs; at++) sum += (await run(name, data, shape)).milliseconds;
  return sum / runs;
}"""
WRITE = """async ([module, name, prompt, length]) => {
  const { open, write } = await import(module);
  await open(name);
  let last = 0;
  const options = { prompt, length, temperature: 0, topK: 0 };
  await write(name, options, ({ milliseconds }) => (last = milliseconds)).answer;
  return last;
}"""


def main() -> None:
    parser = argparse.ArgumentParser(description="Time the gallery in Chromium.")
    parser.add_argument("--rounds", metavar="N", type=int, default=5)
    parser.add_argument("--write", action="store_true", help=f"put the tables into {PAGE.name}")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        build_site(Path(folder, "site"), logs=ROOT)
        with served(Path(folder, "site")) as address, sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=chromium(), args=FLAGS)
            tables = [
                first_table(browser, address, arguments.rounds),
                speed_table(browser, address, arguments.rounds),
                network_table(browser, address),
            ]
            tables.append(setting(browser.version))
            browser.close()
    print("\n\n".join(tables))
    if arguments.write:
        write_between(PAGE, BEGIN, END, tables)


def chromium() -> str:
    """Chromium's executable. Raises SystemExit without one."""
    found = os.environ.get("ZOO_CHROMIUM") or shutil.which("chromium")
    if not found:
        raise SystemExit("No Chromium: apt-get install chromium, or name it in ZOO_CHROMIUM.")
    return found


@contextlib.contextmanager
def served(folder: Path) -> Iterator[str]:
    with gallery_server(folder) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


def setting(version: str) -> str:
    return (
        f"Chromium {version.partition('.')[0]}, onnxruntime-web "
        f"{zoo.gallery.onnxruntime_web.pinned()['version']}, both sides on one thread, "
        f"{os.cpu_count()} cores."
    )


def first_table(browser: Any, address: str, rounds: int) -> str:
    rows = [["page", "fetched", "cold", "warm"]]
    for name, place in places():
        cold, warm, size = [], [], 0
        for _ in range(rounds):
            with browser.new_context() as context:
                seconds, size = first_prediction(context, address + place)
                cold.append(seconds)
                warm.append(first_prediction(context, address + place)[0])
        rows.append([name, f"{size / 1e6:.1f} MB", spread(cold, "s"), spread(warm, "s")])
        print(*rows[-1], flush=True)
    return table(rows)


def places() -> list[tuple[str, str]]:
    records = [(f"`{name}`", f"models/{name}.html") for name in zoo.list_weights()]
    return [("the index, three models", "index.html"), *records]


def first_prediction(context: Any, url: str, network: tuple[int, int] | None = None) -> Any:
    """Seconds from the page's opening to what every model on it says, and the bytes fetched."""
    page = context.new_page()
    page.set_default_timeout(PATIENCE)
    sizes: list[int] = []
    page.on("requestfinished", lambda one: sizes.append(one.sizes()["responseBodySize"]))
    page.add_init_script(WATCH)
    if network:
        slow_down(page, *network)
    page.goto(url)
    page.wait_for_function("() => seen !== null")
    seconds = page.evaluate("seen") / 1000
    page.close()
    return seconds, sum(sizes)


def slow_down(page: Any, kilobits: int, milliseconds: int) -> None:
    session = page.context.new_cdp_session(page)
    session.send("Network.enable")
    speed = kilobits * 1000 / 8
    session.send(
        "Network.emulateNetworkConditions",
        {
            "offline": False,
            "latency": milliseconds,
            "downloadThroughput": speed,
            "uploadThroughput": speed,
        },
    )


def speed_table(browser: Any, address: str, rounds: int) -> str:
    rows = [["record", "a prediction in the browser", "in Python", "browser / Python"]]
    with browser.new_context() as context:
        page = context.new_page()
        page.set_default_timeout(PATIENCE)
        page.goto(address)
        for name in zoo.list_weights():
            weights = zoo.get_weights(name)
            writes = weights.task == "language-modeling"
            ours, theirs = (writer if writes else predictor)(weights, page)
            times = np.array([[side() for side in turns(ours, theirs, at)] for at in range(rounds)])
            inside, outside = times.T
            ratios = inside / outside
            rows.append(
                [
                    f"`{name}`" + (", a token" if writes else ""),
                    spread(inside, "ms"),
                    spread(outside, "ms"),
                    spread(ratios, ""),
                ]
            )
            print(*rows[-1], flush=True)
    return table(rows)


def predictor(weights: zoo.Weights, page: Any) -> tuple[Callable[[], float], Callable[[], float]]:
    """One round in the browser and one in Python: milliseconds of a prediction, batch 1."""
    session, shape = session_of(weights), sizes_of(weights.inputs[0].shape)
    data = {weights.inputs[0].name: np.full(shape, 0.5, np.float32)}

    def in_python() -> float:
        start = time.perf_counter()
        for _ in range(RUNS):
            session.run(None, data)
        return (time.perf_counter() - start) / RUNS * 1000

    arguments = [f"{page.url}assets/models.js", weights.name, shape, RUNS]
    return lambda: float(page.evaluate(RUN, arguments)), in_python


def writer(weights: zoo.Weights, page: Any) -> tuple[Callable[[], float], Callable[[], float]]:
    """The same for a token of greedy text, the state given on."""
    session = session_of(weights)
    first, *states = weights.inputs
    begun = {one.name: np.zeros(sizes_of(one.shape), one.dtype) for one in states}

    def in_python() -> float:
        following, token = begun, np.zeros((1, 1), np.int64)
        start = time.perf_counter()
        for _ in range(RUNS):
            output, *new = session.run(None, {first.name: token, **following})
            following = dict(zip(following, new, strict=True))
            token[0, 0] = output[-1, 0].argmax()
        return (time.perf_counter() - start) / RUNS * 1000

    arguments = [f"{page.url}assets/models.js", weights.name, "The ", RUNS]
    return lambda: float(page.evaluate(WRITE, arguments)), in_python


def session_of(weights: zoo.Weights) -> Any:
    graph, content = (read_artifact(weights.artifact(one)) for one in ("onnx-graph", "safetensors"))
    return open_session(bind(graph, params.read(content)), threads=1)


def sizes_of(shape: Sequence[int | str]) -> list[int]:
    return [one if isinstance(one, int) else 1 for one in shape]


def network_table(browser: Any, address: str) -> str:
    rows = [["network", "index is there", "it can be drawn on", "three models have answered"]]
    for name, (kilobits, milliseconds) in NETWORKS.items():
        with browser.new_context() as context:
            shown, ready = index_there(context, address, (kilobits, milliseconds))
        with browser.new_context() as context:
            seconds, _ = first_prediction(context, address, (kilobits, milliseconds))
        title = f"{name}: {kilobits / 1000:g} Mbit/s, {milliseconds} ms"
        rows.append([title, f"{shown:.1f} s", f"{ready:.1f} s", f"{seconds:.0f} s"])
        print(*rows[-1], flush=True)
    return table(rows)


def index_there(context: Any, url: str, network: tuple[int, int]) -> tuple[float, float]:
    """Seconds until the index is painted, and until its scripts run."""
    page = context.new_page()
    page.set_default_timeout(PATIENCE)
    slow_down(page, *network)
    page.goto(url, wait_until="commit")
    page.wait_for_selector("[data-clear]:not([disabled])")
    ready = page.evaluate("performance.now()") / 1000
    paint = "performance.getEntriesByName('first-contentful-paint')[0].startTime"
    shown = page.evaluate(paint) / 1000
    page.close()
    return shown, ready


def turns(first: Callable[[], float], second: Callable[[], float], at: int) -> Any:
    """Both sides; which of them begins changes with every round, the order of answers does not."""
    if at % 2:
        later = second()
        return first, lambda: later
    return first, second


def spread(values: Sequence[float] | np.ndarray, unit: str) -> str:
    """The median with the least and the most."""
    middle, least, most = statistics.median(values), min(values), max(values)
    return f"{middle:.3g} ({least:.3g}-{most:.3g}) {unit}".strip()


if __name__ == "__main__":
    main()
