"""Compressed and packed streams, unwrapped piece by piece within a bound.

Nothing here judges the content: its size and digest do. Raises SourceError for a damaged wrapping.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator

from zoo.downloading import SourceError

_CHUNK = 1 << 16
_BLOCK = 512


def gunzip(chunks: Iterator[bytes], most: int) -> Iterator[bytes]:
    """The content of a gzip stream, in pieces of at most 64 KiB; reads at most `most` bytes."""
    inflater = zlib.decompressobj(wbits=31)
    taken = 0
    for chunk in chunks:
        taken += len(chunk)
        if taken > most:
            raise SourceError("the gzip stream is longer than its content allows")
        if inflater.eof:
            chunk = chunk.lstrip(b"\0")
            inflater = zlib.decompressobj(wbits=31) if chunk else inflater
        while chunk:
            try:
                piece = inflater.decompress(chunk, _CHUNK)
            except zlib.error as error:
                raise SourceError(f"damaged gzip: {error}") from None
            if piece:
                yield piece
            chunk = inflater.unused_data.lstrip(b"\0") if inflater.eof else inflater.unconsumed_tail
            if chunk and inflater.eof:
                inflater = zlib.decompressobj(wbits=31)


def tar_member(chunks: Iterator[bytes], member: str, most: int) -> Iterator[bytes]:
    """The content of one regular file in a tar stream; unpacks at most `most` bytes in all."""
    stream = _Stream(chunks, most)
    while True:
        name, size, is_file = _entry(stream.take(_BLOCK))
        if is_file and name == member:
            yield from stream.pieces(size)
            return
        for _ in stream.pieces(size + -size % _BLOCK):
            pass


class _Stream:
    """Exact reads from a sequence of chunks."""

    def __init__(self, chunks: Iterator[bytes], most: int) -> None:
        self._chunks = chunks
        self._left = most
        self._rest = b""

    def pieces(self, count: int) -> Iterator[bytes]:
        """The next `count` bytes in pieces as they come."""
        while count:
            if not self._rest:
                self._rest = next(self._chunks, b"")
                self._left -= len(self._rest)
            if not self._rest:
                raise SourceError("the archive is cut off", retry=True)
            if self._left < 0:
                raise SourceError("the archive is far larger than the file wanted from it")
            piece, self._rest = self._rest[:count], self._rest[count:]
            count -= len(piece)
            yield piece

    def take(self, count: int) -> bytes:
        """The next `count` bytes at once."""
        return b"".join(self.pieces(count))


def _entry(header: bytes) -> tuple[str, int, bool]:
    """Name, size and whether it is a regular file, from a header block of a ustar archive."""
    if not header.strip(b"\0"):
        raise SourceError("the archive does not hold the file wanted from it", missing=True)
    try:
        size = int(header[124:136].strip(b"\0 ") or b"0", 8)
        checksum = int(header[148:156].strip(b"\0 ") or b"0", 8)
    except ValueError:
        raise SourceError("damaged archive: a header is not readable") from None
    if size < 0 or checksum != sum(header[:148]) + 8 * ord(" ") + sum(header[156:]):
        raise SourceError("damaged archive: a header has a wrong checksum")
    name = header[:100].rstrip(b"\0")
    prefix = header[345:500].rstrip(b"\0") if header[257:263] == b"ustar\0" else b""
    path = (prefix + b"/" if prefix else b"") + name
    return path.decode("utf-8", "replace").removeprefix("./"), size, header[156:157] in b"0\0"
