"""Pictures of every kind -> grey levels of the network's size.

Pictures are prepared as the authors of MNIST (LeCun, Cortes and Burges: fit into a 20 x 20 box,
centred by mass) and of Fashion-MNIST (Xiao, Rasul and Vollgraf, 2017: fit into 28 x 28, centred by
extent; their sharpening step is left out) describe.
"""

from __future__ import annotations

import os
import struct
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image, UnidentifiedImageError

from zoo.errors import InputError, shown

Floats = NDArray[np.float32]

# of pixels alone: EPS is a program, which Pillow gives to Ghostscript, and IPTC may hold EPS
_COMMON = ("PNG", "JPEG", "GIF", "WEBP", "TIFF", "BMP", "AVIF", "HEIF", "PPM", "ICO")
_RARE = ("ICNS", "JPEG2000", "PSD", "PCX", "DDS", "SGI", "QOI", "TGA")  # TGA has no mark of its own
_COLOUR_CHANNELS = (3, 4)
_WITH_ALPHA = ("LA", "La", "PA", "RGBA", "RGBa")
_FAINT = 0.1  # of the strongest ink; what is fainter is not cropped to
_BLANK = 8.0  # of 255 grey levels; what differs less is paper
_SHEET = 0.95  # of its rectangle is opaque in a sheet, whose corners may be round
_TURNS = {  # EXIF's orientations to what undoes them
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


# what Pillow's readers raise beside UnidentifiedImageError
_DAMAGED = (OSError, ValueError, SyntaxError, RuntimeError, LookupError, EOFError, struct.error)


def open_picture(source: Path | BinaryIO, name: str) -> Image.Image:
    """A picture from a file or a stream, which messages call `name`. Raises InputError."""
    try:
        with _silence(), Image.open(source, formats=_known_formats()) as opened:
            opened.load()
            return opened
    except FileNotFoundError:
        raise InputError(f"There is no file {name}.") from None
    except UnidentifiedImageError:
        raise InputError(
            f"{name} is not a picture in a format that is read here: give PNG, JPEG, GIF or TIFF."
        ) from None
    except (*_DAMAGED, Image.DecompressionBombError) as error:
        raise InputError(f"{name} cannot be read as a picture: {error}.") from error


def _known_formats() -> list[str]:
    """Those that this Pillow has."""
    Image.init()
    return [one for one in _COMMON + _RARE if one in Image.OPEN]


@contextmanager
def _silence() -> Iterator[None]:
    """Without Pillow's warnings, of damaged EXIF or many pixels, which would go to stderr."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", module=r"PIL\.")
        yield


def grey_levels(raw: Any, preprocessing: Mapping[str, Any]) -> Floats:
    """Fitted pictures (n, height, width), 0 to 255; `raw` as `zoo.transforms.image` takes it.

    Raises InputError.
    """
    height, width = map(int, preprocessing["size"])
    size = (height, width)
    if not is_batch(raw):
        return _fitted(raw, size, preprocessing)[None]
    if len(raw) == 0:
        raise InputError("There is nothing to predict from: the input is empty.")
    if isinstance(raw, np.ndarray) and raw.shape[1:] == (1, *size):
        raw = raw[:, 0]
    if isinstance(raw, np.ndarray) and raw.ndim == 3:
        if raw.shape[1:] != size:
            raise _wrong_shape(raw, size)
        return _scaled_to_255(raw)
    return np.stack(
        [_numbered(at, len(raw), one, size, preprocessing) for at, one in enumerate(raw, 1)]
    )


def _numbered(
    place: int, of: int, raw: Any, size: tuple[int, int], preprocessing: Mapping[str, Any]
) -> Floats:
    """A picture of several, whose place, and file, its error tells."""
    try:
        return _fitted(raw, size, preprocessing)
    except InputError as error:
        if of == 1:
            raise
        named = isinstance(raw, str | os.PathLike) and repr(str(raw)) not in str(error)
        file = f", {str(raw)!r}" if named else ""
        raise InputError(f"Picture {place} of {of}{file}: {error}") from None


def is_batch(raw: Any) -> bool:
    """Whether `raw` holds several pictures."""
    if isinstance(raw, np.ndarray):
        return raw.ndim == 4 or (raw.ndim == 3 and raw.shape[2] not in (1, *_COLOUR_CHANNELS))
    return isinstance(raw, list | tuple)


def _fitted(raw: Any, size: tuple[int, int], preprocessing: Mapping[str, Any]) -> Floats:
    grey, was_grey = _grey(raw, size)
    if was_grey and grey.shape == size:
        return grey
    field = _centred(_ink(grey), size, preprocessing.get("box") or min(size))
    return 255 - field if preprocessing.get("background") == 255 else field


def _grey(raw: Any, size: tuple[int, int]) -> tuple[Floats, bool]:
    """Grey levels (H, W), and whether the picture held nothing but grey."""
    if isinstance(raw, str | os.PathLike):
        return _grey_of_image(open_picture(Path(raw), repr(str(raw))))
    if isinstance(raw, Image.Image):
        return _grey_of_image(raw)
    if not isinstance(raw, np.ndarray):
        raise InputError(
            f"No picture can be made of a {type(raw).__name__}: "
            "give a path, a PIL image, a NumPy array, or a list of those."
        )
    if raw.ndim == 3 and raw.shape[2] == 1:
        raw = raw[:, :, 0]
    if raw.size == 0 or not (raw.ndim == 2 or _has_colours(raw)):
        raise _wrong_shape(raw, size)
    levels = _scaled_to_255(raw)
    if raw.ndim == 2:
        return levels, True
    return _grey_of_image(Image.fromarray(np.rint(levels).astype(np.uint8)))


def _has_colours(raw: NDArray[Any]) -> bool:
    return raw.ndim == 3 and raw.shape[2] in _COLOUR_CHANNELS


def _wrong_shape(raw: NDArray[Any], size: tuple[int, int]) -> InputError:
    return InputError(
        f"An array of shape {raw.shape} is no picture: give (H, W), (H, W, 3), (H, W, 4), "
        f"or a batch (n, {size[0]}, {size[1]}) or (n, 1, {size[0]}, {size[1]})."
    )


def _scaled_to_255(raw: NDArray[Any]) -> Floats:
    if raw.dtype == np.uint8:
        return raw.astype(np.float32)
    if raw.dtype == np.bool_:
        return raw.astype(np.float32) * 255
    if raw.dtype.kind not in "iuf":
        raise InputError(f"Pixels are integers or floats, not {raw.dtype}.")
    if not np.isfinite(raw).all():
        raise InputError("The picture holds NaN or infinite pixels.")
    most = 1 if raw.dtype.kind == "f" else 255
    if raw.min() < 0 or raw.max() > most:
        raise InputError(
            f"Pixels of dtype {raw.dtype} go from 0 to {most}, not from {raw.min()} to {raw.max()}:"
            " give floats from 0 to 1 or integers from 0 to 255."
        )
    return raw.astype(np.float32) * np.float32(255 / most)


def _grey_of_image(picture: Image.Image) -> tuple[Floats, bool]:
    try:
        return _levels_of(picture)
    except InputError:
        raise
    except _DAMAGED as error:
        raise InputError(f"The picture cannot be turned into grey levels: {error}.") from error


def _levels_of(picture: Image.Image) -> tuple[Floats, bool]:
    if picture.width == 0 or picture.height == 0:
        raise InputError("The picture is empty: it has no pixels.")
    _load(picture)
    picture = _upright(picture)
    if picture.mode.startswith("I"):
        return _of_integers(picture), True
    if picture.mode in _WITH_ALPHA or "transparency" in picture.info:
        return _on_contrasting_paper(picture.convert("RGBA")), False
    if picture.mode == "F":
        return _scaled_to_255(np.asarray(picture, np.float32)), True
    return np.asarray(picture.convert("L"), np.float32), picture.mode in ("1", "L")


def _load(picture: Image.Image) -> None:
    try:
        with _silence():
            picture.load()
    except (AssertionError, AttributeError) as error:  # the one in newer versions of Pillow
        if getattr(picture, "fp", None) is None:
            told = "The picture's file is closed: call the picture's load() first."
        else:
            told = f"The picture cannot be read: {shown(str(error) or repr(error))}."
        raise InputError(told) from None


def _of_integers(picture: Image.Image) -> Floats:
    """Mode "I" holds an array's 0 to 255, or the 16 bits of a file that an older Pillow read."""
    levels = np.asarray(picture, np.float32)
    step = 1 if picture.mode == "I" and levels.max() <= 255 else 257
    return np.asarray(np.clip(levels / step, 0, 255), np.float32)


def _upright(picture: Image.Image) -> Image.Image:
    """Turned as the camera wrote in its EXIF; where that is damaged, the picture as it is."""
    try:
        with _silence():
            turn = _TURNS.get(picture.getexif().get(ExifTags.Base.Orientation, 1))
    except _DAMAGED:
        return picture
    return picture if turn is None else picture.transpose(turn)


def _on_contrasting_paper(picture: Image.Image) -> Floats:
    """Grey levels over white where what is visible is dark, over black where it is light.

    What is around an opaque sheet gets the sheet's own grey.
    """
    grey = np.asarray(picture.convert("RGB").convert("L"), np.float32)
    alpha = np.asarray(picture.getchannel("A"), np.float32) / 255
    opaque = alpha == 1
    if _is_sheet(opaque):
        return np.asarray(np.where(opaque, grey, np.median(grey[opaque])), np.float32)
    visible = float(alpha.sum())
    paper = 0.0 if visible and float((grey * alpha).sum()) / visible > 127.5 else 255.0
    return np.asarray(grey * alpha + paper * (1 - alpha), np.float32)


def _is_sheet(opaque: NDArray[np.bool_]) -> bool:
    """Whether what is opaque is a rectangle without holes, and more than half of the picture."""
    runs = (np.diff(opaque.astype(np.int8), axis=1, prepend=0) == 1).sum(axis=1)
    if opaque.mean() <= 0.5 or runs.max() > 1:
        return False
    rows, columns = np.flatnonzero(opaque.any(axis=1)), np.flatnonzero(opaque.any(axis=0))
    rectangle = opaque[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    return bool(rectangle.mean() > _SHEET)


def _ink(grey: Floats) -> Floats:
    """How far each pixel is from the picture's border, towards the other end of the scale."""
    border = np.concatenate([grey[0], grey[-1], grey[:, 0], grey[:, -1]])
    paper = np.median(border)
    ink = np.clip(paper - grey if paper > 127.5 else grey - paper, 0, None)
    if ink.max() < _BLANK:
        raise InputError("The picture is blank: nothing in it differs from its border.")
    inked = ink > _FAINT * ink.max()
    rows, columns = np.flatnonzero(inked.any(axis=1)), np.flatnonzero(inked.any(axis=0))
    return np.asarray(ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1], np.float32)


def _centred(ink: Floats, size: tuple[int, int], box: int) -> Floats:
    """The ink with its longest side scaled to `box`, in an empty field of `size`.

    A box smaller than the field is MNIST's way: full contrast, the centre of mass in the middle.
    """
    factor = box / max(ink.shape)
    height, width = (max(1, round(side * factor)) for side in ink.shape)
    scaled = np.asarray(Image.fromarray(ink).resize((width, height), Image.Resampling.BILINEAR))
    middle = (height / 2, width / 2)
    if box < min(size):
        scaled = scaled * (255 / scaled.max())
        middle = _centre_of_mass(scaled)
    top, left = (
        min(max(round(field / 2 - centre), 0), field - side)
        for field, centre, side in zip(size, middle, scaled.shape, strict=True)
    )
    placed = np.zeros(size, np.float32)
    placed[top : top + height, left : left + width] = scaled
    return placed


def _centre_of_mass(levels: Floats) -> tuple[float, float]:
    """Row and column in indices: MNIST's own digits have it at 14 of 28 (measured: 13.99)."""
    rows, columns = levels.sum(axis=1), levels.sum(axis=0)
    row = float(np.average(np.arange(rows.size), weights=rows))
    return row, float(np.average(np.arange(columns.size), weights=columns))
