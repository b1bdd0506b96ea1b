from __future__ import annotations

import struct

import numpy as np
import pytest

from zoo.data.mnist import pictures
from zoo.errors import DataError

DIGITS_TRAIN = [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]
DIGITS_TEST = [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]


@pytest.mark.parametrize(
    ("name", "train_counts", "test_counts", "mean"),
    [
        ("mnist", DIGITS_TRAIN, DIGITS_TEST, 0.1307),
        ("fashion_mnist", [6000] * 10, [1000] * 10, 0.286),
    ],
)
def test_the_published_pictures(dataset, name, train_counts, test_counts, mean):
    data = dataset(name)
    known = np.concatenate([data.train.targets, data.validation.targets])
    assert np.bincount(known).tolist() == train_counts
    assert np.bincount(data.test.targets).tolist() == test_counts
    total = data.train.inputs.sum(dtype=np.int64) + data.validation.inputs.sum(dtype=np.int64)
    assert total / (60_000 * 784 * 255) == pytest.approx(mean, abs=5e-5)
    assert len(data.about.labels) == 10


@pytest.mark.parametrize("name", ["mnist", "fashion_mnist"])
def test_sizes_and_types(dataset, name):
    data = dataset(name)
    for split, n in ((data.train, 55_000), (data.validation, 5_000), (data.test, 10_000)):
        assert len(split) == n
        assert split.inputs.shape == (n, 28, 28)
        assert (split.inputs.dtype, split.targets.dtype) == (np.uint8, np.int64)
        assert not split.inputs.flags.writeable
        assert not split.targets.flags.writeable


def test_the_rows_keep_their_order_and_labels(dataset):
    data = dataset("mnist")
    assert data.train.targets[:13].tolist() == [5, 0, 4, 1, 9, 2, 1, 3, 1, 4, 3, 3, 6]
    assert data.validation.targets[0] == 5
    assert data.test.targets[:5].tolist() == [7, 2, 1, 0, 4]


def test_every_class_is_in_the_validation_split(dataset):
    for name in ("mnist", "fashion_mnist"):
        shares = np.bincount(dataset(name).validation.targets) / 5_000
        assert shares.min() > 0.085
        assert shares.max() < 0.115


def idx(*shape, value=0):
    return struct.pack(f">4B{len(shape)}I", 0, 0, 8, len(shape), *shape) + bytes(
        [value] * int(np.prod(shape))
    )


@pytest.mark.parametrize(
    ("images", "labels", "message"),
    [
        (idx(3, 28, 27), idx(3), r"images has shape \(3, 28, 27\)"),
        (idx(3), idx(3), r"images has shape \(3,\)"),
        (idx(3, 28, 28), idx(4), r"images has 3 pictures, but labels of shape \(4,\)"),
        (idx(3, 28, 28), idx(3, 1), r"3 pictures, but labels of shape \(3, 1\)"),
        (idx(3, 28, 28), idx(3, value=10), "label 0 of images is 10, must be 0 to 9"),
        (idx(3, 28, 28), b"no", "the labels of images is not an idx file"),
    ],
)
def test_pictures_refuses_files_that_do_not_belong_together(images, labels, message):
    with pytest.raises(DataError, match=message):
        pictures(images, labels, "images")
