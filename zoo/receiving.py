"""From sources to a published file in the cache: in order, asked again, gone on with, judged."""

from __future__ import annotations

import itertools
import random
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TypeVar

from zoo.downloading import OVERTIME, SLOWEST, SourceError
from zoo.errors import DownloadError, OfflineError
from zoo.partial import Partial, partial_file
from zoo.records import Artifact
from zoo.sources import MIRROR_VARIABLES, Source, open_source

TOTAL_SECONDS = 120.0
_ATTEMPTS = 3
_FIRST_PAUSE = 0.3
_WORTH_ANOTHER = 1 << 20
_MOST_TIMES = 3
T = TypeVar("T")


class TooLongError(SourceError):
    """A source gives more bytes than the file may have."""


class HaltedError(Exception):
    """Somebody else's failure or Ctrl-C ended this download."""


def receive(
    artifact: Artifact,
    path: Path,
    sources: Iterable[Source],
    *,
    offline: bool,
    subfolder: str,
    seen: Callable[[int], None],
    halt: threading.Event,
) -> None:
    """Put the file at `path` from the first source that gives it.

    Goes on from what an earlier download left. `seen` is told the number of bytes so far; `halt`
    ends it with HaltedError. Raises DownloadError, OfflineError, OSError.
    """
    until = time.monotonic() + seconds_for(artifact.size)
    with partial_file(path.parent, artifact) as partial:
        if not _is_whole(partial, artifact):
            reception = _Reception(artifact, partial, until, seen, halt)
            reasons = reception.try_all(sources, offline)
            if reasons is not None:
                kind = OfflineError if offline else DownloadError
                raise kind(_report(artifact, path, reasons, subfolder))
        partial.publish(path)


def seconds_for(size: int) -> float:
    """The longest that a file of this size may take, from all its sources together."""
    return TOTAL_SECONDS + size / SLOWEST


def collect(
    source: Source,
    most: int,
    take: Callable[[Iterator[bytes]], T],
    what: str,
    *,
    seconds: float | None = None,
) -> T:
    """What `take` makes of the bytes at `source`, of which nothing is known but `most`.

    Asked again as in `receive`, within `seconds` (default: TOTAL_SECONDS). Raises SourceError,
    TooLongError for more bytes.
    """
    attempt = 0
    until = time.monotonic() + (TOTAL_SECONDS if seconds is None else seconds)
    while True:
        attempt += 1
        try:
            with open_source(source, most, until=until) as body:
                return take(_bounded(body, most, what))
        except SourceError as error:
            pause = _pause_before(attempt, error)
            late = time.monotonic() + pause > until
            if attempt == _ATTEMPTS or late or not error.retry or not source.is_remote:
                raise
            time.sleep(pause)


def _bounded(body: Iterable[bytes], most: int, what: str) -> Iterator[bytes]:
    size = 0
    for chunk in body:
        size += len(chunk)
        if size > most:
            raise TooLongError(f"gives more than the {most} bytes that {what} may have")
        yield chunk


def _pause_before(attempt: int, error: SourceError) -> float:
    return max(error.pause, _FIRST_PAUSE * 2.0**attempt * random.uniform(0.5, 1.0))


class _Reception:
    """One file on its way, over all its sources and attempts."""

    def __init__(
        self,
        artifact: Artifact,
        partial: Partial,
        until: float,
        seen: Callable[[int], None],
        halt: threading.Event,
    ) -> None:
        self._artifact = artifact
        self._partial = partial
        self._until = until
        self._seen = seen
        self._halt = halt
        self._allowed = 0

    def try_all(self, sources: Iterable[Source], offline: bool) -> list[str] | None:
        """None when the file is there, else what each source said."""
        reasons: list[str] = []
        absent = False
        for source in sources:
            if source.fallback and not absent:
                continue
            if offline and source.is_remote:
                reasons.append(f"{source.shown}: not asked, the network is switched off")
                absent = False
                continue
            try:
                self._check_time()
                self._try(source)
                return None
            except SourceError as error:
                reasons.append(f"{source.shown}: {error}")
                absent = error.absent
        return reasons

    def _try(self, source: Source) -> None:
        """The one place that asks again."""
        attempt, resume = 0, True
        self._allowed = _MOST_TIMES * self._artifact.size
        while True:
            before = self._partial.size
            try:
                return self._receive(source, resume)
            except SourceError as error:
                if error.restart and resume and before:
                    resume = False
                    continue
                gained = self._partial.size - before >= _WORTH_ANOTHER
                attempt = 1 if gained else attempt + 1
                if attempt >= _ATTEMPTS or not error.retry or not source.is_remote:
                    raise
                self._pause(_pause_before(attempt, error))
                resume = True

    def _check_time(self, ahead: float = 0.0) -> None:
        if time.monotonic() + ahead > self._until:
            raise SourceError(OVERTIME, down=True)

    def _pause(self, seconds: float) -> None:
        self._check_time(ahead=seconds)
        if self._halt.wait(seconds):
            raise HaltedError

    def _receive(self, source: Source, resume: bool) -> None:
        artifact, partial = self._artifact, self._partial
        asked = partial.size if resume else 0
        validator = partial.validator(source.address)
        with open_source(
            source, artifact.size, start=asked, validator=validator, until=self._until
        ) as body:
            chunks = iter(body)
            first = next(chunks, b"")
            if not first:
                raise SourceError(f"ended after {body.start} of {artifact.size} bytes", retry=True)
            if body.start != partial.size:
                partial.restart()
            partial.note(source.address, body.validator)
            for chunk in itertools.chain([first], chunks):
                self._take(chunk)
                if partial.size == artifact.size:
                    break
        if partial.size < artifact.size:
            raise SourceError(f"ended after {partial.size} of {artifact.size} bytes", retry=True)
        found = partial.sha256
        if not _is_whole(partial, artifact):
            raise SourceError(f"gives other bytes, of sha256 {found}", restart=body.start > 0)

    def _take(self, chunk: bytes) -> None:
        """Write what belongs to the file; whatever a source gives beyond its size is not read."""
        if self._halt.is_set():
            raise HaltedError
        piece = chunk[: self._artifact.size - self._partial.size]
        self._allowed -= len(piece)
        if self._allowed < 0:
            raise SourceError(f"gave {_MOST_TIMES} times the file's size without giving the file")
        self._partial.write(piece)
        self._seen(self._partial.size)


def _is_whole(partial: Partial, artifact: Artifact) -> bool:
    """Whether these are the published bytes; a file of their size with others is emptied."""
    if partial.size == artifact.size and partial.sha256 == artifact.sha256:
        return True
    if partial.size >= artifact.size:
        partial.restart()
    return False


def _report(artifact: Artifact, path: Path, reasons: list[str], subfolder: str) -> str:
    variable = MIRROR_VARIABLES.get(subfolder, "ZOO_MIRROR")
    listed = "".join(f"\n  {reason}" for reason in reasons)
    return (
        f"{artifact.file} ({artifact.size} bytes) is neither cached nor given by any source"
        f"{':' if reasons else ', there is none.'}{listed}\n"
        f"Set {variable} to a folder or address that has it, or put it, unpacked, at {path}; "
        f"its sha256 is {artifact.sha256}."
    )
