"""MXNet's `.params` format, judged by its structure and rewritten as safetensors.

A program of the standard library alone, run by `zoo.confined`: the file on standard input, which
must be seekable, the safetensors bytes on standard output. MXNet's own reader is never used.

The format, all little endian: a magic number, the arrays, their names. Each array is a header
(version, storage type, shape, context, dtype) and its numbers. Versions 0 to 3 are read, by
src/ndarray/ndarray.cc of MXNet 1.9.1 (https://github.com/apache/mxnet).
"""

from __future__ import annotations

import errno
import json
import math
import os
import struct
import sys
from collections import Counter
from typing import BinaryIO, NamedTuple

MAGIC = (0x112).to_bytes(8, "little")
REFUSED = 3
_VERSIONS = {0xF993FAC8: 1, 0xF993FAC9: 2, 0xF993FACA: 3}
_DTYPES = {  # type flag: name in MXNet, name in safetensors or none, bytes
    0: ("float32", "F32", 4),
    1: ("float64", "F64", 8),
    2: ("float16", "F16", 2),
    3: ("uint8", "U8", 1),
    4: ("int32", "I32", 4),
    5: ("int8", "I8", 1),
    6: ("int64", "I64", 8),
    7: ("bool", "BOOL", 1),
    8: ("int16", "I16", 2),
    9: ("uint16", "", 2),
    10: ("uint32", "", 4),
    11: ("uint64", "", 8),
    12: ("bfloat16", "", 2),
}
_SPARSE = {1: "row_sparse", 2: "csr"}
_LARGEST_RANK = 16
_MOST_ARRAYS = 20_000
_LONGEST_NAME = 300
_LARGEST_DIMENSION = 1 << 47
_CHUNK = 1 << 20


class FormatError(Exception):
    """A file that is refused, and why, in one line."""


class Span(NamedTuple):
    """One array: where its numbers lie in the file, and how to read them."""

    dtype: str
    shape: tuple[int, ...]
    start: int
    size: int


class _Reader:
    """Reads forward and never believes that there is more than the file holds."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._size = file.seek(0, os.SEEK_END)
        self.position = file.seek(0)

    @property
    def left(self) -> int:
        return self._size - self.position

    def take(self, count: int, what: str) -> bytes:
        self._advance(count, what)
        return self._file.read(count)

    def skip(self, count: int, what: str) -> int:
        """Where the skipped bytes began."""
        start = self.position
        self._advance(count, what)
        self._file.seek(self.position)
        return start

    def numbers(self, form: str, what: str) -> tuple[int, ...]:
        return struct.unpack(f"<{form}", self.take(struct.calcsize(f"<{form}"), what))

    def _advance(self, count: int, what: str) -> None:
        if count > self.left:
            raise FormatError(f"{what} needs {count} bytes, {self.left} are left: the file is cut")
        self.position += count


def read_index(file: BinaryIO) -> dict[str, Span]:
    """The arrays of a file by name, without the prefixes `arg:` and `aux:`. Raises FormatError."""
    reader = _Reader(file)
    if reader.left < 24 or reader.take(16, "the start")[:8] != MAGIC:
        raise FormatError("it does not begin as an MXNet .params file does")
    count = _count(reader, "arrays")
    spans = [_array(reader, f"array {number}") for number in range(count)]
    named = _count(reader, "names")
    if named != count:
        raise FormatError(
            f"{count} arrays have {named} names: save a dict of arrays, as save_parameters does"
        )
    names = [_name(reader, f"name {number}") for number in range(count)]
    if reader.left:
        raise FormatError(f"{reader.left} bytes follow after the last name")
    twice = [name for name, times in Counter(names).items() if times > 1]
    if twice:
        raise FormatError(f"the name {twice[0]!r} occurs twice")
    return dict(zip(names, spans, strict=True))


def _count(reader: _Reader, what: str) -> int:
    (count,) = reader.numbers("Q", f"the number of {what}")
    if count > min(_MOST_ARRAYS, reader.left // 4):
        raise FormatError(f"{count} {what} are claimed, more than a file of its size may hold")
    return count


def _array(reader: _Reader, what: str) -> Span:
    (first,) = reader.numbers("I", what)
    version = _VERSIONS.get(first, 0)
    if version >= 2:
        _check_storage(reader.numbers("i", what)[0], what)
    shape = _shape(reader, first, version, what)
    reader.take(8, what)  # the context it was saved from
    (flag,) = reader.numbers("i", what)
    if flag not in _DTYPES:
        raise FormatError(f"{what} has the unknown dtype {flag}: it is damaged")
    name, code, width = _DTYPES[flag]
    if not code:
        raise FormatError(f"{what} is {name}, which has no place in a weights file: cast it first")
    size = math.prod(shape) * width
    return Span(code, shape, reader.skip(size, f"{what}, {name} {shape},"), size)


def _check_storage(kind: int, what: str) -> None:
    if kind in _SPARSE:
        raise FormatError(
            f"{what} is {_SPARSE[kind]}: save it dense, after array.tostype('default')"
        )
    if kind != 0:
        raise FormatError(f"{what} has the unknown storage type {kind}: it is damaged")


def _shape(reader: _Reader, first: int, version: int, what: str) -> tuple[int, ...]:
    rank = reader.numbers("i", what)[0] if version else first
    if rank > _LARGEST_RANK:
        raise FormatError(f"{what} has {rank} dimensions, more than {_LARGEST_RANK}: it is damaged")
    if rank < 0 or (rank == 0 and version < 3):
        raise FormatError(f"{what} has no value: initialise the network before it is saved")
    shape = reader.numbers(f"{rank}{'q' if version else 'I'}", what)
    if any(not 0 <= one < _LARGEST_DIMENSION for one in shape):
        raise FormatError(f"{what} has the impossible shape {shape}: it is damaged")
    return shape


def _name(reader: _Reader, what: str) -> str:
    (length,) = reader.numbers("Q", what)
    if length > _LONGEST_NAME:
        raise FormatError(f"{what} has {length} bytes, more than {_LONGEST_NAME}: it is damaged")
    try:
        name = reader.take(length, what).decode("utf-8")
    except UnicodeDecodeError:
        raise FormatError(f"{what} is not UTF-8: it is damaged") from None
    return name[4:] if name.startswith(("arg:", "aux:")) else name


def convert(file: BinaryIO, target: BinaryIO) -> None:
    """Write the arrays of a `.params` file as safetensors. Raises FormatError, OSError."""
    spans = read_index(file)
    header, end = {}, 0
    for name, span in spans.items():
        offsets = [end, end := end + span.size]
        header[name] = {"dtype": span.dtype, "shape": span.shape, "data_offsets": offsets}
    text = json.dumps(header).encode()
    target.write(len(text).to_bytes(8, "little") + text)
    for span in spans.values():
        file.seek(span.start)
        for position in range(0, span.size, _CHUNK):
            target.write(file.read(min(_CHUNK, span.size - position)))


def main() -> None:
    try:
        convert(sys.stdin.buffer, sys.stdout.buffer)
        sys.stdout.buffer.flush()
    except FormatError as error:
        sys.stderr.write(str(error))
        sys.exit(REFUSED)
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        sys.stderr.write("the temporary folder is full: make room, or set TMPDIR to another")
        sys.stderr.flush()
        os._exit(REFUSED)  # without a second try to write what is left, and its traceback


if __name__ == "__main__":
    main()
