"""A model -> the bytes of its file. protobuf's own writer takes four times their memory."""

from __future__ import annotations

import io
import itertools
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import onnx
from google.protobuf.message import EncodeError  # type: ignore[import-untyped]
from numpy.typing import NDArray
from onnx import helper

from zoo.byte_order import little_endian
from zoo.errors import ExportError
from zoo.onnx.structure import LARGEST

_LENGTH_DELIMITED = 2
_TOO_LARGE = (
    "The model is too large: an ONNX file holds 2 GiB. Have its weights written beside it: "
    "external_data=True, or --external-data."
)


def serialize(
    model: onnx.ModelProto,
    arrays: Mapping[str, NDArray[Any]] | None = None,
    *,
    largest: int = LARGEST,
) -> bytes:
    """The same bytes for the same model: those of `SerializeToString(deterministic=True)`.

    `arrays` are those of the initializers without bytes. Raises ExportError above `largest`, 2 GiB.
    """
    whole = io.BytesIO()
    whole.writelines(pieces(model, arrays, largest=largest))
    return whole.getvalue()


def pieces(
    model: onnx.ModelProto,
    arrays: Mapping[str, NDArray[Any]] | None = None,
    *,
    largest: int = LARGEST,
) -> Iterator[bytes]:
    """As `serialize`, one piece after the other, so that one of `arrays` at a time is in memory.

    Raises ExportError before the first piece.
    """
    within, empty = model.graph, arrays or {}
    tensors = [_tensor(one, one.name in empty) for one in within.initializer]
    head, tail = _around(within, within.INITIALIZER_FIELD_NUMBER)
    before, after = _around(model, model.GRAPH_FIELD_NUMBER)
    length = len(head) + sum(map(len, tensors)) + len(tail)
    start = _start(model.GRAPH_FIELD_NUMBER, length)
    if len(before) + len(start) + length + len(after) > largest:
        raise ExportError(_TOO_LARGE)
    return itertools.chain(
        (before, start, head),
        itertools.chain.from_iterable(one.pieces(empty) for one in tensors),
        (tail, after),
    )


@dataclass(frozen=True)
class _Tensor:
    """An initializer's bytes; between the two parts come those of its array, if any are missing."""

    name: str
    before: bytes
    missing: int
    after: bytes

    def __len__(self) -> int:
        return len(self.before) + self.missing + len(self.after)

    def pieces(self, arrays: Mapping[str, NDArray[Any]]) -> Iterator[bytes]:
        yield self.before
        if self.missing:
            content = little_endian(arrays[self.name])
            if len(content) != self.missing:
                raise ExportError(f"{self.name} changed while it was written: export it again.")
            yield content
        yield self.after


def _tensor(tensor: onnx.TensorProto, is_empty: bool) -> _Tensor:
    number = onnx.GraphProto.INITIALIZER_FIELD_NUMBER
    if not is_empty:
        content = _content(tensor)
        return _Tensor(tensor.name, _start(number, len(content)) + content, 0, b"")
    size = math.prod(tensor.dims) * helper.tensor_dtype_to_np_dtype(tensor.data_type).itemsize
    head, tail = _around(tensor, tensor.RAW_DATA_FIELD_NUMBER)
    head += _start(tensor.RAW_DATA_FIELD_NUMBER, size)
    return _Tensor(tensor.name, _start(number, len(head) + size + len(tail)) + head, size, tail)


def _around(message: Any, number: int) -> tuple[bytes, bytes]:
    """The fields before and after one of them; protobuf writes fields by their numbers."""
    sides = type(message)(), type(message)()
    for field, value in message.ListFields():
        if field.number == number:
            continue
        side = sides[field.number > number]
        if hasattr(value, "MergeFrom"):
            getattr(side, field.name).MergeFrom(value)
        else:
            setattr(side, field.name, value)
    before, after = (side.SerializeToString(deterministic=True) for side in sides)
    return before, after


def _content(tensor: onnx.TensorProto) -> bytes:
    try:
        content: bytes = tensor.SerializeToString(deterministic=True)
    except EncodeError:  # a message of more than 2 GiB
        raise ExportError(_TOO_LARGE) from None
    return content


def _start(number: int, length: int) -> bytes:
    """What precedes a field of `length` bytes."""
    return _varint(number << 3 | _LENGTH_DELIMITED) + _varint(length)


def _varint(value: int) -> bytes:
    """Seven bits a byte, the lowest first, the highest bit set on all but the last."""
    groups = bytearray()
    while value > 0x7F:
        groups.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*groups, value])
