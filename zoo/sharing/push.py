"""Records into a repository on the Hugging Face Hub: one commit, read back, or nothing.

Each attempt begins with a look at what is there, so that a push that was cut anywhere, met another
one, or lost an answer goes on from the truth. The commit names its parent: nobody else's is lost.
"""

from __future__ import annotations

import contextlib
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

from zoo import __version__
from zoo.errors import DownloadError, PublishError
from zoo.figures import file_size
from zoo.manifest import FILE_NAME, LARGEST_MANIFEST, Artifact, Weights, parse_manifest
from zoo.receiving import receive
from zoo.sharing.client import LookAgainError
from zoo.sharing.mirror import KEPT, SharedFile
from zoo.sharing.plan import Content, There, make_plan, shared
from zoo.sharing.release import (
    CHECKSUMS,
    MOST_CHECKSUMS,
    Entry,
    Wanted,
    read_checksums,
    release,
)
from zoo.sharing.repository import Repository, Upload

_PAUSES = (1.0, 2.0, 4.0)  # seconds, before a new look

Say = Callable[[str], None]
_T = TypeVar("_T")


@dataclass(frozen=True)
class Pushed:
    """What the repository holds of what was wanted: at `commit`, None in a dry run."""

    files: list[SharedFile]
    commit: str | None

    @property
    def sent(self) -> list[SharedFile]:
        """The files that were, or would be, sent."""
        return [one for one in self.files if one.state != KEPT]


def push(
    address: str,
    wanted: Wanted,
    *,
    private: bool = False,
    dry_run: bool = False,
    say: Say = lambda _: None,
) -> Pushed:
    """Bring what is wanted into the repository at `address`, `hf://owner/name[@branch]`.

    One commit holds each record's files, a self-contained ONNX model, the manifest and checksums,
    both with what is there already, and the model card. It is done when every file was read back
    from that commit and hashed. `private` is for a repository that is made; `dry_run` reads what is
    there and sends nothing; `say` is told of each step.

    Raises PublishError where a published record or file would change, where the Hub refuses or
    cannot be reached, and where other bytes are read back; and what `release` raises.
    """
    repository = Repository(address)
    say(f"Looking at {address}.")
    there = _again(address, lambda: _look(repository))
    if private and there.state.private is False:
        raise PublishError(
            f"{address} exists and is public: make it private in its settings, or push without "
            "--private."
        )
    commit = there.state.commit
    ways = commit and [f"hf://{repository.name}@{commit}"]
    with release(wanted, there.records, ways) as entries:
        if dry_run:
            return Pushed(_planned(repository, there, entries)[1], None)
        states: dict[str, str] = {}
        pushed = _again(address, lambda: _send(repository, entries, private, states, say))
        say(f"Reading {len(pushed.files)} files back.")
        _read_back(repository, pushed)
    return pushed


def _again(address: str, step: Callable[[], _T]) -> _T:
    """The step's result; a new look after what may go better then."""
    for pause in _PAUSES:
        with contextlib.suppress(LookAgainError):
            return step()
        time.sleep(pause)
    try:
        return step()
    except LookAgainError as error:
        raise PublishError(
            f"{address}: {error}, again and again. Push again later: it goes on from what is there."
        ) from None


def _look(repository: Repository) -> There:
    state = repository.state()
    manifest = repository.read(state, FILE_NAME, LARGEST_MANIFEST)
    listed = repository.read(state, CHECKSUMS, MOST_CHECKSUMS)
    return There(
        state,
        {} if manifest is None else _records(manifest, repository, state.commit),
        {} if listed is None else read_checksums(listed, repository.address),
    )


def _records(manifest: bytes, repository: Repository, commit: str | None) -> dict[str, Weights]:
    """The repository's own, whose files may come only from where a hub on the network may lead."""
    found = parse_manifest(manifest, f"{repository.address}: {FILE_NAME}")
    return {name: one.of_hub(f"hf://{repository.name}@{commit}") for name, one in found.items()}


def _planned(
    repository: Repository, there: There, entries: list[Entry]
) -> tuple[list[Content], list[SharedFile]]:
    """What the repository shall hold, and what becomes of each file. Raises PublishError."""
    plan = make_plan(repository, there, entries)
    return plan, [shared(one, there) for one in plan]


def _send(
    repository: Repository, entries: list[Entry], private: bool, states: dict[str, str], say: Say
) -> Pushed:
    """One attempt; `states` keeps what the first one found, before anything was sent."""
    there = _look(repository)
    if there.state.head is None:
        _planned(repository, there, entries)  # what is refused makes no branch
        repository.create(there.state, private)
        there = _look(repository)
    if there.state.head is None:
        raise LookAgainError("the repository that was made is not there yet")
    plan, now = _planned(repository, there, entries)
    files = [replace(one, state=states.setdefault(one.file, one.state)) for one in now]
    changed = {one.file for one in now if one.state != KEPT}
    if not changed:
        return Pushed(files, there.state.head)
    uploads = [
        Upload(one.file, one.content, one.sha256)
        for one in plan
        if one.file in changed and one.content is not None
    ]
    size = sum(one.size for one in plan if one.file in changed)
    say(f"Sending {len(uploads)} files, {file_size(size)}.")
    names = ", ".join(one.weights.name for one in entries)
    message = f"Publish {names} with gluon-zoo {__version__}"
    return Pushed(files, repository.commit(uploads, there.state.head, message))


def _read_back(repository: Repository, pushed: Pushed) -> None:
    """Every file as the Hub gives it for that commit. Raises PublishError for other bytes."""
    commit = str(pushed.commit)
    with tempfile.TemporaryDirectory(prefix="zoo-read-back-") as folder:
        for one in pushed.files:
            path = Path(folder, one.file)
            try:
                receive(
                    Artifact("pushed", one.file, one.sha256, one.size),
                    path,
                    [repository.source(one.file, commit)],
                    offline=False,
                    subfolder="weights",
                    seen=lambda _: None,
                    halt=threading.Event(),
                )
            except (DownloadError, OSError) as error:
                reason = str(error).splitlines()[-1 if isinstance(error, OSError) else 1].strip()
                raise PublishError(
                    f"NOT VERIFIED: commit {commit} is made, but {one.file} cannot be read back as "
                    f"it was sent: {reason}. Do not rely on it; push again to check and mend it."
                ) from None
            path.unlink()
