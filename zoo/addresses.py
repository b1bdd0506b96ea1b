"""A hub's address as people write it, and one of its records named after it: `ADDRESS::NAME`."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import SplitResult, unquote, urlsplit
from urllib.request import url2pathname

from zoo.errors import ConfigError

SEPARATOR = "::"
_PIN = re.compile(r"sha256=([0-9a-f]{64})")
_REPOSITORY = re.compile(
    r"([\w-][\w.-]{0,95}/[\w-][\w.-]{0,95})(?:@([\w-][\w.-]{0,99}))?", re.ASCII
)
_FOLDER = re.compile(r"[./~\\]|[A-Za-z]:[\\/]")


@dataclass(frozen=True)
class HubAddress:
    """Where a hub is: `place` is an absolute folder, an http(s) address or `hf://owner/repo@x`.

    `pin` is the sha256 that its manifest must have, or nothing.
    """

    place: str
    pin: str = ""

    @property
    def is_remote(self) -> bool:
        """Whether reaching it needs the network."""
        return "://" in self.place

    def __str__(self) -> str:
        return f"{self.place}#sha256={self.pin}" if self.pin else self.place


def is_address(text: str) -> bool:
    """Whether a name is not one of the default hub's: it begins with an address or a folder."""
    return "://" in text or SEPARATOR in text or _FOLDER.match(text) is not None


def split_address(text: str) -> tuple[HubAddress | None, str]:
    """`ADDRESS::NAME` as address and name; no address for a plain name, no name for an address.

    Raises ConfigError.
    """
    if not is_address(text):
        return None, text
    bracket = text.rfind("]") + 1  # of an IPv6 host, which may hold the separator
    address, _, name = text[bracket:].partition(SEPARATOR)
    return parse_address(text[:bracket] + address), name


def parse_address(text: str) -> HubAddress:
    """A folder, `file:`, `https:`, `http:` or `hf://owner/repo[@revision]`, with `#sha256=` or not.

    Raises ConfigError.
    """
    place, pin = _split_pin(text)
    if re.search(r"[\x00-\x1f\x7f]", place) or not place.strip():
        raise _refusal(place, "it is empty or holds a control character")
    scheme = place.split("://", 1)[0].lower() if "://" in place else ""
    if scheme == "":
        return HubAddress(str(Path(os.path.abspath(expanded(place)))), pin)
    parts = _parts(place)
    if "@" in parts.netloc and scheme != "hf":
        raise _refusal(f"{scheme}://...", "it holds a user name or a password")
    if parts.query:
        raise _refusal(place.partition("?")[0], "it holds a query")
    if scheme == "hf":
        return HubAddress(_repository(place), pin)
    if scheme == "file":
        return HubAddress(_folder(place), pin)
    if scheme not in ("https", "http"):
        raise _refusal(place, "its scheme is not https, http, file or hf")
    if not parts.hostname:
        raise _refusal(place, "it names no host")
    return HubAddress(f"{scheme}://{place.split('://', 1)[1].rstrip('/')}", pin)


def expanded(folder: str | Path) -> Path:
    """The folder with `~` as the home it means. Raises ConfigError where there is no such home."""
    try:
        return Path(folder).expanduser()
    except RuntimeError:
        raise ConfigError(
            f"{str(folder)!r} names the home folder of nobody here: write the whole path."
        ) from None


def _split_pin(text: str) -> tuple[str, str]:
    place, mark, pin = text.partition("#")
    if not mark:
        return place, ""
    if not _PIN.fullmatch(pin):
        raise _refusal(place, "after '#' stands sha256= and 64 lower-case hex digits, or nothing")
    return place, pin.removeprefix("sha256=")


def _parts(place: str) -> SplitResult:
    try:
        parts = urlsplit(place)
        _ = parts.port
    except ValueError:
        raise _refusal(place, "it is not an address") from None
    return parts


def _repository(place: str) -> str:
    found = _REPOSITORY.fullmatch(place.split("://", 1)[1].rstrip("/"))
    if found is None or ".." in place:
        raise _refusal(place, "write hf://owner/repo or hf://owner/repo@revision")
    return f"hf://{found[1]}@{found[2] or 'main'}"


def _folder(place: str) -> str:
    parts = urlsplit(place)
    if parts.netloc not in ("", "localhost"):
        raise _refusal(place, "a file: address has no host: write file:///folder")
    path = url2pathname(parts.path) if os.name == "nt" else unquote(parts.path)
    return str(Path(os.path.abspath(path)))


def _refusal(place: str, reason: str) -> ConfigError:
    shown = re.sub(r"[\x00-\x1f\x7f]", "?", place)[:200]
    return ConfigError(f"{shown!r} is not the address of a hub: {reason}. See docs/hubs.md.")
