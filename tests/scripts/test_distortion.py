"""Distortion: what it leaves alone, what it moves, and that it repeats."""

from __future__ import annotations

import numpy as np
import pytest
from distortion import distort, weakened
from recipes import CLASSIFIERS, Distortion


def pictures(n: int = 6) -> np.ndarray:
    levels = np.zeros((n, 28, 28), np.uint8)
    levels[:, 8:20, 12:16] = 200
    levels[:, 8:10, 12:20] = 100
    return levels


def generator(seed: int = 0) -> np.random.Generator:
    return np.random.Generator(np.random.Philox(key=[seed, 0]))


def test_no_distortion_changes_nothing() -> None:
    np.testing.assert_allclose(
        distort(pictures(), Distortion(), generator()), pictures(), atol=1e-3
    )


def test_flip_mirrors_some_and_leaves_the_others() -> None:
    flipped = distort(pictures(40), Distortion(flip=True), generator())
    mirrored = pictures(1)[0, :, ::-1]
    is_mirrored = [np.allclose(one, mirrored, atol=1e-3) for one in flipped]
    is_same = [np.allclose(one, pictures(1)[0], atol=1e-3) for one in flipped]
    assert 5 < sum(is_mirrored) < 35
    assert all(a or b for a, b in zip(is_mirrored, is_same, strict=True))


def test_shift_moves_the_centre_by_at_most_that_much() -> None:
    moved = distort(pictures(50), Distortion(shift=2), generator())
    centres = np.array([centre(one) for one in moved]) - centre(pictures(1)[0].astype(float))
    assert 1.0 < np.abs(centres).max() <= 2.001


def test_whole_pixels_move_without_blur() -> None:
    how = Distortion(shift=1.5, whole_pixels=True, flip=True)
    moved = distort(pictures(50), how, generator())
    assert set(np.unique(np.round(moved, 3))) == {0.0, 100.0, 200.0}
    assert len({one.tobytes() for one in moved}) > 5


def test_rotation_keeps_the_ink() -> None:
    turned = distort(pictures(20), Distortion(rotation=30), generator())
    np.testing.assert_allclose(turned.sum((1, 2)), pictures(20).sum((1, 2)), rtol=0.03)
    assert np.abs(turned - pictures(20)).max() > 50


def test_elastic_field_is_about_a_pixel_and_smooth() -> None:
    how = CLASSIFIERS["lenet.mnist"].distortion
    assert how is not None
    from distortion import _field

    field = _field(200, 28, 28, how, generator())
    assert 0.3 < field.std() < 1.5
    assert np.abs(np.diff(field, axis=1)).max() < 1


def test_a_distortion_weakens_evenly_to_its_end() -> None:
    how = Distortion(rotation=10, shear=8, scale=0.1, shift=2, elastic=24, end=0.2)
    assert weakened(how, 0, 5) == how
    assert weakened(how, 2, 5).elastic == pytest.approx(0.6 * 24)
    last = weakened(how, 4, 5)
    found = (last.rotation, last.shear, last.scale, last.shift, last.elastic)
    assert found == pytest.approx((2, 1.6, 0.02, 0.4, 4.8))
    assert last.sigma == how.sigma
    assert weakened(how, 0, 1) == how
    lasting = Distortion(rotation=10)
    assert weakened(lasting, 4, 5) is lasting


def test_equal_seeds_give_equal_bytes() -> None:
    how = Distortion(10, 10, 0.1, 2, 20, 4, True)
    first = distort(pictures(), how, generator(3))
    assert first.tobytes() == distort(pictures(), how, generator(3)).tobytes()
    assert first.tobytes() != distort(pictures(), how, generator(4)).tobytes()
    assert first.dtype == np.float32


def centre(levels: np.ndarray) -> np.ndarray:
    rows, columns = np.indices(levels.shape)
    return np.array([(rows * levels).sum(), (columns * levels).sum()]) / levels.sum()
