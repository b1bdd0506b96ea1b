"""California housing: the median house value of 20,640 census block groups, 1990.

The columns are those of the StatLib file, in its units: rooms, bedrooms, population and
households are totals of the block group. (scikit-learn divides the first three by the households.)
"""

from __future__ import annotations

import numpy as np

from zoo.data import splits
from zoo.data.dataset import About, Dataset, Read, Split
from zoo.data.files import data_file, digests
from zoo.errors import DataError

ABOUT = About(
    name="california_housing",
    task="tabular-regression",
    description=(
        "20,640 census block groups of California, 1990: eight figures each, and the median house "
        "value in units of 100,000 dollars (cut off at 500,001 dollars)."
    ),
    splits=(
        "no official one, and the file is in geographic order. Rows (from 0) in the order of "
        "sha256('california_housing:<row>'): the first fifth is test (4,128), the next tenth "
        "validation (2,064), the rest train (14,448), each in the file's order."
    ),
    homepage="https://www.dcc.fc.up.pt/~ltorgo/Regression/cal_housing.html",
    licence="unclear (StatLib states none; aggregates of the US census)",
    citation=(
        "R. K. Pace, R. Barry. Sparse Spatial Autoregressions. Statistics and Probability "
        "Letters 33 (1997) 291-297."
    ),
    labels=("100,000 dollars",),
    features=(
        "longitude",
        "latitude",
        "housing_median_age",
        "total_rooms",
        "total_bedrooms",
        "population",
        "households",
        "median_income",
    ),
)

FILES = (
    data_file(
        "california-housing/cal_housing.data",
        2071484,
        "a2b44dcc7e1c9091b43c4f458b25cbd1f7e8068d08edd26bc4703108d3fa6214",
        "https://www.dcc.fc.up.pt/~ltorgo/Regression/cal_housing.tgz"
        "#CaliforniaHousing/cal_housing.data",
        "https://ndownloader.figshare.com/files/5976036#CaliforniaHousing/cal_housing.data",
    ),
)

_COLUMNS = 9
_DOLLARS = 100_000


def load(read: Read) -> Dataset:
    """Features as float32 (n, 8) in the file's units, targets float32 (n,) in 100,000 dollars."""
    every_row = rows(read(FILES[0]), FILES[0].file)
    order = splits.shuffled(len(every_row), ABOUT.name)
    test, validation, train = np.split(order, [len(order) * 2 // 10, len(order) * 3 // 10])
    return Dataset(
        ABOUT,
        train=every_row.rows(np.sort(train)),
        validation=every_row.rows(np.sort(validation)),
        test=every_row.rows(np.sort(test)),
        digests=digests(FILES),
    )


def rows(data: bytes, file: str) -> Split:
    """A split of all lines, nine numbers each. Raises DataError with the line's number."""
    lines = data.removesuffix(b"\n").split(b"\n")
    table = np.array([_numbers(line, at, file) for at, line in enumerate(lines, 1)])
    return Split(table[:, :-1].astype(np.float32), (table[:, -1] / _DOLLARS).astype(np.float32))


def _numbers(line: bytes, at: int, file: str) -> list[float]:
    try:
        numbers = [float(cell) for cell in line.split(b",")]
    except ValueError as error:
        raise DataError(f"line {at} of {file} is not numeric: {line[:60]!r}") from error
    if len(numbers) != _COLUMNS or not (np.abs(numbers) <= np.finfo(np.float32).max).all():
        raise DataError(f"line {at} of {file} is not nine finite numbers: {line[:60]!r}")
    return numbers
