"""An ONNX file from a stranger, judged by its structure before a parser sees it.

The protobuf wire format is walked without building anything: only the fields that nest, name a
domain or describe a tensor are looked at. Field numbers are those of onnx.proto
(https://github.com/onnx/onnx/blob/main/onnx/onnx.proto).
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from math import prod

from zoo.errors import WeightsError

DOMAINS = frozenset({"", "ai.onnx", "ai.onnx.ml"})
LARGEST = (1 << 31) - 1  # bytes that protobuf can hold
_MOST_FIELDS = 200_000
_DEEPEST = 48
_LARGEST_RANK = 64
_PER_BYTE = 4  # numbers of 2 bits
_TAGS = 1 << 32  # parsers drop what is above
_VARINT, _EIGHT, _BYTES, _FOUR = 0, 1, 2, 5

# message: {field: the message in it}
_NESTED: dict[str, dict[int, str]] = {
    "model": {7: "graph", 8: "opset", 20: "training"},
    "training": {1: "graph", 2: "graph"},
    "graph": {1: "node", 5: "tensor", 11: "value", 12: "value", 13: "value", 15: "sparse"},
    "node": {5: "attribute"},
    "attribute": {
        5: "tensor",
        6: "graph",
        10: "tensor",
        11: "graph",
        14: "type",
        15: "type",
        22: "sparse",
        23: "sparse",
    },
    "sparse": {1: "tensor", 2: "tensor"},
    "value": {2: "type"},
    "type": {4: "sequence", 5: "map", 9: "optional"},
    "sequence": {1: "type"},
    "map": {2: "type"},
    "optional": {1: "type"},
    "opset": {},
    "tensor": {},
}
_DOMAIN = {"opset": 1, "node": 7}
_FUNCTIONS = 25
_DIMENSIONS, _EXTERNAL, _LOCATION = 1, 13, 14
_NUMBERS = frozenset({4, 5, 6, 7, 9, 10, 11})


def check_model(
    content: bytes, *, most_bytes: int = LARGEST, domains: Collection[str] = DOMAINS
) -> None:
    """Refuse bytes that are no plain, self-contained ONNX model.

    Such a model reads no other file, has operators of `domains` only and no functions of its own,
    nests at most 48 deep, holds at most 200,000 fields, and has the numbers of its tensors in it.
    How long it computes is not judged. Raises WeightsError.
    """
    if len(content) > most_bytes:
        raise WeightsError(f"the ONNX file has {len(content)} bytes, more than {most_bytes}.")
    walk = _Walk(content, domains)
    walk.message("model", 0, len(content), 0)
    if not walk.graphs:
        raise WeightsError("not an ONNX file: it has no graph.")


class _Walk:
    def __init__(self, content: bytes, domains: Collection[str]) -> None:
        self._content = memoryview(content)
        self._domains = domains
        self._left = _MOST_FIELDS
        self.graphs = 0

    def message(self, kind: str, start: int, end: int, depth: int) -> None:
        """Check one message and those in it."""
        if depth > _DEEPEST:
            raise WeightsError(f"the ONNX file is nested more than {_DEEPEST} deep.")
        self.graphs += kind == "graph"
        if kind == "tensor":
            return self._tensor(start, end)
        nested, domain = _NESTED[kind], _DOMAIN.get(kind)
        for field, wire, at, stop in self._fields(start, end):
            if wire != _BYTES:
                continue
            if kind == "model" and field == _FUNCTIONS:
                raise WeightsError("the ONNX file has functions of its own: inline them first.")
            if field == domain:
                self._domain(at, stop)
            elif field in nested:
                self.message(nested[field], at, stop, depth + 1)
        return None

    def _domain(self, start: int, end: int) -> None:
        name = bytes(self._content[start : min(end, start + 80)]).decode("utf-8", "replace")
        if name not in self._domains:
            raise WeightsError(f"the ONNX file has operators of the domain {name!r}: custom ones.")

    def _tensor(self, start: int, end: int) -> None:
        dimensions: list[int] = []
        held = 0
        for field, _, at, stop in self._fields(start, end):
            if field == _EXTERNAL or (field == _LOCATION and self._integer(at)[0] != 0):
                raise WeightsError(
                    "the ONNX file keeps weights in another file (external data): save it as one."
                )
            if field == _DIMENSIONS:
                dimensions += self._packed(at, stop)
            elif field in _NUMBERS:
                held += max(stop - at, 1)
        if len(dimensions) > _LARGEST_RANK or prod(dimensions) > _PER_BYTE * held:
            raise WeightsError(
                f"a tensor of the ONNX file has the shape {tuple(dimensions[:16])} "
                f"and {held} bytes: it is damaged."
            )

    def _packed(self, start: int, end: int) -> Iterator[int]:
        while start < end:
            value, start = self._integer(start)
            self._count()
            yield value

    def _fields(self, start: int, end: int) -> Iterator[tuple[int, int, int, int]]:
        """Number, wire type, and begin and end of the value of each field."""
        while start < end:
            self._count()
            tag, at = self._integer(start)
            wire = tag & 7
            if wire == _VARINT:
                start = self._integer(at)[1]
            elif wire == _BYTES:
                length, at = self._integer(at)
                start = at + length
            elif wire in (_EIGHT, _FOUR):
                start = at + (8 if wire == _EIGHT else 4)
            else:
                raise WeightsError("not an ONNX file.")
            if start > end or not 8 <= tag < _TAGS:
                raise WeightsError("not an ONNX file, or a cut one.")
            yield tag >> 3, wire, at, start

    def _integer(self, start: int) -> tuple[int, int]:
        value = 0
        for shift, byte in enumerate(self._content[start : start + 10]):
            value |= (byte & 127) << 7 * shift
            if byte < 128:
                return value, start + shift + 1
        raise WeightsError("not an ONNX file, or a cut one.")

    def _count(self) -> None:
        self._left -= 1
        if self._left < 0:
            raise WeightsError(f"the ONNX file has more than {_MOST_FIELDS} fields.")
