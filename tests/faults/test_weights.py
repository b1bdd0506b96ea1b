"""safetensors files of every bad kind, and weights that do not fit their network."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from bounds import Seen, one_byte_changed, refused_within_bounds, terabyte_file
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors_files import entry, safetensors_file

from zoo import params
from zoo.errors import MissingDependencyError, WeightsError


def _many(count: int) -> bytes:
    entries = ",".join(f'"{one}":{_EMPTY}' for one in range(count))
    return safetensors_file(b"{%s}" % entries.encode())


_GOOD = safetensors_file({"a": entry(0, 8)}, bytes(8))
_EMPTY = json.dumps(entry(0, 0))
FILES: dict[str, bytes | Callable[[], bytes]] = {
    "empty": b"",
    "seven_bytes": b"\0" * 7,
    "eight_bytes": b"\0" * 8,
    "header_beyond_the_file": _GOOD[:20],
    "header_length_one_too_large": (len(_GOOD) - 7).to_bytes(8, "little") + _GOOD[8:],
    "header_of_2_63": (1 << 63).to_bytes(8, "little") + b"{}",
    "header_of_2_64_less_one": b"\xff" * 8 + b"{}",
    "header_of_100_mb_claimed": (100_000_000).to_bytes(8, "little") + b"{}",
    "header_not_utf8": safetensors_file(b'{"\xff":1}'),
    "header_utf16": safetensors_file('{"a":1}'.encode("utf-16")),
    "header_a_list": safetensors_file(b"[]"),
    "header_a_text": safetensors_file(b'"{}"'),
    "header_a_number": safetensors_file(b"1"),
    "header_null": safetensors_file(b"null"),
    "header_empty": safetensors_file(b""),
    "header_with_a_mark": safetensors_file(b"\xef\xbb\xbf{}"),
    "header_depth_100000": safetensors_file(b'{"a":' + b"[" * 100_000),
    "header_objects_depth_100000": safetensors_file(b'{"a":' * 100_000),
    "header_with_more_behind": safetensors_file(b"{}{}"),
    "header_with_nan": safetensors_file(b'{"a":NaN}'),
    "header_with_a_number_of_5000_digits": safetensors_file(b'{"a":%s}' % (b"9" * 5000)),
    "tensor_twice": safetensors_file(b'{"a":%s,"a":%s}' % ((_EMPTY.encode(),) * 2)),
    "field_twice": safetensors_file(
        b'{"a":{"dtype":"F32","dtype":"F32","shape":[0],"data_offsets":[0,0]}}'
    ),
    "metadata_twice": safetensors_file(b'{"__metadata__":{"a":"b","a":"c"}}'),
    "body_cut": _GOOD[:-1],
    "trailing_bytes": _GOOD + b"\0",
    "bytes_without_tensors": safetensors_file({}, b"1234"),
    "hole": safetensors_file({"a": entry(0, 4), "b": entry(8, 12)}, bytes(12)),
    "hole_at_the_start": safetensors_file({"a": entry(4, 8)}, bytes(8)),
    "overlap": safetensors_file({"a": entry(0, 8), "b": entry(4, 12)}, bytes(12)),
    "same_place": safetensors_file({"a": entry(0, 8), "b": entry(0, 8)}, bytes(8)),
    "offsets_out_of_order": safetensors_file({"a": entry(4, 8), "b": entry(0, 4)}, bytes(8)),
    "end_before_start": safetensors_file({"a": entry(8, 0, [2])}, bytes(8)),
    "offsets_outside": safetensors_file({"a": entry(0, 800)}, bytes(8)),
    "offset_negative": safetensors_file({"a": entry(-8, 0)}, bytes(8)),
    "offset_a_fraction": safetensors_file(
        {"a": {**entry(0, 8), "data_offsets": [0, 8.0]}}, bytes(8)
    ),
    "offset_of_2_70": safetensors_file({"a": entry(0, 1 << 70)}, bytes(8)),
    "one_offset": safetensors_file({"a": {**entry(0, 8), "data_offsets": [8]}}, bytes(8)),
    "three_offsets": safetensors_file({"a": {**entry(0, 8), "data_offsets": [0, 8, 8]}}, bytes(8)),
    "shape_against_size": safetensors_file({"a": entry(0, 8, [3])}, bytes(8)),
    "overflow": safetensors_file({"a": entry(0, 8, [1 << 40, 1 << 40])}, bytes(8)),
    "overflow_to_zero": safetensors_file({"a": entry(0, 0, [1 << 62, 4])}),
    "overflow_to_the_size": safetensors_file({"a": entry(0, 8, [(1 << 62) + 2])}, bytes(8)),
    "dimension_negative": safetensors_file({"a": entry(0, 8, [-1, -2])}, bytes(8)),
    "dimension_a_fraction": safetensors_file({"a": entry(0, 8, [2.0])}, bytes(8)),
    "dimension_true": safetensors_file({"a": entry(0, 4, [True])}, bytes(4)),
    "dimension_a_text": safetensors_file({"a": entry(0, 8, ["2"])}, bytes(8)),
    "shape_a_number": safetensors_file({"a": entry(0, 8, 2)}, bytes(8)),
    "rank_5000": safetensors_file({"a": entry(0, 4, [1] * 5000)}, bytes(4)),
    "dtype_unknown": safetensors_file({"a": entry(0, 8, [1], "X64")}, bytes(8)),
    "dtype_of_bits": safetensors_file({"a": entry(0, 4, [8], "F4")}, bytes(4)),
    "dtype_a_list": safetensors_file({"a": entry(0, 8, [2], ["F32"])}, bytes(8)),
    "dtype_missing": safetensors_file({"a": {"shape": [2], "data_offsets": [0, 8]}}, bytes(8)),
    "another_field": safetensors_file({"a": {**entry(0, 8), "code": "x"}}, bytes(8)),
    "entry_a_list": safetensors_file({"a": [0, 8]}, bytes(8)),
    "entry_null": safetensors_file({"a": None}, bytes(8)),
    "name_with_nul": safetensors_file({"a\0b": entry(0, 8)}, bytes(8)),
    "name_a_path_up": safetensors_file({"../a": entry(0, 8)}, bytes(8)),
    "name_absolute": safetensors_file({"/a": entry(0, 8)}, bytes(8)),
    "name_with_a_backslash": safetensors_file({"a\\b": entry(0, 8)}, bytes(8)),
    "name_of_300": safetensors_file({"a" * 300: entry(0, 8)}, bytes(8)),
    "name_empty": safetensors_file({"": entry(0, 8)}, bytes(8)),
    "name_with_an_escape": safetensors_file({"\x1b[31m": entry(0, 8)}, bytes(8)),
    "metadata_a_list": safetensors_file({"__metadata__": [], "a": entry(0, 8)}, bytes(8)),
    "metadata_of_numbers": safetensors_file({"__metadata__": {"a": 1}, "a": entry(0, 8)}, bytes(8)),
    "nan": safetensors_file({"a": entry(0, 4)}, np.float32("nan").tobytes()),
    "nan_of_16_bits": safetensors_file({"a": entry(0, 2, [1], "F16")}, np.float16("nan").tobytes()),
    "infinity": safetensors_file({"a": entry(0, 4)}, np.float32("inf").tobytes()),
    "minus_infinity": safetensors_file(
        {"a": entry(0, 8, [1], "F64")}, np.float64("-inf").tobytes()
    ),
    "truth_of_two": safetensors_file({"a": entry(0, 3, [3], "BOOL")}, b"\0\1\2"),
    "thirty_thousand_tensors": lambda: _many(30_000),
    "a_million_empty_tensors": lambda: _many(1_000_000),
    "a_million_lists": lambda: safetensors_file(b'{"a":[%s]}' % (b"[]," * 999_999 + b"[]")),
    "a_million_small_objects": lambda: safetensors_file(
        b'{"a":[%s]}' % (b'{"":0},' * 550_000 + b"0")
    ),
    "a_wide_text": lambda: safetensors_file('{"\U0001f600%s":0}'.encode() % (b"a" * (4 << 20))),
    "a_pickle": b"\x80\x04\x95\x10\0\0\0\0\0\0\0\x8c\x02os\x94.",
    "a_zip": b"PK\x03\x04" + bytes(100),
    "zeros_of_a_mebibyte": bytes(1 << 20),
}


@pytest.mark.parametrize("name", FILES)
def test_safetensors(name: str, tmp_path: Path, seen: Seen) -> None:
    """WeightsError in a second and 64 MiB, as a file and as bytes"""
    path = tmp_path / "weights.safetensors"
    found = FILES[name]
    content = found if isinstance(found, bytes) else found()
    path.write_bytes(content)
    message = refused_within_bounds(lambda: params.read(path), WeightsError)
    again = refused_within_bounds(lambda: params.read(content), WeightsError)
    assert message.startswith(str(path))
    assert message.removeprefix(str(path)) == again.removeprefix("the safetensors bytes")
    assert len(again) < 400
    assert "\n" not in message
    assert "\x1b" not in message
    seen(message.removeprefix(f"{path}: ")[:110])


def test_safetensors_sparse_file_of_a_terabyte(tmp_path: Path, seen: Seen) -> None:
    """a valid header, a body that is far too long: refused before it is read"""
    path = terabyte_file(tmp_path / "weights.safetensors", _GOOD)
    seen(refused_within_bounds(lambda: params.read(path), WeightsError)[-60:])


@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.binary(max_size=200), st.integers(0, 1 << 64))
def test_safetensors_random_bytes(body: bytes, length: int) -> None:
    """arrays or WeightsError, nothing else, from random bytes"""
    for content in (
        body,
        (length % (1 << 64)).to_bytes(8, "little") + body,
        safetensors_file(body),
    ):
        _arrays_or_refusal(content)


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3)
    ),
    max_leaves=5,
)
_ENTRIES = st.fixed_dictionaries(
    {
        "dtype": st.sampled_from(["F32", "F16", "I64", "U8", "BOOL"]) | _JSON,
        "shape": st.lists(st.integers(-1, 4), max_size=3) | _JSON,
        "data_offsets": st.lists(st.integers(-1, 40), min_size=2, max_size=2) | _JSON,
    }
)


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.dictionaries(st.text(max_size=6), _ENTRIES | _JSON, max_size=3), st.binary(max_size=64))
def test_safetensors_random_headers(header: dict[str, Any], body: bytes) -> None:
    """arrays or WeightsError, nothing else, from random headers"""
    _arrays_or_refusal(safetensors_file(json.dumps(header).encode(), body))


def test_safetensors_one_byte_changed(tmp_path: Path) -> None:
    """every byte of a valid file changed in turn: arrays of the same size, or WeightsError"""
    arrays = {"a": np.ones((2, 3), np.float32), "b": np.arange(4, dtype=np.int64)}
    params.write(tmp_path / "weights", arrays)
    content = (tmp_path / "weights").read_bytes()
    for changed in one_byte_changed(content):
        _arrays_or_refusal(changed)


def _arrays_or_refusal(content: bytes) -> None:
    try:
        arrays = params.read(content)
    except WeightsError:
        pass
    else:
        assert sum(one.nbytes for one in arrays.values()) <= len(content)


NET = {"0.weight": (4, 3), "0.bias": (4,), "1.weight": (2, 4), "1.bias": (2,)}
FITTING = {name: np.full(shape, 0.5, np.float32) for name, shape in NET.items()}
UNFIT: dict[str, tuple[dict[str, Any], str]] = {
    "missing": ({"1.bias": None}, r"missing: 1\.bias"),
    "extra": ({"2.bias": np.zeros(2, np.float32)}, r"unknown: 2\.bias"),
    "shape": ({"0.bias": np.zeros(5, np.float32)}, r"0\.bias is \(5,\), expected \(4,\)"),
    "transposed": (
        {"1.weight": FITTING["1.weight"].T.copy()},
        r"1\.weight is \(4, 2\), expected \(2, 4\)",
    ),
    "flattened": (
        {"1.weight": FITTING["1.weight"].ravel()},
        r"1\.weight is \(8,\), expected \(2, 4\)",
    ),
    "dtype": ({"1.bias": np.zeros(2, np.float64)}, r"1\.bias is float64, expected float32"),
    "dtype_integer": ({"1.bias": np.zeros(2, np.int32)}, r"1\.bias is int32, expected float32"),
    "not_finite": ({"1.bias": np.array([0, np.nan], np.float32)}, r"not finite in 1\.bias"),
    "other_model_of_the_same_shapes": (
        {"0.weight": None, "other.0.weight": FITTING["0.weight"]},
        r"missing: 0\.weight; unknown: other\.0\.weight",
    ),
}


@pytest.mark.parametrize("name", UNFIT)
def test_against_the_network(name: str, seen: Seen) -> None:
    """WeightsError that names the parameter; the old values stay untouched"""
    try:
        from zoo._mxnet import mx
    except MissingDependencyError as error:
        pytest.skip(str(error))
    net = mx.gluon.nn.HybridSequential()
    net.add(mx.gluon.nn.Dense(4, in_units=3), mx.gluon.nn.Dense(2, in_units=4))
    net.initialize()
    before = params.arrays(net)
    changes, reason = UNFIT[name]
    arrays = {key: one for key, one in {**FITTING, **changes}.items() if one is not None}
    with pytest.raises(WeightsError, match=reason) as caught:
        params.load(net, arrays)
    seen(caught.value)
    for key, array in params.arrays(net).items():
        np.testing.assert_array_equal(array, before[key])
