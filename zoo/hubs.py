"""A hub read: a folder, a static web host, a Hugging Face repository -> its checked records.

A hub is a place that holds `weights_manifest.json` and the files it names. Where ZOO_HUB_KEY names
a public key, no manifest but the package's own is used without a signature by it.
"""

from __future__ import annotations

import functools
import hashlib
import logging
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from zoo import last_seen, manifest
from zoo.addresses import HubAddress, expanded
from zoo.cache import check_file, open_regular
from zoo.downloading import SourceError
from zoo.errors import (
    ChecksumError,
    DownloadError,
    ManifestError,
    OfflineError,
    SignatureError,
)
from zoo.fetching import is_offline
from zoo.manifest import FILE_NAME, LARGEST_MANIFEST, Artifact, Weights
from zoo.receiving import TooLongError, collect, seconds_for
from zoo.signatures import SIGNATURE_NAME, check_signature
from zoo.sources import hub_source

__all__ = ["Hub", "check_at_hub", "hub_key", "read_folder", "read_hub"]

KEY_VARIABLE = "ZOO_HUB_KEY"
_logger = logging.getLogger("zoo")


@dataclass(frozen=True)
class Hub:
    """A hub as it was read: sha256 and size of its manifest, and its records in order."""

    address: HubAddress
    digest: str
    size: int
    records: Mapping[str, Weights]

    @property
    def kept(self) -> list[Artifact]:
        """The manifest of a hub on the network, as a file of the cache."""
        return [Artifact("manifest", FILE_NAME, self.digest, self.size)] * self.address.is_remote


@dataclass(frozen=True)
class _Read:
    """A manifest's bytes, and those of its signature where one was asked for and is there."""

    manifest: bytes
    signature: bytes | None


def check_at_hub(artifact: Artifact) -> None:
    """Read a file of a hub anew at the hub itself, and keep nothing of it.

    Raises ChecksumError for other bytes, DownloadError where they cannot be had.
    """
    source = hub_source(artifact.hub, artifact.file)
    try:
        if not source.is_remote:
            check_file(Path(source.address), artifact, links=True)
            return
        if is_offline():
            raise OfflineError(f"{source.shown}: not asked, the network is switched off.")
        seconds = seconds_for(artifact.size)
        found = collect(source, artifact.size, _sha256, "it", seconds=seconds)
    except FileNotFoundError:
        raise DownloadError(f"{source.shown}: no such file.") from None
    except TooLongError as error:
        raise ChecksumError(f"{source.shown}: {error}.") from None
    except SourceError as error:
        raise DownloadError(f"{source.shown}: {error}.") from None
    if found != artifact.sha256:
        raise ChecksumError(f"{source.shown} has sha256 {found} instead of {artifact.sha256}.")


def read_folder(folder: Path) -> tuple[bytes, Hub]:
    """The manifest of the hub in a folder, its bytes and what they say. Raises ManifestError."""
    address = HubAddress(os.path.abspath(expanded(folder)))
    found = _from_folder(Path(address.place), None)
    return found.manifest, _opened(address, found, None)


def read_hub(address: HubAddress, *, key: Path | None = None, offline: bool | None = None) -> Hub:
    """The hub at this address; one on the network is read once a process.

    `key` is the public key by which it must be signed (default: ZOO_HUB_KEY). `offline` (default:
    ZOO_OFFLINE) opens no connection: what was read last is used, said once, or with a pin exactly
    the manifest of that digest. Raises ManifestError for a damaged manifest and for one that
    changes what was published before, ChecksumError for another one than the pinned,
    SignatureError, MissingDependencyError, DownloadError, OfflineError.
    """
    key = hub_key(key)
    if address.is_remote:
        hub = _remote_hub(address, key, is_offline(offline))
        return replace(hub, records={name: one.copy() for name, one in hub.records.items()})
    return _opened(address, _from_folder(Path(address.place), key), key)


def hub_key(key: Path | None = None) -> Path | None:
    """The public key by which hubs must be signed: the argument, else ZOO_HUB_KEY."""
    named = os.environ.get(KEY_VARIABLE, "")
    return expanded(named) if key is None and named else key


@functools.cache
def _remote_hub(address: HubAddress, key: Path | None, offline: bool) -> Hub:
    known = _remembered(address.pin, key) if address.pin else None
    if known is not None:
        return _opened(address, known, key)
    before = last_seen.last_digest(address.place)
    if offline:
        return _opened(address, _seen_before(address, before, key, _offline(address, key)), key)
    try:
        found = _Read(_fetched(address.place, FILE_NAME, LARGEST_MANIFEST), None)
        if key is not None:
            found = _Read(found.manifest, _fetched_signature(address.place))
    except SourceError as error:
        failure = _unreachable(address.place, error)
        if not error.down:
            raise failure from None
        return _opened(address, _seen_before(address, before, key, failure), key)
    hub = _opened(address, found, key)
    if not address.pin:
        _compare(hub, before)
    last_seen.remember(address.place, found.manifest, found.signature)
    return hub


def _opened(address: HubAddress, found: _Read, key: Path | None) -> Hub:
    """Nothing of the manifest is looked at before pin and signature are as they must be."""
    digest = hashlib.sha256(found.manifest).hexdigest()
    if address.pin and digest != address.pin:
        raise ChecksumError(
            f"{address.place}: its manifest has sha256 {digest} instead of {address.pin}, to which "
            "the address is pinned: if its publisher confirms the new one, pin that."
        )
    if key is not None:
        if found.signature is None:
            raise SignatureError(
                f"{address.place} has no {SIGNATURE_NAME}, and only a manifest signed by {key} "
                "may be used: ask its publisher to sign it (zoo sign)."
            )
        check_signature(found.manifest, found.signature, key, address.place)
    parsed = manifest.parse_manifest(found.manifest, f"{address.place}: {FILE_NAME}")
    own = {name: one.of_hub(address.place) for name, one in parsed.items()}
    return Hub(address, digest, len(found.manifest), own)


def _from_folder(folder: Path, key: Path | None) -> _Read:
    content = _file(folder / FILE_NAME, LARGEST_MANIFEST)
    if content is None:
        raise ManifestError(f"{folder} is no hub: it holds no {FILE_NAME}.")
    if key is None:
        return _Read(content, None)
    return _Read(content, _file(folder / SIGNATURE_NAME, last_seen.LARGEST_SIGNATURE))


def _sha256(chunks: Iterator[bytes]) -> str:
    digest = hashlib.sha256()
    for chunk in chunks:
        digest.update(chunk)
    return digest.hexdigest()


def _file(path: Path, most: int) -> bytes | None:
    try:
        with open_regular(path, links=True) as file:
            return file.read(most + 1)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise ManifestError(f"{path}: cannot be read: {error.strerror}.") from None


def _fetched(place: str, file: str, most: int) -> bytes:
    return collect(hub_source(place, file), most, b"".join, f"a {Path(file).suffix[1:]} file")


def _fetched_signature(place: str) -> bytes | None:
    try:
        return _fetched(place, SIGNATURE_NAME, last_seen.LARGEST_SIGNATURE)
    except SourceError as error:
        if error.missing:
            return None
        raise


def _seen_before(
    address: HubAddress, digest: str | None, key: Path | None, failure: DownloadError
) -> _Read:
    """What was read last, which is said; raises `failure` where there is nothing."""
    found = None if digest is None or address.pin else _remembered(digest, key)
    if found is None:
        raise failure
    _say(f"{failure} What was read last is used, its manifest of sha256 {digest}.")
    return found


def _remembered(digest: str, key: Path | None) -> _Read | None:
    """What is kept of that manifest, with a signature by the key where one is asked for."""
    content = last_seen.recall(digest)
    if content is None or key is None:
        return None if content is None else _Read(content, None)
    for signature in last_seen.recall_signatures(digest):
        try:
            check_signature(content, signature, key, "the cache")
        except SignatureError:
            continue
        return _Read(content, signature)
    return None


def _compare(hub: Hub, before: str | None) -> None:
    """Raises ManifestError where files of a published record are other ones than last time."""
    content = None if before in (None, hub.digest) else last_seen.recall(str(before))
    if content is None:
        return
    place = hub.address.place
    try:
        old = _by_version(manifest.parse_manifest(content, f"the manifest of sha256 {before}"))
    except ManifestError as error:
        _say(f"{place}: what was read last cannot be compared any more: {error}")
        return
    known = _by_version(hub.records)
    for key, one in old.items():
        for kind, artifact in one.artifacts.items():
            now = known[key].artifacts.get(kind) if key in known else artifact
            if now is not None and now.sha256 != artifact.sha256:
                raise ManifestError(
                    f"{place}: {one.name}: {kind} has sha256 {now.sha256}, and had "
                    f"{artifact.sha256} when this hub was last read, though a published record "
                    "never changes: ask its publisher. "
                    f"To accept it, pin the address to #sha256={hub.digest}."
                )
    gone = [one.name for key, one in old.items() if key not in known]
    if gone:
        _say(
            f"{place}: {', '.join(gone[:5])} {'is' if len(gone) == 1 else 'are'} not there any "
            "more: an older manifest may have been put in its place."
        )


def _by_version(records: Mapping[str, Weights]) -> dict[str, Weights]:
    """By names that a newer version does not take over."""
    return {one.pinned: one for one in records.values()}


def _unreachable(place: str, error: SourceError) -> DownloadError:
    shown = hub_source(place, FILE_NAME).shown
    advice = " There is no hub at this address." if error.missing else ""
    return DownloadError(f"{shown}: {error}.{advice}")


def _offline(address: HubAddress, key: Path | None) -> OfflineError:
    missing = "manifest" if key is None else "manifest with its signature"
    return OfflineError(
        f"{address.place}: the network is switched off; the {missing} that was read with it is "
        f"kept {f'where its sha256 is {address.pin}' if address.pin else 'for such times'}."
    )


@functools.cache
def _say(message: str) -> None:
    _logger.warning(message)
