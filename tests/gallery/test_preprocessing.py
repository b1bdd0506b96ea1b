"""The gallery's JavaScript prepares pictures as Python does; no browser is needed."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from gallery_browser import need
from PIL import Image
from records import DIGIT

import zoo.gallery
from zoo.pictures import grey_levels

ASSETS = Path(zoo.gallery.__file__).parent / "assets"
GARMENT = {**DIGIT, "box": 28}
RUN = """
import { readFileSync } from "node:fs";
import { fitted } from "./preprocessing.mjs";
const { pixels, use } = JSON.parse(readFileSync(0));
console.log(JSON.stringify([...fitted({ ...pixels, data: Uint8Array.from(pixels.data) }, use)]));
"""


def _card(margin: int, paper: int, ink: int) -> Image.Image:
    """A card with a figure amid nothing, with half transparent edges."""
    levels = np.zeros((60, 50, 4), np.uint8)
    levels[margin:-margin, margin:-margin] = (paper, paper, paper, 255)
    levels[margin, margin:-margin, 3] = 128
    levels[20:40, 22:27] = (ink, ink, ink, 255)
    return Image.fromarray(levels)


def _cut_out(alpha: int) -> Image.Image:
    """A white card, a stroke of which shows what is behind it."""
    levels = np.full((60, 50, 4), 255, np.uint8)
    levels[20:40, 22:27] = (0, 0, 0, alpha)
    return Image.fromarray(levels)


def _disc(radius: int) -> Image.Image:
    """A dark shape that is cut out."""
    rows, columns = np.mgrid[:60, :60]
    levels = np.full((60, 60, 4), 40, np.uint8)
    levels[..., 3] = 255 * (np.hypot(rows - 29.5, columns - 29.5) < radius)
    return Image.fromarray(levels)


def _noise() -> Image.Image:
    levels = np.random.default_rng(0).integers(0, 256, (45, 61, 4)).astype(np.uint8)
    levels[2:-2, 2:-2, 3] = 255
    return Image.fromarray(levels)


@pytest.mark.parametrize("use", [DIGIT, GARMENT], ids=["digit", "garment"])
@pytest.mark.parametrize(
    "picture",
    [
        pytest.param(_card(4, 255, 0), id="white card"),
        pytest.param(_card(4, 10, 250), id="black card"),
        pytest.param(_card(14, 255, 0), id="small card"),
        pytest.param(_cut_out(0), id="cut out"),
        pytest.param(_cut_out(128), id="half cut out"),
        pytest.param(_disc(12), id="small disc"),
        pytest.param(_disc(28), id="large disc"),
        pytest.param(_noise(), id="noise"),
        pytest.param(_noise().convert("RGB"), id="opaque noise"),
    ],
)
def test_pictures_are_prepared_as_in_python(
    picture: Image.Image, use: dict[str, Any], tmp_path: Path
) -> None:
    need(shutil.which("node") is not None, "needs Node.js: apt-get install nodejs")
    shutil.copy(ASSETS / "preprocessing.js", tmp_path / "preprocessing.mjs")
    (tmp_path / "run.mjs").write_text(RUN)
    data = np.asarray(picture.convert("RGBA")).ravel().tolist()
    pixels = {"data": data, "width": picture.width, "height": picture.height}
    done = subprocess.run(
        ["node", "run.mjs"],
        cwd=tmp_path,
        input=json.dumps({"pixels": pixels, "use": use}),
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    expected = grey_levels(picture, use)[0]
    np.testing.assert_allclose(json.loads(done.stdout), expected.ravel(), atol=0.01)
