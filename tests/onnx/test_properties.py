"""Shapes that nobody thought of: reshapes, slices, broadcasts and pooling drawn by hypothesis."""

from __future__ import annotations

import pytest

pytest.importorskip("zoo._mxnet", reason="needs MXNet", exc_type=ImportError)

from typing import Any

from hypothesis import given, reject, settings
from hypothesis import strategies as st
from layers import Case, check, function

from zoo.errors import ExportError

few = settings(derandomize=True, database=None, deadline=None, max_examples=25)
sizes = st.integers(1, 4)
shapes = st.lists(sizes, min_size=1, max_size=4)


@st.composite
def reshapes(draw: st.DrawFn) -> tuple[list[int], list[int]]:
    """A shape and MXNet's codes that fit it."""
    shape = draw(shapes)
    codes: list[int] = []
    place = 0
    while place < len(shape):
        size = shape[place]
        kinds = ["keep", "number", "rest", "split"]
        kind = draw(st.sampled_from([*kinds, "merge"] if place + 1 < len(shape) else kinds))
        if kind == "split":
            part = draw(st.sampled_from([one for one in range(1, size + 1) if size % one == 0]))
            pair = draw(st.sampled_from([(part, size // part), (-1, part), (part, -1)]))
            codes += [-4, *pair]
        else:
            codes.append({"keep": 0, "number": size, "rest": -2, "merge": -3}[kind])
        place += {"merge": 2, "rest": len(shape)}.get(kind, 1)
    return shape, codes


@few
@given(reshapes())
def test_reshapes(drawn: tuple[list[int], list[int]]) -> None:
    shape, codes = drawn
    call = function(lambda F, x: F.reshape(x, (0, *codes)))
    check(Case("reshape", call, ("batch", *shape)), 21)


@few
@given(st.permutations([2, 3, 4]), st.integers(0, 3), st.sampled_from([17, 21]))
def test_reshapes_with_an_inferred_size(shape: list[int], place: int, opset: int) -> None:
    target = [*shape[::-1]]
    target.insert(place, -1)
    call = function(lambda F, x: F.reshape(x, target))
    check(Case("reshape", call, ("batch", *shape)), opset)


@st.composite
def cuts(draw: st.DrawFn) -> tuple[int, tuple[int | None, int | None, int | None]]:
    """An axis' size, and begin, end and step of a part that is not empty."""
    size = draw(st.integers(1, 6))
    low = draw(st.integers(0, size - 1))
    high = draw(st.integers(low, size - 1))
    step = draw(st.sampled_from([None, 1, 2, -1, -2]))
    if (step or 1) > 0:
        begin, end = low, high + 1 if high + 1 < size else None
    else:
        begin, end = high, low - 1 if low > 0 else None
    back = draw(st.booleans())
    return size, (begin - size if back else begin, end, step)


@few
@given(st.lists(cuts(), min_size=1, max_size=3), st.sampled_from([17, 21]))
def test_slices(drawn: list[Any], opset: int) -> None:
    begin, end, step = zip(*(one for _, one in drawn), strict=True)
    arguments = {"begin": (None, *begin), "end": (None, *end), "step": (None, *step)}
    shape = ("batch", *(size for size, _ in drawn))
    check(Case("slice", function(lambda F, x: F.slice(x, **arguments)), shape), opset)


@few
@given(
    st.lists(st.tuples(sizes, st.sampled_from([(0, 0), (0, 1), (1, 0)])), min_size=1, max_size=4),
    st.sampled_from(["add", "mul", "sub", "maximum", "hypot", "lesser"]),
    st.booleans(),
)
def test_broadcasts(drawn: list[Any], name: str, over_batch: bool) -> None:
    """Either side may be 1 where the other is longer."""
    one = [1 if ones[0] else size for size, ones in drawn]
    other = [1 if ones[1] else size for size, ones in drawn]
    call = function(lambda F, x, y: getattr(F, f"broadcast_{name}")(x, y))
    inputs = [("batch", *one), (1 if over_batch else "batch", *other)]
    check(Case("broadcast", call, inputs), 21)


@st.composite
def windows(draw: st.DrawFn) -> dict[str, Any]:
    dimensions = draw(st.integers(1, 3))
    kernel = [draw(st.integers(1, 3)) for _ in range(dimensions)]
    convention = draw(st.sampled_from(["valid", "full"]))
    kinds = ["max", "avg", "sum"] if convention == "valid" else ["max", "avg"]
    return {
        "kernel": kernel,
        "stride": [draw(st.integers(1, 3)) for _ in kernel],
        "pad": [draw(st.integers(0, size // 2)) for size in kernel],
        "pool_type": draw(st.sampled_from(kinds)),
        "pooling_convention": convention,
        "count_include_pad": draw(st.booleans()),
    }


@few
@given(windows(), st.data(), st.sampled_from([17, 21]))
def test_pooling(window: dict[str, Any], data: st.DataObject, opset: int) -> None:
    shape = [data.draw(st.integers(3, 8)) for _ in window["kernel"]]
    call = function(lambda F, x: F.Pooling(x, **window))
    try:
        check(Case("pooling", call, ("batch", 2, *shape), tolerance=5e-6), opset)
    except ExportError as error:  # a window in the padding has no average
        if "nothing but padding" not in str(error):
            raise
        reject()
