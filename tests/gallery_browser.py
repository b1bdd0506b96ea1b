"""A real browser before a real server: the gallery as its visitors have it."""

from __future__ import annotations

import contextlib
import os
import shutil
import threading
from collections.abc import Callable, Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

import zoo
from zoo.gallery import gallery_server

FLAGS = (  # no sandbox as root in a container; the others keep Chromium's own connections away
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
NODE_MODULES = Path(__file__).parent.parent / "docs" / "gallery" / "node_modules"
RUNTIME = NODE_MODULES / "onnxruntime-web" / "dist"
AXE = NODE_MODULES / "axe-core" / "axe.min.js"
REQUIRED = "ZOO_BROWSER_TESTS"  # `required` turns what would be skipped into failures
PATIENCE = 90_000  # milliseconds; a busy machine compiles WebAssembly slowly
PHONE = {"width": 390, "height": 844}
SEVEN = ((75, 70), (140, 68), (205, 70), (170, 140), (130, 235))


def chromium() -> str | None:
    """Chromium's executable, from ZOO_CHROMIUM or where a distribution has it."""
    named = os.environ.get("ZOO_CHROMIUM")
    return named or shutil.which("chromium") or shutil.which("chromium-browser")


def need(there: bool, what: str) -> None:
    """Skip the test, or while it is collected its module, where something is missing."""
    if there:
        return
    if os.environ.get(REQUIRED) == "required":
        pytest.fail(f"{what}, and {REQUIRED} says that these tests are required")
    pytest.skip(what, allow_module_level=True)


def need_browser() -> None:
    """Skip a module that opens the gallery where it cannot be opened."""
    need(find_spec("playwright") is not None, "needs Playwright: make test")
    need(chromium() is not None, "needs Chromium: apt-get install chromium")
    need(RUNTIME.is_dir() and AXE.is_file(), "needs make docs/gallery/node_modules")


@contextlib.contextmanager
def served(folder: Path) -> Iterator[str]:
    """The address of `folder`, while the block runs."""
    with gallery_server(folder) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/"
        finally:
            server.shutdown()
            thread.join()


def records(task: str, dataset: str | None = None) -> list[str]:
    """Names of the published weights of a task, and of a dataset."""
    every = (zoo.get_weights(name) for name in zoo.list_weights(task=task))
    return [one.name for one in every if dataset in (None, one.metrics[0].dataset)]


def readers(names: Sequence[str]) -> list[str]:
    """The first of each architecture: those that the index asks."""
    first: dict[str, str] = {}
    for name in names:
        first.setdefault(name.partition(".")[0], name)
    return list(first.values())


def page_of(name: str) -> str:
    return f"models/{name}.html"


class Visit:
    """A page with everything it asked for and complained about."""

    def __init__(self, page: Any, home: str) -> None:
        self.page = page
        self.home = home
        self.requests: list[str] = []
        self.complaints: list[str] = []
        page.set_default_timeout(PATIENCE)
        page.on("request", lambda one: self.requests.append(one.url))
        page.on("console", lambda one: self.complaints.append(f"{one.type}: {one.text}"))
        page.on("pageerror", lambda one: self.complaints.append(str(one)))

    def go(self, place: str) -> None:
        """Open a page of the gallery and wait until its demonstration can be used."""
        self.page.goto(self.home + place)
        controls = self.page.locator(".demo :is(button, input, select, textarea)")
        if controls.count():
            self.page.wait_for_selector(".demo [disabled]", state="detached")

    def draw(self, points: Sequence[tuple[float, float]]) -> None:
        """A stroke on the paper with the mouse; the paper has 280 points a side."""
        box = self.page.locator("[data-pad]").bounding_box()
        scale = box["width"] / 280
        places = [(box["x"] + x * scale, box["y"] + y * scale) for x, y in points]
        self.page.mouse.move(*places[0])
        self.page.mouse.down()
        for place in places[1:]:
            self.page.mouse.move(*place, steps=3)
        self.page.mouse.up()

    def touch(self, points: Sequence[tuple[float, float]]) -> None:
        """The same with a finger."""
        box = self.page.locator("[data-pad]").bounding_box()
        scale = box["width"] / 280
        session = self.page.context.new_cdp_session(self.page)
        kinds = ["touchStart", *["touchMove"] * (len(points) - 1)]
        for kind, (x, y) in zip(kinds, points, strict=True):
            place = {"x": box["x"] + x * scale, "y": box["y"] + y * scale}
            session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": [place]})
        session.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})

    def settled(self) -> None:
        """Wait until every answer is there and no other one follows."""
        answers = self.page.locator("[data-answer]")
        for place in range(answers.count()):
            self.page.wait_for_function(
                "answer => answer.textContent !== '\\u2013'",
                arg=answers.nth(place).element_handle(),
            )
        self.page.wait_for_selector(".demo:not([aria-busy=true])")

    def probabilities(self) -> dict[str, list[float]]:
        """By model, the probability behind each bar."""
        found = {}
        for panel in self.page.locator("[data-model]:has([data-bars])").all():
            bars = panel.locator("[data-bars] > li").all()
            shares = [float(bar.get_attribute("data-value")) for bar in bars]
            found[panel.get_attribute("data-model")] = shares
        return found

    def answers(self) -> list[str]:
        return list(self.page.locator("[data-answer]").all_inner_texts())

    def refusal(self) -> str:
        """What the visible alert says; waits for it."""
        self.page.wait_for_selector("[data-alert]:not([hidden])")
        return str(self.page.locator("[data-alert]").inner_text())


Open = Callable[..., Visit]
