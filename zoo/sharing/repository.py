"""A model repository on the Hugging Face Hub, through huggingface_hub's client."""

from __future__ import annotations

import contextlib
import hashlib
import io
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from zoo.downloading import SourceError
from zoo.errors import MissingDependencyError, OfflineError, PublishError
from zoo.fetching import is_offline
from zoo.sharing.client import LOGIN, LookAgainError, asking
from zoo.sources import Source, open_source

SCHEME = "hf://"
_ADDRESS = re.compile(r"hf://([\w-][\w.-]{0,95})/([\w-][\w.-]{0,95})(?:@(\w[\w.-]{0,99}))?", re.A)
_COMMIT = re.compile(r"[0-9a-f]{40}")
_TOKEN = re.compile(r"[!#-&(-\[\]-~]+")  # what repr writes as it is


@dataclass(frozen=True)
class StoredFile:
    """A file of a repository: size in bytes, and its digests as far as the Hub knows them."""

    size: int
    blob: str
    sha256: str | None = None

    def holds(self, content: bytes) -> bool:
        """Whether these are the file's bytes."""
        if self.sha256 is not None:
            return self.sha256 == hashlib.sha256(content).hexdigest()
        return self.blob == git_blob(content)


@dataclass(frozen=True)
class State:
    """A repository's branch: its newest commit, whether it is private, and its files.

    `head` is None where there is no such branch; the files are then those of `start`, the commit
    that it will begin with. `private` is None where there is no such repository.
    """

    head: str | None = None
    private: bool | None = None
    files: Mapping[str, StoredFile] = field(default_factory=dict)
    start: str | None = None

    @property
    def commit(self) -> str | None:
        """The commit that holds the files."""
        return self.head or self.start


@dataclass(frozen=True)
class Upload:
    """A file to send: its content or where that is, and the sha256 that it must have."""

    file: str
    content: bytes | Path
    sha256: str


def git_blob(content: bytes) -> str:
    """The name that git gives to these bytes."""
    return hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()


class Repository:
    """The repository of an address `hf://owner/name`, or `hf://owner/name@branch`.

    Raises PublishError for another form, and for an endpoint (HF_ENDPOINT) that a token must not
    be sent to; OfflineError; MissingDependencyError without huggingface_hub. Its methods raise
    PublishError, and LookAgainError for what may go better after a new look.
    """

    def __init__(self, address: str) -> None:
        found = _ADDRESS.fullmatch(address)
        if found is None:
            raise PublishError(f"{address[:100]!r} is not of the form hf://owner/name[@branch].")
        if is_offline():
            raise OfflineError(f"{address}: not asked, the network is switched off (ZOO_OFFLINE).")
        try:
            from huggingface_hub import HfApi, constants, get_token
        except ImportError:
            raise MissingDependencyError(
                "Pushing needs huggingface_hub: pip install 'gluon-zoo[hub]'"
            ) from None
        _check_endpoint(constants.ENDPOINT)
        self.address = address
        self.name = f"{found[1]}/{found[2]}"
        self.branch = found[3] or "main"
        self._token: str | None = None
        with self._asking("logging in"):
            self._token = get_token()
        if self._token is not None and not _TOKEN.fullmatch(self._token):
            raise PublishError("HF_TOKEN holds a character that no token has: set it again.")
        self._api: Any = HfApi(token=self._token or False, library_name="gluon-zoo")

    def state(self) -> State:
        """The repository as it is now."""
        from huggingface_hub.errors import RepositoryNotFoundError, RevisionNotFoundError

        with self._asking("reading"):
            try:
                info = self._api.model_info(self.name, revision=self.branch, files_metadata=True)
            except RevisionNotFoundError:
                info = self._api.model_info(self.name, files_metadata=True)
                return State(None, bool(info.private), _files(info), _commit(info.sha))
            except RepositoryNotFoundError:
                return State()
            return State(_commit(info.sha), bool(info.private), _files(info))

    def create(self, state: State, private: bool) -> None:
        """Make the repository or its branch, where `state` has none."""
        self._need_token()
        with self._asking("creating"):
            if state.private is None:
                self._api.create_repo(self.name, private=private, exist_ok=True)
            if self.branch != "main":
                self._api.create_branch(
                    self.name, branch=self.branch, revision=state.start, exist_ok=True
                )

    def commit(self, uploads: Iterable[Upload], parent: str, message: str) -> str:
        """Send all files in one commit upon `parent`; returns its name."""
        self._need_token()
        with contextlib.ExitStack() as stack, self._asking("sending"):
            operations = [_operation(one, stack) for one in uploads]
            made = self._api.create_commit(
                self.name,
                operations,
                commit_message=message,
                revision=self.branch,
                parent_commit=parent,
            )
            return _commit(made.oid)

    def read(self, state: State, file: str, most: int) -> bytes | None:
        """A small file at that state's commit; None where it is not there."""
        stored = state.files.get(file)
        if stored is None:
            return None
        if stored.size > most:
            raise PublishError(f"{self.address}: {file} is larger than {most} bytes.")
        content = b""
        try:
            with open_source(self.source(file, str(state.commit)), stored.size) as body:
                for chunk in body:
                    content += chunk
                    if len(content) > stored.size:
                        break
        except SourceError as error:
            if error.retry:
                raise LookAgainError(f"{file}: {error}") from None
            raise PublishError(f"{self.address}: {file} cannot be read: {error}.") from None
        if not stored.holds(content):
            raise LookAgainError(f"{file}: the bytes are not those that the Hub lists")
        return content

    def source(self, file: str, commit: str) -> Source:
        """Where the verified downloader finds a file of that commit."""
        return Source(f"hf://{self.name}@{commit}/{file}")

    def _asking(self, doing: str) -> contextlib.AbstractContextManager[None]:
        return asking(self.address, doing, self._token)

    def _need_token(self) -> None:
        if self._token is None:
            raise PublishError(f"{self.address}: no token to write with: {LOGIN}.")


def _check_endpoint(endpoint: str) -> None:
    parts = urlsplit(endpoint)
    loopback = parts.hostname in ("localhost", "127.0.0.1", "::1")
    secure = parts.scheme == "https" and bool(parts.hostname)
    if not secure and not (parts.scheme == "http" and loopback):
        raise PublishError("HF_ENDPOINT is not an https address: no token is sent there.")


def _files(info: Any) -> dict[str, StoredFile]:
    return {one.rfilename: _stored(one) for one in info.siblings or ()}


def _stored(sibling: Any) -> StoredFile:
    lfs = sibling.lfs
    return StoredFile(int(sibling.size), str(sibling.blob_id), lfs.sha256 if lfs else None)


def _commit(name: object) -> str:
    if not isinstance(name, str) or not _COMMIT.fullmatch(name):
        raise PublishError("The Hub gives something that is not the name of a commit.")
    return name


def _operation(upload: Upload, stack: contextlib.ExitStack) -> Any:
    """As an open file, which the client sends over HTTPS by Git LFS, and never by hf-xet."""
    from huggingface_hub import CommitOperationAdd

    content = upload.content
    opened = io.BytesIO(content) if isinstance(content, bytes) else content.open("rb")
    operation = CommitOperationAdd(upload.file, stack.enter_context(opened))
    if operation.upload_info.sha256.hex() != upload.sha256:
        raise PublishError(f"{upload.file} changed while it was sent: push again.")
    return operation
