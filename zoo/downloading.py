"""HTTP with an end to every wait, and with no word of the server believed."""

from __future__ import annotations

import contextlib
import email.utils
import http
import ipaddress
import re
import ssl
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin, urlsplit
from urllib.request import getproxies

if TYPE_CHECKING:
    from zoo.connections import Watch

CONNECT_SECONDS = 10.0
SILENCE_SECONDS = 15.0
ANSWER_SECONDS = 30.0
RATE_SECONDS = 30.0
SLOWEST = 1024
OVERTIME = "not done within the time for a file of this size"
LONGEST_PAUSE = 20.0
_MOST_REDIRECTS = 5
_CHUNK = 1 << 16
_REDIRECTS = (301, 302, 303, 307, 308)
_PRIVATE_ENDINGS = (".localhost", ".local", ".lan", ".internal", ".home.arpa", ".test")
_RANGE = re.compile(r"bytes (\d{1,15})-(\d{1,15})/(\d{1,15}|\*)")
_TOKEN = re.compile(r"[\x21-\x7e]+")
_STRONG_VALIDATOR = re.compile(r'"[\x21\x23-\x7e]{0,250}"|\w{3}, [\w :]{15,40} GMT', re.ASCII)


class SourceError(Exception):
    """One source did not give the file: why, and what may help.

    `retry`: asking again. `restart`: asking for the whole file instead of the rest.
    `missing`: the source does not have it. `absent`: so it seems, by how a bucket answers too that
    does not tell what it has. `pause`: seconds that it asks to wait. `down`: it says nothing of the
    file now, but may later.
    """

    def __init__(
        self,
        reason: str,
        *,
        retry: bool = False,
        restart: bool = False,
        missing: bool = False,
        absent: bool = False,
        pause: float = 0.0,
        down: bool = False,
    ) -> None:
        super().__init__(reason)
        self.retry = retry
        self.restart = restart
        self.missing = missing
        self.absent = absent or missing
        self.pause = pause
        self.down = down or retry


class Body:
    """The bytes of a file from position `start` on, in pieces of at most 64 KiB.

    `validator` is what the server calls this version of the file, or nothing. Iterating raises
    SourceError.
    """

    def __init__(self, chunks: Iterator[bytes], start: int = 0, validator: str = "") -> None:
        self.start = start
        self.validator = validator
        self._chunks = chunks

    def __iter__(self) -> Iterator[bytes]:
        return self._chunks

    def __enter__(self) -> Body:
        return self

    def __exit__(self, *_: object) -> None:
        close = getattr(self._chunks, "close", None)
        if close is not None:
            close()


def open_url(
    url: str,
    *,
    start: int = 0,
    validator: str = "",
    token: str | None = None,
    until: float | None = None,
    public: bool = False,
) -> Body:
    """The body at `url` as stored there, from `start` on where the server can. Raises SourceError.

    With `validator` the rest is only asked for of that version. `token` goes to the address's own
    origin and nowhere else. `until` is the end of all waiting, on the monotonic clock. `public`
    refuses names and addresses of private hosts, redirects to them too. Proxies and certificate
    bundles come from the environment, credentials never do.
    """
    from zoo.connections import Watch, watched_session

    if token and not _TOKEN.fullmatch(token):
        raise SourceError("the token holds a character that no token has")
    end = time.monotonic() + 1e6 if until is None else until
    with contextlib.ExitStack() as stack:
        watch = Watch()
        stack.callback(watch.close)
        with _told(watch):
            session = stack.enter_context(watched_session(watch))
            headers = _range(start, validator)
            response = _answer(session, watch, url, headers, token, end, public)
            stack.callback(response.close)
            found = _start(response, start)
        chunks = _chunks(response, watch, end, stack.pop_all())
        next(chunks)
        return Body(chunks, found, _validator(response))


def _chunks(
    response: Any, watch: Watch, end: float, stack: contextlib.ExitStack
) -> Iterator[bytes]:
    with stack, _told(watch):
        yield b""
        yield from _body(response.raw, watch, end)


@contextlib.contextmanager
def _told(watch: Watch) -> Iterator[None]:
    """Turn whatever the connection raises into a SourceError."""
    import requests
    import urllib3

    try:
        yield
    except SourceError:
        raise
    except (requests.RequestException, urllib3.exceptions.HTTPError, OSError, ValueError) as error:
        raise _reason(error, watch.complaint) from None


def _reason(error: Exception, complaint: str) -> SourceError:
    from requests import exceptions
    from urllib3.exceptions import ReadTimeoutError

    if complaint:
        return SourceError(complaint, down=True)
    if isinstance(error, exceptions.SSLError) and not _is_closed(error):
        return SourceError(f"TLS refused: {_cause(error)}")
    if isinstance(error, exceptions.ProxyError):
        return SourceError(f"the proxy failed: {_cause(error)}", retry=True)
    if isinstance(error, exceptions.ConnectTimeout):
        return SourceError(f"no connection within {CONNECT_SECONDS:.0f} s", retry=True)
    if isinstance(error, exceptions.ReadTimeout | ReadTimeoutError):
        return SourceError(f"silent for {SILENCE_SECONDS:.0f} s", retry=True)
    if isinstance(error, exceptions.InvalidSchema):
        return SourceError("the proxy in the environment needs SOCKS: pip install pysocks")
    if isinstance(error, ValueError):
        proxy = ", or the proxy in the environment is none" if getproxies() else ""
        return SourceError(f"not an address{proxy}")
    if type(error) is OSError and "certificate bundle" in str(error):
        return SourceError("REQUESTS_CA_BUNDLE or CURL_CA_BUNDLE names nothing that is there")
    return SourceError(f"connection failed: {_cause(error)}", retry=True)


def _is_closed(error: Exception) -> bool:
    """Whether the connection just ended, in the midst of TLS."""
    ends = (ssl.SSLEOFError, ssl.SSLZeroReturnError)
    return any(isinstance(one, ends) for one in _causes(error))


def _answer(
    session: Any,
    watch: Watch,
    url: str,
    headers: dict[str, str],
    token: str | None,
    end: float,
    public: bool,
) -> Any:
    """The response with status 200 or 206, after redirects; each hop is checked."""
    home = _origin(url)
    for _ in range(_MOST_REDIRECTS + 1):
        _check_url(url)
        if public and not is_public(urlsplit(url).hostname or ""):
            raise SourceError("a private host, to which a stranger's address leads: refused")
        credentials = {"Authorization": f"Bearer {token}"} if token and _is_home(url, home) else {}
        _allow(watch, ANSWER_SECONDS, f"no answer within {ANSWER_SECONDS:.0f} s", end)
        response = session.get(
            url,
            headers=headers | credentials,
            stream=True,
            allow_redirects=False,
            timeout=(CONNECT_SECONDS, SILENCE_SECONDS),
        )
        if response.status_code not in _REDIRECTS:
            _check_status(response)
            return response
        response.close()
        url = _redirected(url, response.headers.get("Location", ""))
    raise SourceError(f"more than {_MOST_REDIRECTS} redirects")


def _allow(watch: Watch, seconds: float, complaint: str, end: float) -> None:
    left = end - time.monotonic()
    watch.allow(min(seconds, left), complaint if seconds < left else OVERTIME)


def _origin(url: str) -> tuple[str, str | None, int | None]:
    try:
        parts = urlsplit(url)
        return parts.scheme, parts.hostname, parts.port
    except ValueError:
        raise SourceError("not an address") from None


def _is_home(url: str, home: tuple[str, str | None, int | None]) -> bool:
    scheme, host, _ = _origin(url)
    return _origin(url) == home and (scheme == "https" or _is_loopback(host or ""))


def _check_url(url: str) -> None:
    try:
        parts = urlsplit(url)
        host, credentials = parts.hostname or "", "@" in parts.netloc
    except ValueError:
        raise SourceError("not an address") from None
    if "\\" in parts.netloc:  # where urllib3 sees the end of the host
        raise SourceError("not an address")
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


def is_public(host: str) -> bool:
    """Whether a host's name or address, as it is written, is one of the public internet."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        last = host.lower().rstrip(".").rpartition(".")[2]
        numeric = re.fullmatch(r"\d*|0x[0-9a-f]*", last) is not None  # 127.1 is loopback too
        return host.isascii() and not numeric and not _is_private(host.rstrip("."))
    inner = getattr(address, "ipv4_mapped", None) or address
    return inner.is_global and not inner.is_multicast


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def _range(start: int, validator: str) -> dict[str, str]:
    if not start:
        return {}
    condition = {"If-Range": validator} if _STRONG_VALIDATOR.fullmatch(validator) else {}
    return {"Range": f"bytes={start}-", **condition}


def _validator(response: Any) -> str:
    """The server's name for this version of the file, if bytes of equal names are the same."""
    names = (response.headers.get(name, "") for name in ("ETag", "Last-Modified"))
    return next((name for name in names if _STRONG_VALIDATOR.fullmatch(name)), "")


def _start(response: Any, asked: int) -> int:
    """Where the body begins in the file. Raises SourceError unless it is 0 or as asked for."""
    if response.status_code == 200:
        return 0
    found = _RANGE.fullmatch(response.headers.get("Content-Range", ""))
    if not asked or found is None:
        raise SourceError("gives a part of the file without saying which", restart=True)
    if int(found[1]) != asked:
        raise SourceError(f"gives bytes from {found[1]} on instead of {asked}", restart=True)
    return asked


def _check_status(response: Any) -> None:
    status = response.status_code
    if status in (200, 206):
        return
    response.close()
    known = {one.value: one.phrase for one in http.HTTPStatus}
    reason = f"{status} {known.get(status, '')}".strip()
    retry = status in (408, 429) or status >= 500
    pause = _retry_after(response.headers.get("Retry-After", "")) if retry else 0.0
    if pause > LONGEST_PAUSE:
        raise SourceError(f"{reason}, asks to wait {pause:.0f} s", down=True)
    raise SourceError(
        reason,
        retry=retry,
        restart=status == 416,
        missing=status in (404, 410),
        absent=status == 403,
        pause=pause,
    )


def _retry_after(value: str) -> float:
    """Seconds to wait, from a number of seconds or a date."""
    if value.isascii() and value.isdigit() and len(value) < 10:
        return float(value)
    try:
        return max(0.0, email.utils.parsedate_to_datetime(value[:60]).timestamp() - time.time())
    except (ValueError, OverflowError):
        return 0.0


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


def _body(raw: Any, watch: Watch, end: float) -> Iterator[bytes]:
    """Pieces as they come, at least SLOWEST bytes a second in every window of RATE_SECONDS."""
    complaint = f"slower than {SLOWEST} bytes a second"
    taken, window = 0, 0.0
    while True:
        now = time.monotonic()
        if now > end:
            raise SourceError(OVERTIME, down=True)
        if now >= window:
            if window and taken < SLOWEST * RATE_SECONDS:
                raise SourceError(complaint, down=True)
            taken, window = 0, now + RATE_SECONDS
            _allow(watch, RATE_SECONDS + SILENCE_SECONDS, complaint, end)
        chunk = raw.read1(_CHUNK, decode_content=False)
        if not chunk and watch.complaint:
            raise SourceError(watch.complaint, down=True)
        if not chunk:
            return
        taken += len(chunk)
        yield chunk


def _cause(error: BaseException) -> str:
    """The innermost reason in words of this machine, without any address."""
    seen = _causes(error)
    for one in reversed(seen):
        words = getattr(one, "verify_message", None) or getattr(one, "strerror", None)
        if words:
            return str(words)[:200]
    return type(seen[-1]).__name__


def _causes(error: BaseException) -> list[BaseException]:
    """The error and all that led to it, however the libraries have wrapped it."""
    seen: list[BaseException] = []
    pending: list[Any] = [error]
    while pending:
        one = pending.pop()
        if not isinstance(one, BaseException) or one in seen:
            continue
        seen.append(one)
        pending += [one.__context__, one.__cause__, getattr(one, "reason", None), *one.args]
    return seen
