"""Draw the pictures of the gallery that README and docs show.

    python scripts/draw_gallery.py      # after make gallery; needs Chromium, looks best with Inter

Opens the built site in Chromium, uses its demonstrations as a visitor would, and writes PNG files
of 128 colours to docs/gallery/.
"""

from __future__ import annotations

import argparse
import io
import os
import shutil
import threading
from pathlib import Path
from typing import Any, NamedTuple

from PIL import Image
from playwright.sync_api import sync_playwright

from zoo.atomic import write_atomically
from zoo.gallery import gallery_server

ROOT = Path(__file__).resolve().parent.parent
SITE = ROOT / "site"
OUT = ROOT / "docs" / "gallery"
SEVEN = ((75, 70), (140, 68), (205, 70), (170, 140), (130, 235))  # on a paper of 280 a side
PATIENCE = 300_000  # milliseconds
COLOURS = 128
ANSWERED = """() => [...document.querySelectorAll("[data-answer], [data-page]")].every(
    (one) => one.textContent && one.textContent !== "\\u2013")"""
FLAGS = ("--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking")


class Picture(NamedTuple):
    """A page in a window of this size, and the file's width; it begins above `below`."""

    file: str
    place: str
    scheme: str
    size: tuple[int, int]
    width: int
    below: str = ""


RECORD = "models/{}.html".format
PICTURES = (
    Picture("index-light.png", "index.html", "light", (1200, 1010), 1000),
    Picture("index-phone.png", "index.html", "light", (390, 844), 390),
    Picture("lenet-dark.png", RECORD("lenet.mnist"), "dark", (1200, 1010), 1000),
    Picture("writing-dark.png", RECORD("lstm_lm.shakespeare"), "dark", (390, 844), 390, "#try"),
    Picture(
        "mistakes-light.png",
        RECORD("lenet.fashion_mnist"),
        "light",
        (1200, 1010),
        1000,
        "#mistakes",
    ),
    Picture(
        "house-phone.png",
        RECORD("linear_regression.california_housing"),
        "light",
        (390, 844),
        390,
        "#try",
    ),
)


def main() -> None:
    argparse.ArgumentParser(description="Draw the pictures of the gallery.").parse_args()
    executable = os.environ.get("ZOO_CHROMIUM") or shutil.which("chromium")
    with gallery_server(SITE) as server, sync_playwright() as playwright:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        browser = playwright.chromium.launch(executable_path=executable, args=FLAGS)
        for one in PICTURES:
            write(one, drawn(browser, f"http://127.0.0.1:{server.server_port}/{one.place}", one))
            print(f"docs/gallery/{one.file}")
        browser.close()
        server.shutdown()


def drawn(browser: Any, address: str, picture: Picture) -> Image.Image:
    """The part of the page that the picture shows, at twice its size."""
    width, height = picture.size
    size = {"width": width, "height": height}
    page = browser.new_page(color_scheme=picture.scheme, viewport=size, device_scale_factor=2)
    page.set_default_timeout(PATIENCE)
    page.goto(address)
    use(page)
    page.mouse.move(1, 1)
    page.evaluate("scrollTo({top: 0, behavior: 'instant'})")
    top = page.locator(picture.below).bounding_box()["y"] - 16 if picture.below else 0
    whole = Image.open(io.BytesIO(page.screenshot(full_page=True)))
    page.close()
    return whole.crop((0, round(2 * top), 2 * width, round(2 * (top + height))))


def write(picture: Picture, drawn: Image.Image) -> None:
    """At the width that the picture has, in few colours."""
    height = round(drawn.height * picture.width / drawn.width)
    small = drawn.convert("RGB").resize((picture.width, height), Image.Resampling.LANCZOS)
    content = io.BytesIO()
    small.quantize(COLOURS, dither=Image.Dither.NONE).save(content, "PNG", optimize=True)
    write_atomically(OUT / picture.file, content.getvalue())


def use(page: Any) -> None:
    """What a visitor does first on this page."""
    page.wait_for_selector(".demo [disabled]", state="detached")
    if page.locator(".samples.garment").count():
        page.click("[data-sample] >> nth=1")
    elif page.locator("[data-pad]").count():
        draw(page)
    elif page.locator("[data-write]").count():
        page.fill("[name=length]", page.locator("[name=length]").get_attribute("max"))
        page.click("[data-write]")
    else:
        page.locator("[data-feature]").last.fill("6.2")
    page.wait_for_function(ANSWERED)
    page.wait_for_selector(".demo[aria-busy=false]")


def draw(page: Any) -> None:
    """A seven, with the mouse."""
    box = page.locator("[data-pad]").bounding_box()
    places = [
        (box["x"] + x * box["width"] / 280, box["y"] + y * box["width"] / 280) for x, y in SEVEN
    ]
    page.mouse.move(*places[0])
    page.mouse.down()
    for place in places[1:]:
        page.mouse.move(*place, steps=3)
    page.mouse.up()


if __name__ == "__main__":
    main()
