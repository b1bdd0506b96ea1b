"""Fashion-MNIST: pieces of clothing, in MNIST's form.

These are the current files. The authors replaced the first ones on 2017-08-31 because some
pictures were there twice; MXNet's own FashionMNIST class still asks for the older files.
"""

from __future__ import annotations

from zoo.data.dataset import About, Dataset, Read
from zoo.data.files import data_file
from zoo.data.mnist import load_pictures
from zoo.manifest import Artifact

ABOUT = About(
    name="fashion_mnist",
    task="image-classification",
    description="Pieces of clothing: 70,000 grey pictures of 28 x 28 pixels.",
    splits=(
        "test: the 10,000 t10k pictures; validation: every 12th of the 60,000 training pictures "
        "(number % 12 == 11, 5,000); train: the other 55,000."
    ),
    homepage="https://github.com/zalandoresearch/fashion-mnist",
    licence="MIT",
    citation=(
        "H. Xiao, K. Rasul, R. Vollgraf. Fashion-MNIST: a Novel Image Dataset for Benchmarking "
        "Machine Learning Algorithms. arXiv:1708.07747, 2017."
    ),
    labels=(
        "T-shirt/top",
        "Trouser",
        "Pullover",
        "Dress",
        "Coat",
        "Sandal",
        "Shirt",
        "Sneaker",
        "Bag",
        "Ankle boot",
    ),
)

_FOLDERS = (
    "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist"
    "/b2617bb6d3ffa2e429640350f613e3291e10b141/data/fashion",
    "https://storage.googleapis.com/tensorflow/tf-keras-datasets",
)


def _file(name: str, size: int, sha256: str) -> Artifact:
    sources = (f"{at}/{name}.gz" for at in _FOLDERS)
    return data_file(f"fashion-mnist/{name}", size, sha256, *sources)


FILES = (
    _file(
        "train-images-idx3-ubyte",
        47040016,
        "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
    ),
    _file(
        "train-labels-idx1-ubyte",
        60008,
        "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
    ),
    _file(
        "t10k-images-idx3-ubyte",
        7840016,
        "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
    ),
    _file(
        "t10k-labels-idx1-ubyte",
        10008,
        "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
    ),
)


def load(read: Read) -> Dataset:
    """Pictures as uint8 (n, 28, 28), labels as int64 (n,)."""
    return load_pictures(ABOUT, FILES, read)
