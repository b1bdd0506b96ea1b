"""What other libraries say, in one line."""

from __future__ import annotations

import pytest

from zoo.onnx.reasons import in_one_line

TRACEBACK = 'Traceback (most recent call last):\n  File "../src/x.cc", line 93\n'


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("all of it", "all of it."),
        ("a sentence.\n", "a sentence."),
        (
            f"{TRACEBACK}MXNetError: Check failed: 2 vs. 3 : \n",
            "MXNetError: Check failed: 2 vs. 3.",
        ),
        (
            "Error in fc: [1:2] x.cc:93\nStack trace:\n  [bt] (0) libmxnet.so",
            "Error in fc: [1:2] x.cc:93.",
        ),
        ("the reason\n==> Context: Bad node", "the reason."),
        ("", "ValueError('')."),
    ],
)
def test_the_last_line_that_says_something(text: str, line: str) -> None:
    assert in_one_line(ValueError(text)) == line
