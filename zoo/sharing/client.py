"""huggingface_hub's client kept quiet, bounded in its waits, and with its errors in one line.

Its warnings hold signed addresses, its connections wait for ever, and its errors may repeat what a
server says: none of that goes any further than this.
"""

from __future__ import annotations

import contextlib
import logging
import re
import warnings
from collections.abc import Iterator
from typing import Any

from zoo.errors import PublishError, ZooError

SILENCE_SECONDS = 120.0
LONGEST_PAUSE = 20
LOGIN = "log in with `hf auth login`, or set HF_TOKEN to a token that may write"
_LOGGERS = ("huggingface_hub", "httpx", "httpx2", "httpcore", "httpcore2")
_AGAIN = (408, 409, 412, 425, 429, 500, 502, 503, 504)
_REASONS = {
    401: f"the Hub does not take the token: {LOGIN}.",
    403: f"the token may not do that: {LOGIN}.",
    404: "it is not there, or the token may not see it.",
}


class LookAgainError(Exception):
    """A request failed that may have taken effect, or that met somebody else's."""


@contextlib.contextmanager
def asking(place: str, doing: str, token: str | None) -> Iterator[None]:
    """For requests to `place` with `token`: errors are PublishError or LookAgainError."""
    try:
        with _quiet():
            _bound_waits()
            yield
    except (ZooError, LookAgainError):
        raise
    except Exception as error:  # whatever the client, or what is below it, has
        raise _translated(error, place, doing, token) from None


def plain(text: str, token: str | None) -> str:
    """The first line of a stranger's words: short, without the token, queries and control codes."""
    hidden = text.replace(token, "***") if token else text
    lines = [line for line in hidden.splitlines() if line.strip()]
    return re.sub(r"[^\x20-\x7e]|\?\S*", "", lines[0])[:200].strip() if lines else ""


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """No warnings, no progress bars, no log."""
    from huggingface_hub.utils import (
        are_progress_bars_disabled,
        disable_progress_bars,
        enable_progress_bars,
    )

    loggers = [logging.getLogger(name) for name in _LOGGERS]
    levels, bars = [one.level for one in loggers], not are_progress_bars_disabled()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        disable_progress_bars()
        try:
            for one in loggers:
                one.setLevel(logging.CRITICAL + 1)
            yield
        finally:
            for one, level in zip(loggers, levels, strict=True):
                one.setLevel(level)
            if bars:
                enable_progress_bars()


def _translated(error: Exception, place: str, doing: str, token: str | None) -> Exception:
    causes = list(_causes(error))
    answers = [one.response for one in causes if getattr(one, "response", None) is not None]
    if not answers:
        if any(_is_connection(one) for one in causes):
            return LookAgainError(f"{doing}: the connection failed ({type(causes[-1]).__name__})")
        words = plain(str(error), token)
        return PublishError(f"{place}: {doing} failed: {type(error).__name__}: {words}")
    status = int(answers[0].status_code)
    if status in _AGAIN:
        return LookAgainError(f"{doing}: the Hub answers {status}")
    reason = _REASONS.get(status, "the Hub refuses it.")
    said = (getattr(one, "server_message", None) for one in causes)
    words = plain(next((str(one) for one in said if one), ""), token)
    return PublishError(f"{place}: {doing}: {status}: {reason}{words and f' It says: {words}'}")


def _causes(error: BaseException | None) -> Iterator[Any]:
    while error is not None:
        yield error
        error = error.__cause__


def _is_connection(error: BaseException) -> bool:
    """Whether it is one of the HTTP library's, whose errors have one ancestor, or the system's."""
    names = {one.__name__ for one in type(error).__mro__}
    return "TransportError" in names or isinstance(error, ConnectionError | TimeoutError)


def _bound_waits() -> None:
    from huggingface_hub.utils import get_session

    session = get_session()
    session.timeout = SILENCE_SECONDS
    hooks = session.event_hooks
    if _bound_pause not in hooks.get("response", ()):
        session.event_hooks = {**hooks, "response": [*hooks.get("response", ()), _bound_pause]}


def _bound_pause(response: Any) -> None:
    """Let no server choose for how long the client sleeps."""
    response.headers.pop("RateLimit", None)
    pause = response.headers.get("Retry-After")
    if pause is not None and not (pause.isdecimal() and int(pause[:9]) <= LONGEST_PAUSE):
        response.headers["Retry-After"] = str(LONGEST_PAUSE)
