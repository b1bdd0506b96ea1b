from __future__ import annotations

from pathlib import Path

import pytest

from zoo.addresses import HubAddress, is_address, parse_address, split_address
from zoo.errors import ConfigError

PIN = "0123456789abcdef" * 4


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("https://example.org/hub", "https://example.org/hub"),
        ("https://example.org/hub/", "https://example.org/hub"),
        ("HTTPS://example.org", "https://example.org"),
        ("http://[::1]:8000/hub", "http://[::1]:8000/hub"),
        ("hf://me/weights", "hf://me/weights@main"),
        ("hf://me/weights@v1", "hf://me/weights@v1"),
        ("https://example.org/me/hub@v1/", "https://example.org/me/hub@v1"),
        ("hf://me/my.weights-2@0123abc/", "hf://me/my.weights-2@0123abc"),
        ("/srv/hub/", "/srv/hub"),
        ("file:///srv/my%20hub", "/srv/my hub"),
        ("file://localhost/srv/hub", "/srv/hub"),
    ],
)
def test_places(text: str, place: str) -> None:
    assert parse_address(text) == HubAddress(place)
    assert parse_address(f"{text}#sha256={PIN}") == HubAddress(place, PIN)
    assert parse_address(str(HubAddress(place, PIN))) == HubAddress(place, PIN)


def test_folders_are_those_of_now(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert parse_address("hub").place == str(tmp_path / "hub")
    assert parse_address("./hub/../other").place == str(tmp_path / "other")
    assert parse_address("~/hub").place == str(tmp_path / "home" / "hub")
    assert not parse_address("hub").is_remote
    assert parse_address("hf://me/weights").is_remote


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("lenet.mnist", (None, "lenet.mnist")),
        ("gluoncv/resnet18_v1", (None, "gluoncv/resnet18_v1")),
        ("", (None, "")),
        ("/srv/hub::lenet", (HubAddress("/srv/hub"), "lenet")),
        ("/srv/hub", (HubAddress("/srv/hub"), "")),
        ("hf://me/weights::lenet.own", (HubAddress("hf://me/weights@main"), "lenet.own")),
        (f"hf://me/w@v1#sha256={PIN}::lenet", (HubAddress("hf://me/w@v1", PIN), "lenet")),
        ("http://[::1]:80/hub", (HubAddress("http://[::1]:80/hub"), "")),
        ("http://[::1]:80/hub::lenet", (HubAddress("http://[::1]:80/hub"), "lenet")),
        ("https://example.org/hub::*.mnist", (HubAddress("https://example.org/hub"), "*.mnist")),
        ("https://example.org/h::[lm]e*", (HubAddress("https://example.org/h"), "[lm]e*")),
        ("http://[::1]:80/hub::[lm]*", (HubAddress("http://[::1]:80/hub"), "[lm]*")),
        ("/srv/hub::[lm]*", (HubAddress("/srv/hub"), "[lm]*")),
        ("/srv/h[u]b]::lenet", (HubAddress("/srv/h[u]b]"), "lenet")),
    ],
)
def test_a_record_is_named_after_the_address(
    name: str, expected: tuple[HubAddress | None, str]
) -> None:
    assert split_address(name) == expected
    assert is_address(name) is (expected[0] is not None)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("https://example.org/hub#sha256=0123", "64 lower-case hex digits"),
        (f"https://example.org/hub#sha256={PIN.upper()}", "64 lower-case hex digits"),
        (f"https://example.org/hub#sha512={PIN}", "64 lower-case hex digits"),
        (f"https://example.org/hub#{PIN}", "64 lower-case hex digits"),
        (f"https://example.org/hub#sha256={PIN}#", "64 lower-case hex digits"),
        ("https://example.org/hub#", "64 lower-case hex digits"),
        ("https://me:secret@example.org/hub", "a user name or a password"),
        ("https://example.org/hub?token=secret", "it holds a query"),
        ("https://example.org/hub?token=secret#abc", "64 lower-case hex digits"),
        ("https://me:secret@example.org/hub#sha256=abc", "64 lower-case hex digits"),
        ("https://me:secret@example.org:port/hub", "a user name or a password"),
        ("https://me:secret@example.org/\x1b[31m", "control character"),
        ("https://me:secret/1@example.org/hub", "a user name or a password"),
        ("https://me:12/secret@example.org/hub", "a user name or a password"),
        ("https://me:12?secret@example.org/hub", "a user name or a password"),
        ("https://me:secret?1@example.org/hub", "a user name or a password"),
        ("https://me:secret#1@example.org/hub", "64 lower-case hex digits"),
        ("HTTPS://me:secret#1@example.org/hub", "64 lower-case hex digits"),
        ("ftp://me:12/secret@example.org/hub", "not https, http, file or hf"),
        ("ftp://example.org/hub", "not https, http, file or hf"),
        ("https:///hub", "it names no host"),
        ("https://[::1/hub", "not an address"),
        ("https://example.org:port/hub", "not an address"),
        ("hf://weights", "hf://owner/repo"),
        ("hf://me/weights/more", "hf://owner/repo"),
        ("hf://me/weights@feature/x", "hf://owner/repo"),
        ("hf://me/../x@v1", "hf://owner/repo"),
        ("hf://me/..", "hf://owner/repo"),
        ("file://server/hub", "file:///folder"),
        ("file:///srv/h%00b", "it is not an address"),
        ("https://example.org/\x1b[31m", "control character"),
        (" ", "it is empty"),
    ],
)
def test_what_is_no_address(text: str, reason: str) -> None:
    with pytest.raises(ConfigError, match=reason) as caught:
        parse_address(text)
    assert "secret" not in str(caught.value)
    assert str(caught.value).isprintable()


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("https://me:secret@example.org/hub#abc", "https://example.org/hub"),
        ("https://me:secret/1@example.org/hub", "https://..."),
        ("https://example.org/me/hub@v1#abc", "https://example.org/me/hub@v1"),
        ("https://example.org:port/hub", "https://example.org:port/hub"),
        ("hf://me/weights@v1#abc", "hf://me/weights@v1"),
        ("hf://weights@v1", "hf://weights@v1"),
        ("file:///srv/me@home/hub#abc", "file:///srv/me@home/hub"),
        ("./hub#abc", "./hub#abc"),
    ],
)
def test_what_a_refusal_shows_of_an_address(text: str, shown: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_address(text)
    assert str(caught.value).startswith(f"{shown!r} is not the address of a hub: ")
