"""Draw the sample pictures that are shipped with the package.

    python scripts/draw_samples.py [FOLDER]

Ten digits, as if written with a felt pen on white paper, and three garments, as if photographed on
white. Ours from the first to the last stroke: none is taken from MNIST, Fashion-MNIST or a font.
The same Pillow gives the same bytes.
"""

from __future__ import annotations

import argparse
import math
from pathlib import Path

from PIL import Image, ImageDraw

Point = tuple[float, float]

SIZE = 200
FINE = 4  # drawn larger, then reduced: smooth edges
SCALE = SIZE * FINE / 100
PAPER, INK = "#ffffff", "#1c203c"
SHADES = 12  # colours kept in a file

# Each stroke is a smooth curve through points x,y from 0,0 at the top left to 100,100.
DIGITS: dict[str, tuple[str, ...]] = {
    "0": ("54,15 36,20 25,42 27,68 43,85 61,80 75,58 73,32 59,16 47,15",),
    "1": ("57,13 54,38 50,64 47,87",),
    "2": (
        "29,31 36,18 52,13 66,21 67,37 55,56 38,73 25,84",
        "25,84 40,81 58,84 76,82",
    ),
    "3": (
        "30,21 45,13 62,18 65,32 56,43 43,47",
        "43,47 61,50 70,64 62,80 44,87 27,80",
    ),
    "4": (
        "38,15 33,34 26,54",
        "26,54 42,54 60,52 77,50",
        "63,24 61,46 59,67 57,89",
    ),
    "5": (
        "37,17 35,31 32,45",
        "32,45 46,40 62,45 69,61 61,78 45,86 27,81",
        "37,17 53,17 71,14",
    ),
    "6": ("61,12 45,24 33,44 28,66 36,83 53,87 66,76 65,60 53,52 39,58 30,71",),
    "7": (
        "24,20 40,20 57,18 74,16",
        "74,16 63,36 53,60 46,88",
    ),
    "8": ("64,24 51,13 36,20 38,36 53,49 66,64 61,82 45,88 31,77 36,61 50,49 63,37 65,25",),
    "9": (
        "67,28 54,15 38,20 31,36 40,49 56,46 67,29",
        "67,29 66,50 61,70 56,88",
    ),
}

# Each patch is a closed outline and its colour; later patches lie on earlier ones.
CLOTH, SHADE, LIGHT = "#426387", "#345171", "#56789d"
DENIM, CREASE, LEATHER, SEAM, BRASS = "#3a425c", "#2e354c", "#704630", "#523222", "#c4ac78"
GARMENTS: dict[str, tuple[tuple[str, str], ...]] = {
    "t-shirt": (
        (
            "36,8 27,11 14,30 23,38 29,33 29,94 71,94 71,33 77,38 86,30 73,11 64,8 57,15 43,15",
            CLOTH,
        ),
        ("29,33 31,26 32,94 29,94", SHADE),
        ("71,33 69,26 68,94 71,94", SHADE),
        ("36,8 43,15 57,15 64,8 60,8 55,12 45,12 40,8", LIGHT),
    ),
    "trouser": (
        ("35,6 65,6 68,30 66,60 64,95 52,95 51,62 50,36 49,62 48,95 36,95 34,60 32,30", DENIM),
        ("35,6 65,6 65,11 35,11", CREASE),
        ("41,30 43,30 43,94 41,94", CREASE),
        ("57,30 59,30 59,94 57,94", CREASE),
    ),
    "bag": (
        ("33,44 35,24 44,14 56,14 65,24 67,44 61,44 59,28 53,20 47,20 41,28 39,44", SEAM),
        ("12,40 88,40 93,84 88,88 12,88 7,84", LEATHER),
        ("12,40 88,40 86,56 50,63 14,56", SEAM),
        ("46,56 54,56 54,67 46,67", BRASS),
    ),
}


def points(text: str) -> list[Point]:
    """The points of a stroke or outline."""
    return [(float(x), float(y)) for x, y in (word.split(",") for word in text.split())]


def curve(through: list[Point], steps: int = 60) -> list[Point]:
    """A Catmull-Rom spline through the points, which starts and ends at the outer ones."""
    padded = [through[0], *through, through[-1]]
    path = [through[0]]
    for before, start, end, after in zip(padded, padded[1:], padded[2:], padded[3:], strict=False):
        for step in range(1, steps + 1):
            x, y = (
                _spline(*four, step / steps) for four in zip(before, start, end, after, strict=True)
            )
            path.append((x, y))
    return path


def _spline(before: float, start: float, end: float, after: float, t: float) -> float:
    linear, square = end - before, 2 * before - 5 * start + 4 * end - after
    cubic = 3 * start - before - 3 * end + after
    return start + 0.5 * t * (linear + t * (square + t * cubic))


def draw_digit(strokes: tuple[str, ...], pen: float = 4.4) -> Image.Image:
    """Strokes of a round pen that presses a little less at both ends."""
    picture = Image.new("RGB", (SIZE * FINE, SIZE * FINE), PAPER)
    brush = ImageDraw.Draw(picture)
    for stroke in strokes:
        path = curve(points(stroke))
        for place, (x, y) in enumerate(path):
            r = pen * (0.82 + 0.18 * math.sin(math.pi * place / (len(path) - 1)))
            dot = [(x - r) * SCALE, (y - r) * SCALE, (x + r) * SCALE, (y + r) * SCALE]
            brush.ellipse(dot, fill=INK)
    return _finish(picture)


def draw_garment(patches: tuple[tuple[str, str], ...]) -> Image.Image:
    """Patches of cloth, laid on each other in order."""
    picture = Image.new("RGB", (SIZE * FINE, SIZE * FINE), PAPER)
    brush = ImageDraw.Draw(picture)
    for outline, colour in patches:
        brush.polygon([(x * SCALE, y * SCALE) for x, y in points(outline)], fill=colour)
    return _finish(picture)


def _finish(picture: Image.Image) -> Image.Image:
    reduced = picture.resize((SIZE, SIZE), Image.Resampling.BOX)
    return reduced.quantize(SHADES, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)


def main() -> None:
    parser = argparse.ArgumentParser(description="Draw the sample pictures.")
    ours = Path(__file__).resolve().parent.parent / "zoo" / "samples"
    parser.add_argument("folder", nargs="?", type=Path, default=ours)
    folder: Path = parser.parse_args().folder
    folder.mkdir(parents=True, exist_ok=True)
    pictures = {f"digit_{name}.png": draw_digit(strokes) for name, strokes in DIGITS.items()}
    pictures |= {f"garment_{name}.png": draw_garment(patches) for name, patches in GARMENTS.items()}
    for name, picture in pictures.items():
        picture.save(folder / name, optimize=True)


if __name__ == "__main__":
    main()
