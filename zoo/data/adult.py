"""Adult (census income) in LIBSVM's a9a form: more than 50,000 dollars a year or not."""

from __future__ import annotations

import re

import numpy as np

from zoo.data import splits
from zoo.data.dataset import About, Dataset, Read, Split
from zoo.data.files import data_file, digests
from zoo.errors import DataError

ABOUT = About(
    name="adult",
    task="tabular-classification",
    description=(
        "48,842 people of the US census of 1994, each as 123 yes-or-no features (LIBSVM's a9a: "
        "numbers cut into five ranges, one feature per category)."
    ),
    splits=(
        "test: the 16,281 rows of a9a.t; validation: every 10th of the 32,561 rows of a9a "
        "(number % 10 == 9, 3,256); train: the other 29,305."
    ),
    homepage="https://www.csie.ntu.edu.tw/~cjlin/libsvmtools/datasets/binary.html",
    licence="unclear for LIBSVM's form; CC BY 4.0 for Adult (UCI)",
    citation=(
        "R. Kohavi. Scaling Up the Accuracy of Naive-Bayes Classifiers: a Decision-Tree Hybrid. "
        "KDD 1996. J. Platt. Fast training of support vector machines using SMO, 1998. "
        "C.-C. Chang, C.-J. Lin. LIBSVM. ACM TIST 2(3), 2011."
    ),
    labels=("<=50K", ">50K"),
)

_LIBSVM = "https://www.csie.ntu.edu.tw/~cjlin/libsvmtools/datasets/binary"

FILES = (
    data_file(
        "adult-libsvm/a9a",
        2329875,
        "f5d5ffd8d865ff41328e7ee043e4b020816914ff6843ff15b98905ddbedce906",
        f"{_LIBSVM}/a9a",
        "https://raw.githubusercontent.com/zhengruifeng/SparkGBM"
        "/600ffe911864d746ec06940d98cd1232c4253bad/data/a9a",
    ),
    data_file(
        "adult-libsvm/a9a.t",
        1164628,
        "1f448a153f0320399a7e40836eb207655b0bde0f21fc941cc472193daa9f5de9",
        f"{_LIBSVM}/a9a.t",
    ),
)

_FEATURES = 123
_ROW = re.compile(rb"[+-]1(?: [1-9]\d{0,2}:1)* ?")


def load(read: Read) -> Dataset:
    """Features as float32 (n, 123) of 0 and 1, targets as int64 (n,): 1 for more than 50,000."""
    known, test = (rows(read(file), file.file) for file in FILES)
    held_out = splits.every(len(known), 10)
    return Dataset(
        ABOUT,
        train=known.rows(~held_out),
        validation=known.rows(held_out),
        test=test,
        digests=digests(FILES),
    )


def rows(data: bytes, file: str) -> Split:
    """A split from lines such as `-1 3:1 11:1 14:1`. Raises DataError with the line's number."""
    lines = data.removesuffix(b"\n").split(b"\n")
    for number, line in enumerate(lines, 1):
        if not _ROW.fullmatch(line):
            raise DataError(f"line {number} of {file} is not `+1 3:1 11:1 ...`: {line[:40]!r}")
    row = np.repeat(np.arange(len(lines)), [line.count(b":") for line in lines])
    column = np.array(re.findall(rb"(\d+):", data), "S3").astype(np.int64)
    if column.size and column.max() > _FEATURES:
        number = int(row[column.argmax()]) + 1
        raise DataError(f"line {number} of {file} has feature {column.max()}, must be 1 to 123")
    inputs = np.zeros((len(lines), _FEATURES), np.float32)
    inputs[row, column - 1] = 1
    return Split(inputs, np.array([line.startswith(b"+") for line in lines], np.int64))
