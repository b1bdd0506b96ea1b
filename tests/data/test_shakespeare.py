from __future__ import annotations

import numpy as np
import pytest

from zoo.data import shakespeare
from zoo.errors import DataError


def test_the_published_text(dataset):
    data = dataset("shakespeare")
    streams = (data.train, data.validation, data.test)
    assert [len(stream) for stream in streams] == [892_315, 111_539, 111_540]
    assert all(stream.dtype == np.int32 and not stream.flags.writeable for stream in streams)
    assert len(data.vocabulary) == 65
    assert list(data.vocabulary.tokens) == sorted(data.vocabulary.tokens)
    assert (data.vocabulary.unknown, data.level) == (None, "character")


def test_the_streams_are_the_text(dataset):
    data = dataset("shakespeare")
    start = "".join(data.vocabulary.decode(data.train[:30]))
    end = "".join(data.vocabulary.decode(data.test[-24:]))
    assert start == "First Citizen:\nBefore we proce"
    assert end == "Whiles thou art waking.\n"


@pytest.mark.parametrize(
    ("data", "message"),
    [(b"", "input.txt is empty"), ("Hémon".encode(), "input.txt is not ASCII at byte 1")],
)
def test_load_refuses_other_files(data, message):
    with pytest.raises(DataError, match=message):
        shakespeare.load(lambda artifact: data)


def test_load_cuts_at_eight_and_nine_tenths():
    data = shakespeare.load(lambda artifact: b"abcdefghijklmno")
    assert [stream.tolist() for stream in (data.validation, data.test)] == [[12], [13, 14]]
