"""MNIST: handwritten digits, 70,000 grey pictures of 28 x 28.

Fashion-MNIST has the same four files and is read by the same function.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from zoo.data import idx, splits
from zoo.data.dataset import About, Dataset, Read, Split
from zoo.data.files import data_file, digests
from zoo.errors import DataError
from zoo.manifest import Artifact

ABOUT = About(
    name="mnist",
    task="image-classification",
    description="Handwritten digits: 70,000 grey pictures of 28 x 28 pixels, ink bright on dark.",
    splits=(
        "test: the 10,000 t10k pictures; validation: every 12th of the 60,000 training pictures "
        "(number % 12 == 11, 5,000); train: the other 55,000."
    ),
    homepage="http://yann.lecun.com/exdb/mnist/",
    licence="unclear (CC BY-SA 3.0 as documented by Keras)",
    citation=(
        "Y. LeCun, L. Bottou, Y. Bengio, P. Haffner. Gradient-based learning applied to document "
        "recognition. Proceedings of the IEEE 86(11), 1998."
    ),
    labels=tuple("0123456789"),
)

_FOLDERS = (
    "https://ossci-datasets.s3.amazonaws.com/mnist",
    "https://storage.googleapis.com/cvdf-datasets/mnist",
    "https://raw.githubusercontent.com/fgnt/mnist/ae608a02b796c9ee908c082585a5f006fe05258e",
)


def _file(name: str, size: int, sha256: str) -> Artifact:
    return data_file(f"mnist/{name}", size, sha256, *(f"{at}/{name}.gz" for at in _FOLDERS))


FILES = (
    _file(
        "train-images-idx3-ubyte",
        47040016,
        "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    ),
    _file(
        "train-labels-idx1-ubyte",
        60008,
        "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    ),
    _file(
        "t10k-images-idx3-ubyte",
        7840016,
        "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    ),
    _file(
        "t10k-labels-idx1-ubyte",
        10008,
        "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
    ),
)

_CLASSES = 10
_SIZE = (28, 28)


def load(read: Read) -> Dataset:
    """Pictures as uint8 (n, 28, 28), labels as int64 (n,)."""
    return load_pictures(ABOUT, FILES, read)


def load_pictures(about: About, files: Sequence[Artifact], read: Read) -> Dataset:
    """A dataset of four idx files: training pictures and labels, test pictures and labels."""
    images, labels, test_images, test_labels = files
    train = pictures(read(images), read(labels), images.file)
    held_out = splits.every(len(train), 12)
    return Dataset(
        about,
        train=train.rows(~held_out),
        validation=train.rows(held_out),
        test=pictures(read(test_images), read(test_labels), test_images.file),
        digests=digests(files),
    )


def pictures(images: bytes, labels: bytes, file: str) -> Split:
    """A split from two idx files. Raises DataError where they are not 28 x 28 pictures with
    labels 0 to 9, as many of the one as of the other."""
    inputs, targets = idx.parse(images, file), idx.parse(labels, f"the labels of {file}")
    if inputs.shape[1:] != _SIZE:
        raise DataError(f"{file} has shape {inputs.shape}, must be (n, 28, 28)")
    if targets.shape != inputs.shape[:1]:
        raise DataError(f"{file} has {len(inputs)} pictures, but labels of shape {targets.shape}")
    if targets.size and targets.max() >= _CLASSES:
        at = int(targets.argmax())
        raise DataError(f"label {at} of {file} is {targets[at]}, must be 0 to {_CLASSES - 1}")
    return Split(inputs, targets.astype(np.int64))
