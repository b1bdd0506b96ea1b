from __future__ import annotations

import pytest

from zoo.strict_json import parse


def _parse(content: bytes) -> object:
    return parse(content, most_bytes=100, most_parts=5)


def test_a_document() -> None:
    assert _parse(b'{"a": [1, 2.5, "x"], "b": null}') == {"a": [1, 2.5, "x"], "b": None}


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b'{"a": 1, "b": 2, "a": 3}', "the key 'a' occurs twice"),
        (b"[1e999]", "1e999 is not a finite number"),
        (b"[NaN]", "NaN is not a finite number"),
        (b" " * 101, "longer than 100 bytes"),
        (b"[0,0,0,0,0,0]", "more than 5 values"),
        (b"\xef\xbb\xbf{}", "BOM"),
        (b"[\xff]", "codec can't decode"),
        (b"[", "Expecting value"),
    ],
)
def test_refusals(content: bytes, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        _parse(content)


def test_depth() -> None:
    with pytest.raises(ValueError, match="nested too deeply"):
        parse(b"[" * 100_000, most_bytes=1 << 20, most_parts=1 << 20)
