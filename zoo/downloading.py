"""HTTP with an end to every wait, and with no word of the server believed."""

from __future__ import annotations

import http
import ipaddress
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import urljoin, urlsplit

CONNECT_SECONDS = 10.0
SILENCE_SECONDS = 15.0
_GRACE_SECONDS = 30.0
_SLOWEST = 1024
_MOST_REDIRECTS = 5
_LONGEST_PAUSE = 20.0
_CHUNK = 1 << 16
_REDIRECTS = (301, 302, 303, 307, 308)
_PRIVATE_ENDINGS = (".localhost", ".local", ".lan", ".internal", ".home.arpa", ".test")


class SourceError(Exception):
    """One source did not give the file: why, and whether asking again may help."""

    def __init__(
        self, reason: str, *, retry: bool = False, missing: bool = False, pause: float = 0.0
    ) -> None:
        super().__init__(reason)
        self.retry = retry
        self.missing = missing
        self.pause = pause


def http_chunks(url: str) -> Iterator[bytes]:
    """The body at `url` in pieces of at most 64 KiB, as stored there. Raises SourceError.

    Proxies and certificate bundles come from the environment, credentials never do.
    """
    import requests
    import urllib3

    try:
        with requests.Session() as session, _answer(session, url) as response:
            yield from _body(response.raw)
    except requests.exceptions.SSLError as error:
        raise SourceError(f"TLS refused: {_cause(error)}") from None
    except ValueError:
        raise SourceError("not an address") from None
    except requests.exceptions.ProxyError as error:
        raise SourceError(f"the proxy failed: {_cause(error)}", retry=True) from None
    except requests.exceptions.ConnectTimeout:
        raise SourceError(f"no connection within {CONNECT_SECONDS:.0f} s", retry=True) from None
    except (requests.exceptions.ReadTimeout, urllib3.exceptions.ReadTimeoutError):
        raise SourceError(f"silent for {SILENCE_SECONDS:.0f} s", retry=True) from None
    except (requests.exceptions.ConnectionError, urllib3.exceptions.HTTPError, OSError) as error:
        raise SourceError(f"connection failed: {_cause(error)}", retry=True) from None


def _answer(session: Any, url: str) -> Any:
    """The response with status 200, after redirects; each hop is checked, none gets credentials."""
    session.auth = lambda request: request
    session.headers["Accept-Encoding"] = "identity"
    for _ in range(_MOST_REDIRECTS + 1):
        _check_url(url)
        response = session.get(
            url, stream=True, allow_redirects=False, timeout=(CONNECT_SECONDS, SILENCE_SECONDS)
        )
        if response.status_code not in _REDIRECTS:
            _check_status(response)
            return response
        response.close()
        url = _redirected(url, response.headers.get("Location", ""))
    raise SourceError(f"more than {_MOST_REDIRECTS} redirects")


def _check_url(url: str) -> None:
    try:
        parts = urlsplit(url)
        host, credentials = parts.hostname or "", "@" in parts.netloc
    except ValueError:
        raise SourceError("not an address") from None
    if credentials:
        raise SourceError("an address with a user name or password is not used: remove it")
    if not host or parts.scheme not in ("https", "http"):
        raise SourceError("not an https address")
    if parts.scheme == "http" and not _is_private(host):
        raise SourceError("plain http is only for loopback and private hosts: use https")


def _is_private(host: str) -> bool:
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return "." not in host or host.lower().endswith(_PRIVATE_ENDINGS)
    return address.is_private or address.is_loopback


def _check_status(response: Any) -> None:
    status = response.status_code
    if status == 200:
        return
    response.close()
    known = {one.value: one.phrase for one in http.HTTPStatus}
    reason = f"{status} {known.get(status, '')}".strip()
    retry = status in (408, 429) or status >= 500
    pause = _retry_after(response.headers.get("Retry-After", "")) if retry else 0.0
    if pause > _LONGEST_PAUSE:
        raise SourceError(f"{reason}, asks to wait {pause:.0f} s")
    raise SourceError(reason, retry=retry, missing=status in (404, 410), pause=pause)


def _retry_after(value: str) -> float:
    return float(value) if value.isascii() and value.isdigit() and len(value) < 10 else 0.0


def _redirected(url: str, location: str) -> str:
    try:
        target = urljoin(url, location)
        secure, scheme = urlsplit(url).scheme == "https", urlsplit(target).scheme
    except ValueError:
        raise SourceError("redirected to no address") from None
    if secure and scheme == "http":
        raise SourceError("redirected from https to http: refused")
    if scheme not in ("https", "http"):
        raise SourceError("redirected to something other than https: refused")
    return target


def _body(raw: Any) -> Iterator[bytes]:
    start, taken = time.monotonic(), 0
    while chunk := raw.read1(_CHUNK, decode_content=False):
        taken += len(chunk)
        if time.monotonic() - start > _GRACE_SECONDS + taken / _SLOWEST:
            raise SourceError(f"slower than {_SLOWEST} bytes a second")
        yield chunk


def _cause(error: BaseException) -> str:
    """The innermost reason in words of this machine, without any address."""
    seen: list[BaseException] = []
    pending: list[Any] = [error]
    while pending:
        one = pending.pop()
        if not isinstance(one, BaseException) or one in seen:
            continue
        seen.append(one)
        pending += [one.__context__, one.__cause__, getattr(one, "reason", None), *one.args]
    for one in reversed(seen):
        words = getattr(one, "verify_message", None) or getattr(one, "strerror", None)
        if words:
            return str(words)[:200]
    return type(seen[-1]).__name__
