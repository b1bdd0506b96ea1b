"""Files that are no pictures, and pictures that are seen in part."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import EpsImagePlugin, Image, ImageDraw
from records import DIGIT

from zoo import samples, transforms
from zoo.errors import InputError

PLAIN = {**DIGIT, "mean": [0.0], "std": [1.0]}
GARMENT = {**PLAIN, "box": 28}
PROGRAM = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 30 30\n%%EndComments\nshowpage\n"


def _field(dataset: tuple[int, int], content: bytes) -> bytes:
    return bytes([0x1C, *dataset]) + len(content).to_bytes(2, "big") + content


WRAPPED = b"".join(  # in a file of the news agencies, which may hold one of any format
    [
        _field((3, 20), b"\0\x1e"),
        _field((3, 30), b"\0\x1e"),
        _field((3, 60), b"\x01\0"),
        _field((3, 120), b"\0\x05"),
        _field((8, 10), PROGRAM),
    ]
)


@pytest.mark.parametrize("content", [PROGRAM, WRAPPED], ids=["EPS", "EPS in IPTC"])
@pytest.mark.parametrize("name", ["program.eps", "program.png", "program"])
def test_no_picture_starts_a_program(
    content: bytes, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ghostscript, mark = tmp_path / "gs", tmp_path / "mark"
    ghostscript.write_text(f"#!/bin/sh\n: > '{mark}'\n")
    ghostscript.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    monkeypatch.setattr(EpsImagePlugin, "gs_binary", "gs")  # else as it was found before
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(InputError, match=rf"{name}' is not a picture in a format that is read"):
        transforms.image(path, DIGIT)
    assert not mark.exists()


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "TIFF", "BMP", "PPM", "ICO", "TGA", "PCX"])
def test_formats_of_pixels_are_read_whatever_the_file_is_called(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "picture.eps"
    Image.open(samples.digits()[3]).convert("RGB").resize((64, 64)).save(path, kind)
    assert transforms.image(path, DIGIT).shape == (1, 1, 28, 28)


def test_an_icon_of_a_mask_alone(tmp_path: Path) -> None:
    """Pillow's reader ends with a KeyError."""
    mask = b"l8mk" + (8 + 32 * 32).to_bytes(4, "big") + bytes(32 * 32)
    path = tmp_path / "mask.icns"
    path.write_bytes(b"icns" + (8 + len(mask)).to_bytes(4, "big") + mask)
    with pytest.raises(InputError, match=r"mask\.icns' cannot be read as a picture"):
        transforms.image(path, DIGIT)


@pytest.mark.parametrize("kind", ["png", "gif", "tiff", "jpeg"])
def test_a_picture_whose_file_is_closed(kind: str, tmp_path: Path) -> None:
    path = tmp_path / f"three.{kind}"
    Image.open(samples.digits()[3]).convert("L").save(path)
    with Image.open(path) as unread:
        pass
    with pytest.raises(InputError, match="file is closed: call the picture's load"):
        transforms.image(unread, DIGIT)
    with Image.open(path) as read:
        read.load()
    np.testing.assert_array_equal(transforms.image(read, DIGIT), transforms.image(path, DIGIT))


def _seven(paper: str, ink: str) -> Image.Image:
    picture = Image.new("RGBA", (200, 160), paper)
    ImageDraw.Draw(picture).line([(70, 40), (130, 40), (90, 120)], fill=ink, width=12)
    return picture


def _amid_nothing(card: Image.Image) -> Image.Image:
    """The card with a shadow, as the screenshot of a window has it."""
    picture = Image.new("RGBA", (240, 200), (0, 0, 0, 0))
    ImageDraw.Draw(picture).rectangle((14, 14, 225, 185), fill=(0, 0, 0, 90))
    corners = Image.new("L", card.size)
    ImageDraw.Draw(corners).rounded_rectangle((0, 0, 199, 159), 9, fill=255)
    picture.paste(card, (20, 20), corners)
    return picture


@pytest.mark.parametrize(("paper", "ink"), [("white", "black"), ("black", "white")])
def test_around_a_card_is_its_own_paper(paper: str, ink: str) -> None:
    card = _seven(paper, ink)
    expected = transforms.image(card.convert("RGB"), PLAIN)
    found = transforms.image(_amid_nothing(card), PLAIN)
    np.testing.assert_allclose(found, expected, atol=0.02)


@pytest.mark.parametrize("alpha", [0, 128])
def test_strokes_that_are_cut_out_of_a_card_are_ink(alpha: int) -> None:
    card = _seven("white", "white")
    ImageDraw.Draw(card).line([(70, 40), (130, 40), (90, 120)], fill=(0, 0, 0, alpha), width=12)
    expected = transforms.image(_seven("white", "black").convert("RGB"), PLAIN)
    np.testing.assert_allclose(transforms.image(card, PLAIN), expected, atol=0.02)


@pytest.mark.parametrize("share", [0.2, 0.7])
def test_a_shape_that_is_cut_out_is_no_card(share: float) -> None:
    side = 120
    radius = side * (share / np.pi) ** 0.5
    shape = (side / 2 - radius, side / 2 - radius, side / 2 + radius, side / 2 + radius)
    picture, solid = Image.new("RGBA", (side, side)), Image.new("L", (side, side), 255)
    for one, fill in ((picture, (40, 40, 40, 255)), (solid, 40)):
        ImageDraw.Draw(one).ellipse(shape, fill=fill)
    np.testing.assert_allclose(
        transforms.image(picture, GARMENT), transforms.image(solid, GARMENT), atol=0.02
    )
