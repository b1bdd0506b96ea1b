"""Strict JSON: what is read, and the reason for what is not."""

from __future__ import annotations

from typing import Any

import pytest

from zoo import strict_json


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (
            b'{"a": [1, 2.5, null, true], "b": {"a": "x"}}',
            {"a": [1, 2.5, None, True], "b": {"a": "x"}},
        ),
        (b"1e308", 1e308),
        ('"\u2013"'.encode(), "\u2013"),
    ],
)
def test_documents(content: bytes, expected: Any) -> None:
    assert strict_json.parse(content) == expected


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b'{"a": 1, "b": 2, "b": 3}', "the key 'b' occurs twice"),
        (b'[{"c": {"a": 1, "a": 1}}]', "the key 'a' occurs twice"),
        (b"NaN", "NaN is not a finite number"),
        (b"[-Infinity]", "-Infinity is not a finite number"),
        (b"1e999", "1e999 is not a finite number"),
        (b"[" + b"1" * 400 + b"]", "1111 is not a finite number"),
        (b"[" * 100_000, "nested too deeply"),
        *((b"[" * depth + b"]" * depth, "nested too deeply") for depth in (102, 980, 1100, 20_000)),
        (b'{"a":' * 990 + b"1" + b"}" * 990, "nested too deeply"),
        (b"\xff", "can't decode byte 0xff"),
        (b"\xef\xbb\xbf{}", "Unexpected UTF-8 BOM|Expecting value"),
        (b"{} {}", "Extra data"),
    ],
)
def test_refusals(content: bytes, reason: str) -> None:
    with pytest.raises(ValueError, match=reason) as caught:
        strict_json.parse(content)
    assert len(str(caught.value)) < 200


@pytest.mark.parametrize(
    ("content", "reason"),
    [(b" " * 101, "longer than 100 bytes"), (b"[0,0,0,0,0,0]", "more than 5 values")],
)
def test_bounds(content: bytes, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        strict_json.parse(content, most_bytes=100, most_parts=5)
