"""Pictures of every kind become the same network input."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageOps
from records import DIGIT

from zoo import samples, transforms
from zoo.errors import InputError

PLAIN = {**DIGIT, "mean": [0.0], "std": [1.0]}
GARMENT = {**PLAIN, "box": 28}


def three() -> Image.Image:
    return Image.open(samples.digits()[3]).convert("RGB")


def grey(seed: int = 0) -> np.ndarray[Any, Any]:
    return np.random.default_rng(seed).integers(0, 256, (28, 28)).astype(np.uint8)


def test_a_grey_picture_of_the_right_size_is_only_normalised() -> None:
    raw = grey()
    expected = (raw.astype(np.float64) / 255 - 0.1307) / 0.3081
    prepared = transforms.image(raw, DIGIT)
    assert prepared.shape == (1, 1, 28, 28)
    assert prepared.dtype == np.float32
    np.testing.assert_allclose(prepared[0, 0], expected, atol=1e-6)


@pytest.mark.parametrize(
    "same",
    [
        lambda raw, folder: Image.fromarray(raw),
        lambda raw, folder: Image.fromarray(raw.astype(np.int32)),
        lambda raw, folder: raw.astype(np.int64),
        lambda raw, folder: raw[:, :, None],
        lambda raw, folder: raw[None],
        lambda raw, folder: raw[None, None],
        lambda raw, folder: [raw],
        lambda raw, folder: _saved(raw, folder / "raw.png"),
        lambda raw, folder: str(_saved(raw, folder / "raw.png")),
    ],
)
def test_the_same_picture_in_another_form(same: Any, tmp_path: Path) -> None:
    np.testing.assert_array_equal(
        transforms.image(same(grey(), tmp_path), DIGIT), transforms.image(grey(), DIGIT)
    )


def _saved(raw: np.ndarray[Any, Any], path: Path) -> Path:
    Image.fromarray(raw).save(path)
    return path


def test_floats_count_from_0_to_1() -> None:
    np.testing.assert_allclose(
        transforms.image(grey() / 255.0, DIGIT), transforms.image(grey(), DIGIT), atol=1e-5
    )


def test_a_batch_and_a_list_give_one_row_each() -> None:
    batch = np.stack([grey(seed) for seed in range(5)])
    prepared = transforms.image(batch, DIGIT)
    assert prepared.shape == (5, 1, 28, 28)
    np.testing.assert_array_equal(prepared, transforms.image(list(batch), DIGIT))
    np.testing.assert_array_equal(prepared, transforms.image(batch[:, None], DIGIT))
    assert transforms.is_batch(batch[:, None], DIGIT)
    mixed = transforms.image([batch[0], samples.digits()[3], three()], DIGIT)
    np.testing.assert_array_equal(mixed[0], prepared[0])
    np.testing.assert_array_equal(mixed[1], mixed[2])


def test_a_digit_is_fitted_into_the_box_and_centred_by_mass() -> None:
    field = transforms.image(three(), PLAIN)[0, 0]
    rows, columns = np.flatnonzero(field.any(axis=1)), np.flatnonzero(field.any(axis=0))
    assert max(np.ptp(rows), np.ptp(columns)) + 1 == 20
    mass = field / field.sum()
    assert abs((mass.sum(axis=1) * np.arange(28)).sum() - 14) < 0.6
    assert abs((mass.sum(axis=0) * np.arange(28)).sum() - 14) < 0.6
    assert field.max() == pytest.approx(1)
    assert field[0].max() == 0


def test_a_garment_fills_the_field_and_is_centred_by_extent() -> None:
    for path in samples.garments():
        field = transforms.image(path, GARMENT)[0, 0]
        rows, columns = np.flatnonzero(field.any(axis=1)), np.flatnonzero(field.any(axis=0))
        assert max(np.ptp(rows), np.ptp(columns)) + 1 == 28
        assert abs(rows[0] + rows[-1] - 27) <= 1
        assert abs(columns[0] + columns[-1] - 27) <= 1
        assert 0.5 < field.max() < 0.9  # a garment keeps its own brightness


def _inverted() -> Image.Image:
    return Image.eval(three(), lambda level: 255 - level)


def _moved() -> Image.Image:
    paper = Image.new("RGB", (500, 320), "white")
    paper.paste(three(), (280, 30))
    return paper


def _light_ink() -> Image.Image:
    return Image.eval(three(), lambda level: 160 + level * 95 // 255)


def _transparent(ink: str) -> Image.Image:
    picture = Image.new("RGBA", three().size, ink)
    picture.putalpha(Image.eval(three().convert("L"), lambda level: 255 - level))
    return picture


def _palette() -> Image.Image:
    return three().quantize(8)


def _sixteen_bits() -> Image.Image:
    return Image.fromarray(np.asarray(three().convert("L")).astype(np.uint16) * 257)


@pytest.mark.parametrize(
    "variant",
    [
        pytest.param(_inverted, id="light on dark"),
        pytest.param(_moved, id="elsewhere on a larger paper"),
        pytest.param(_light_ink, id="faint ink"),
        pytest.param(lambda: three().resize((600, 600)), id="larger"),
        pytest.param(lambda: _transparent("black"), id="dark on transparent"),
        pytest.param(lambda: _transparent("white"), id="light on transparent"),
        pytest.param(_palette, id="palette"),
        pytest.param(_sixteen_bits, id="16 bits"),
        pytest.param(lambda: three().convert("L").convert("F").point(lambda v: v / 255), id="F"),
        pytest.param(lambda: three().convert("CMYK"), id="CMYK"),
        pytest.param(lambda: np.asarray(three()), id="colour array"),
        pytest.param(lambda: np.asarray(three()) / 255, id="colour floats"),
        pytest.param(lambda: np.asarray(three().convert("RGBA")), id="array with alpha"),
        pytest.param(lambda: np.asarray(three().convert("L")) < 128, id="bits"),
    ],
)
def test_how_a_digit_was_photographed_does_not_matter(variant: Any) -> None:
    expected = transforms.image(three(), PLAIN)
    difference = np.abs(transforms.image(variant(), PLAIN) - expected)
    assert difference.mean() < 0.02
    other = transforms.image(samples.digits()[8], PLAIN)
    assert np.abs(other - expected).mean() > 2 * difference.mean()


@pytest.mark.parametrize("orientation", range(1, 9))
def test_the_orientation_that_a_camera_wrote_is_honoured(orientation: int, tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = tmp_path / "turned.tiff"
    three().save(path, exif=exif)
    with Image.open(path) as opened:
        upright = ImageOps.exif_transpose(opened)
    np.testing.assert_array_equal(transforms.image(path, PLAIN), transforms.image(upright, PLAIN))
    turned = (transforms.image(path, PLAIN) != transforms.image(three(), PLAIN)).any()
    assert turned == (orientation > 1)


@pytest.mark.parametrize("kind", ["png", "webp"])
@pytest.mark.parametrize("exif", [b"no TIFF", b"Exif\0\0MM\0*\0\0"])
def test_damaged_exif_turns_nothing(kind: str, exif: bytes, tmp_path: Path) -> None:
    path = tmp_path / f"damaged.{kind}"
    three().save(path, exif=exif, **({"lossless": True} if kind == "webp" else {}))
    np.testing.assert_array_equal(transforms.image(path, PLAIN), transforms.image(three(), PLAIN))


CUT = b"Exif\0\0II*\0\x08\0\0\0\x02\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0"  # lacks its second tag


@pytest.mark.filterwarnings("always")
def test_what_pillow_warns_of_is_not_on_standard_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, recwarn: pytest.WarningsRecorder
) -> None:
    three().save(tmp_path / "cut.jpg", exif=CUT)
    three().save(tmp_path / "large.png")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", three().width * three().height - 1)
    for name in ("cut.jpg", "large.png"):
        assert transforms.image(tmp_path / name, PLAIN).shape == (1, 1, 28, 28)
    with Image.open(tmp_path / "large.png") as large:
        assert [one.category for one in recwarn] == [Image.DecompressionBombWarning]
        transforms.image(large, PLAIN)
    assert len(recwarn) == 1


def test_a_light_background_can_be_the_networks_own() -> None:
    np.testing.assert_allclose(
        transforms.image(three(), {**PLAIN, "background": 255}),
        1 - transforms.image(three(), PLAIN),
        atol=1e-6,
    )


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (np.zeros((3, 100, 100), np.uint8), r"shape \(3, 100, 100\) is no picture"),
        (np.zeros((3, 1, 30, 30), np.uint8), r"shape \(1, 30, 30\) is no picture"),
        (
            np.zeros((2, 3, 28, 28), np.uint8),
            r"\(3, 28, 28\) is no picture: .* \(n, 1, 28, 28\)",
        ),
        (np.zeros((28,), np.uint8), r"shape \(28,\) is no picture"),
        (np.zeros((0, 28), np.uint8), "no picture"),
        (np.zeros((0, 28, 28), np.uint8), "the input is empty"),
        ([], "the input is empty"),
        (np.full((28, 28), np.nan), "NaN or infinite"),
        (np.full((28, 28), 200.0), "dtype float64 go from 0 to 1"),
        (np.full((28, 28), -1), "go from 0 to 255"),
        (np.full((28, 28), "a"), "integers or floats"),
        (np.full((90, 90), 255, np.uint8), "blank"),
        (7, "No picture can be made of a int"),
        ([None], "No picture can be made of a NoneType"),
        ("missing.png", "There is no file 'missing.png'"),
    ],
)
def test_what_is_no_picture_is_refused(raw: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        transforms.image(raw, DIGIT)


@pytest.mark.parametrize("cut", [4, 300])
def test_damaged_files_are_refused_by_name(cut: int, tmp_path: Path) -> None:
    path = tmp_path / "cut.png"
    path.write_bytes(samples.digits()[0].read_bytes()[:cut])
    with pytest.raises(InputError, match=r"cut\.png"):
        transforms.image(path, DIGIT)
    with pytest.raises(InputError, match="cannot be read"):
        transforms.image(tmp_path, DIGIT)


def test_unknown_formats_within_a_format_are_refused_by_name(tmp_path: Path) -> None:
    path = tmp_path / "flags.dds"
    three().save(path)
    content = bytearray(path.read_bytes())
    content[80:84] = (155).to_bytes(4, "little")  # the pixel format's flags
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"flags\.dds' cannot be read as a picture"):
        transforms.image(path, DIGIT)


def test_pictures_that_cannot_be_turned_grey_are_refused(tmp_path: Path) -> None:
    Image.merge("LAB", [three().convert("L")] * 3).save(tmp_path / "lab.tif")
    whole = samples.digits()[0].read_bytes()
    (tmp_path / "cut.png").write_bytes(whole[: len(whole) // 2])
    with Image.open(tmp_path / "cut.png") as lazy:
        for raw in (tmp_path / "lab.tif", lazy):
            with pytest.raises(InputError, match="cannot be turned into grey levels"):
                transforms.image(raw, DIGIT)
