"""A model -> the bytes of its file. protobuf's own writer takes four times their memory."""

from __future__ import annotations

from typing import Any

import onnx
from google.protobuf.message import EncodeError  # type: ignore[import-untyped]

from zoo.errors import ExportError
from zoo.onnx.structure import LARGEST

_LENGTH_DELIMITED = 2
_TOO_LARGE = (
    "The model is too large: an ONNX file holds 2 GiB. Have its weights written beside it: "
    "external_data=True, or --external-data."
)


def serialize(model: onnx.ModelProto, *, largest: int = LARGEST) -> bytes:
    """The same bytes for the same model: those of `SerializeToString(deterministic=True)`.

    Raises ExportError above `largest`, 2 GiB.
    """
    within = model.graph
    tensors = [_record(within.INITIALIZER_FIELD_NUMBER, one) for one in within.initializer]
    head, tail = _around(within, within.INITIALIZER_FIELD_NUMBER)
    before, after = _around(model, model.GRAPH_FIELD_NUMBER)
    graph = [head, *(part for pair in tensors for part in pair), tail]
    start = _start(model.GRAPH_FIELD_NUMBER, sum(map(len, graph)))
    pieces = [before, start, *graph, after]
    if sum(map(len, pieces)) > largest:
        raise ExportError(_TOO_LARGE)
    return b"".join(pieces)


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


def _record(number: int, message: Any) -> tuple[bytes, bytes]:
    try:
        content = message.SerializeToString(deterministic=True)
    except EncodeError:  # a message of more than 2 GiB
        raise ExportError(_TOO_LARGE) from None
    return _start(number, len(content)), content


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
