"""Where a file may come from: mirrors and a record's own addresses, in the order they are tried."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import quote, urlsplit

from zoo.addresses import expanded, file_path, shown_address
from zoo.downloading import Body, SourceError, is_public, open_url
from zoo.records import Artifact
from zoo.unwrapping import gunzip, tar_member

MIRROR_VARIABLES = {"weights": "ZOO_MIRROR", "data": "ZOO_DATA_MIRROR"}
_CHUNK = 1 << 16
_HUGGING_FACE = re.compile(r"hf://([^/@]+/[^/@]+)@([^/@]+)/([^@]+)")


@dataclass(frozen=True)
class Source:
    """One place for one file: a path, or an address of scheme https, http, file or hf.

    `wrapping` is '', 'gzip' or 'tar' (then `member` is taken); a `fallback` is only tried where
    the source before it does not have the file. `public` forbids private hosts, `refusal` says why
    it is not used at all.
    """

    address: str
    wrapping: str = ""
    member: str = ""
    fallback: bool = False
    public: bool = False
    refusal: str = ""

    @property
    def shown(self) -> str:
        """The address for messages, without credentials, query or control characters."""
        return shown_address(self.address)

    @property
    def is_remote(self) -> bool:
        """Whether reaching it needs the network."""
        return "://" in self.address and not self.address.lower().startswith("file:")


def sources_of(
    artifact: Artifact, mirrors: Sequence[str | os.PathLike[str]] | None, subfolder: str
) -> Iterator[Source]:
    """The sources of a file in order: each mirror, plain and as `.gz`, then its hub, its own.

    Without `mirrors`, those in ZOO_MIRROR (data: ZOO_DATA_MIRROR), separated by spaces or commas;
    one that is given without a list counts as one. What the manifest of a hub on the network names
    is used only where that hub may lead.
    """
    for mirror in configured_mirrors(subfolder) if mirrors is None else _listed(mirrors):
        address = _joined(os.fspath(mirror), artifact.file)
        yield Source(address)
        yield Source(f"{address}.gz", "gzip", fallback=True)
    if artifact.hub:
        yield hub_source(artifact.hub, artifact.file)
    for address in artifact.sources:
        own = _own_source(address, artifact)
        yield _restricted(own, artifact.hub) if "://" in artifact.hub else own


def hub_source(place: str, file: str) -> Source:
    """A file of the hub at `place`, a folder or an address."""
    return Source(_joined(place, file), public=_is_on_public_host(place))


def configured_mirrors(subfolder: str) -> list[str]:
    """The mirrors that the environment names; a folder's own name may hold spaces and commas."""
    value = os.environ.get(MIRROR_VARIABLES.get(subfolder, "ZOO_MIRROR"), "")
    if os.path.isdir(value):  # Path.is_dir raises for folders that may not be looked at
        return [value]
    return [entry for entry in re.split(r"[\s,]+", value) if entry]


def open_source(
    source: Source,
    size: int,
    *,
    start: int = 0,
    validator: str = "",
    until: float | None = None,
) -> Body:
    """The unwrapped content in pieces of at most 64 KiB, never judged here. Raises SourceError.

    `size` only bounds how much of a wrapping is read. The body begins at `start` where the source
    can do that, see `downloading.open_url`, or at 0.
    """
    if source.refusal:
        raise SourceError(source.refusal)
    if not source.wrapping:
        return _open_stored(source, start, validator, until)
    return Body(_unwrapped(_open_stored(source, 0, "", until), source, size))


def _listed(mirrors: Iterable[str | os.PathLike[str]]) -> Iterable[str | os.PathLike[str]]:
    # a text is a sequence of texts too, a letter each
    return [mirrors] if isinstance(mirrors, str | os.PathLike) else mirrors


def _joined(mirror: str, file: str) -> str:
    if "://" not in mirror:
        return str(expanded(mirror) / file)
    return f"{mirror.rstrip('/')}/{quote(file)}"


def _own_source(address: str, artifact: Artifact) -> Source:
    plain, _, member = address.partition("#")
    if member:
        return Source(plain, "tar", member)
    wrapped = urlsplit(plain).path.endswith(".gz") and not artifact.file.endswith(".gz")
    return Source(plain, "gzip" if wrapped else "")


def _restricted(source: Source, hub: str) -> Source:
    """A source that a manifest from the network names: nothing of this machine or its network."""
    parts, home = urlsplit(source.address), urlsplit(hub)
    if parts.scheme == "file":
        return replace(source, refusal="not used: the manifest of a hub on the network names it")
    if parts.scheme == "hf":
        return source
    if (parts.scheme, parts.netloc) == (home.scheme, home.netloc):
        return replace(source, public=_is_on_public_host(hub))
    if not is_public(parts.hostname or ""):
        return replace(source, refusal="not used: a private host, and another one than the hub's")
    return replace(source, public=True)


def _is_on_public_host(place: str) -> bool:
    parts = urlsplit(place)
    return parts.scheme in ("https", "http") and is_public(parts.hostname or "")


def _unwrapped(stored: Body, source: Source, size: int) -> Iterator[bytes]:
    with stored:
        chunks = iter(stored)
        if source.wrapping == "tar":
            packed = not urlsplit(source.address).path.endswith(".tar")
            limit = (size << 4) + (64 << 20)
            unpacked = gunzip(chunks, limit) if packed else chunks
            yield from tar_member(unpacked, source.member, limit)
        else:
            yield from gunzip(chunks, size + (size >> 6) + _CHUNK)


def _open_stored(source: Source, start: int, validator: str, until: float | None) -> Body:
    address = source.address
    scheme = address.split("://", 1)[0].lower() if "://" in address else ""
    if scheme == "":
        return Body(_file_chunks(Path(address)))
    if scheme == "file":
        return Body(_file_chunks(_local_path(address)))
    if scheme == "hf":
        url, token = _hugging_face(address)
        return open_url(url, start=start, validator=validator, token=token, until=until)
    if scheme in ("http", "https"):
        return open_url(
            address, start=start, validator=validator, until=until, public=source.public
        )
    raise SourceError(f"scheme {scheme[:20]!r} is not https, http, file or hf")


def _local_path(address: str) -> Path:
    try:
        return Path(file_path(address))
    except ValueError as error:
        raise SourceError(str(error)) from None


def _file_chunks(path: Path) -> Iterator[bytes]:
    try:
        if not path.is_file():
            raise SourceError("no such file", missing=not path.exists())
        with path.open("rb") as file:
            while chunk := file.read(_CHUNK):
                yield chunk
    except OSError as error:
        raise SourceError(f"cannot be read: {error.strerror}") from None


def _hugging_face(address: str) -> tuple[str, str | None]:
    """The file's address, and the user's token for that host."""
    found = _HUGGING_FACE.fullmatch(address)
    if found is None:
        raise SourceError("not of the form hf://owner/repo@revision/file")
    try:
        from huggingface_hub import constants, get_token, hf_hub_url
    except ImportError:
        raise SourceError("needs huggingface_hub: pip install 'gluon-zoo[hub]'") from None
    repository, revision, file = found.groups()
    token = None if constants.HF_HUB_DISABLE_IMPLICIT_TOKEN else get_token()
    try:
        return str(hf_hub_url(repository, file, revision=revision)), token
    except ValueError:
        raise SourceError("not the name of a repository on the Hugging Face Hub") from None
