"""The sample pictures are what the script draws."""

from __future__ import annotations

import numpy as np
from PIL import Image

from zoo import samples


def test_the_samples_are_ten_digits_and_three_garments() -> None:
    assert [path.name for path in samples.digits()] == [f"digit_{n}.png" for n in range(10)]
    names = ["garment_bag.png", "garment_t-shirt.png", "garment_trouser.png"]
    assert [path.name for path in samples.garments()] == names
    assert all(path.stat().st_size < 3000 for path in samples.digits() + samples.garments())


def test_the_samples_are_what_the_script_draws() -> None:
    import draw_samples

    drawn = [draw_samples.draw_digit(draw_samples.DIGITS[str(number)]) for number in range(10)]
    drawn += [draw_samples.draw_garment(one) for _, one in sorted(draw_samples.GARMENTS.items())]
    for path, picture in zip(samples.digits() + samples.garments(), drawn, strict=True):
        shipped = np.asarray(Image.open(path).convert("RGB"), np.float32)
        assert np.abs(shipped - np.asarray(picture.convert("RGB"))).mean() < 1
