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
_LITERAL_HOST = re.compile(r"[^:/]+://\[[^]]*\]")  # IPv6, which may hold the separator
_HOST_PATH_REST = re.compile(r"([^/?#]*)([^?#]*)(.*)", re.DOTALL)


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
    host = _LITERAL_HOST.match(text)
    begin = host.end() if host else 0
    address, _, name = text[begin:].partition(SEPARATOR)
    return parse_address(text[:begin] + address), name


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
    host, _, path = place.split("://", 1)[1].partition("/")
    if scheme in ("https", "http") and ("@" in host or (":" in host and "@" in path)):
        raise _refusal(place, "it holds a user name or a password")
    parts = _parts(place)
    if parts.query:
        raise _refusal(place, "it holds a query")
    if scheme == "hf":
        return HubAddress(_repository(place), pin)
    if scheme == "file":
        return HubAddress(_folder(place), pin)
    if scheme not in ("https", "http"):
        raise _refusal(place, "its scheme is not https, http, file or hf")
    if not parts.hostname:
        raise _refusal(place, "it names no host")
    return HubAddress(f"{scheme}://{place.split('://', 1)[1].rstrip('/')}", pin)


def shown_address(address: str) -> str:
    """The address for messages: no password or what may be a part of one, no query.

    An unescaped '/', '?' or '#' in a password ends the host, so that its '@' comes after that.
    """
    scheme, mark, rest = address.partition("://")
    kind = scheme.lower()
    found = _HOST_PATH_REST.fullmatch(rest)
    if mark and found:
        host, path, tail = found.groups()
        host = host if kind == "hf" else host.rpartition("@")[2]
        secret = ":" in host and "@" in path + tail and kind not in ("hf", "file")
        address = f"{scheme}://{'...' if secret else host + path}"
    return re.sub(r"[\x00-\x1f\x7f]", "?", address)


def file_path(address: str) -> str:
    """The path that a file: address means. Raises ValueError that says what is wrong with it."""
    try:
        parts = urlsplit(address)
    except ValueError:
        raise ValueError("not an address") from None
    if parts.netloc not in ("", "localhost"):
        raise ValueError("a file: address with a host: write file:///folder")
    path = url2pathname(parts.path) if os.name == "nt" else unquote(parts.path)
    if "\0" in path:
        raise ValueError("not an address")
    return path


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
        raise _refusal(text, "after '#' stands sha256= and 64 lower-case hex digits, or nothing")
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
    try:
        return str(Path(os.path.abspath(file_path(place))))
    except ValueError as error:
        raise _refusal(place, f"it is {error}") from None


def _refusal(place: str, reason: str) -> ConfigError:
    shown = shown_address(place)[:200]
    return ConfigError(f"{shown!r} is not the address of a hub: {reason}. See docs/hubs.md.")
