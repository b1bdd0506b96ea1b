from __future__ import annotations

import hashlib

import numpy as np

from zoo.data import splits

HOUSING_ORDER = [6, 1, 3, 7, 2, 4, 0, 5]


def test_every_takes_the_last_of_each_group():
    assert np.flatnonzero(splits.every(25, 12)).tolist() == [11, 23]
    assert splits.every(60_000, 12).sum() == 5_000


def test_shuffled_is_the_order_of_the_digests():
    order = splits.shuffled(100, "name")
    digests = [hashlib.sha256(f"name:{row}".encode()).hexdigest() for row in order]
    assert digests == sorted(digests)
    assert sorted(order) == list(range(100))


def test_shuffled_never_changes():
    assert splits.shuffled(8, "california_housing").tolist() == HOUSING_ORDER
    assert splits.shuffled(8, "other").tolist() != HOUSING_ORDER
