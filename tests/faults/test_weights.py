"""safetensors files of every bad kind, and weights that do not fit their network."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from bounds import refused_within_bounds
from conftest import Seen
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from zoo import params
from zoo.errors import MissingDependencyError, WeightsError


def _file(header: Any, body: bytes = b"") -> bytes:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + body


def _entry(start: int, end: int, shape: Any = None, dtype: Any = "F32") -> dict[str, Any]:
    shape = [(end - start) // 4] if shape is None else shape
    return {"dtype": dtype, "shape": shape, "data_offsets": [start, end]}


def _many(count: int, entry: str) -> bytes:
    return _file(b"{%s}" % ",".join(f'"{one}":{entry}' for one in range(count)).encode())


_GOOD = _file({"a": _entry(0, 8)}, bytes(8))
_EMPTY = json.dumps(_entry(0, 0))
FILES: dict[str, bytes | Callable[[], bytes]] = {
    "empty": b"",
    "seven_bytes": b"\0" * 7,
    "eight_bytes": b"\0" * 8,
    "header_beyond_the_file": _GOOD[:20],
    "header_length_one_too_large": (len(_GOOD) - 7).to_bytes(8, "little") + _GOOD[8:],
    "header_of_2_63": (1 << 63).to_bytes(8, "little") + b"{}",
    "header_of_2_64_less_one": b"\xff" * 8 + b"{}",
    "header_of_100_mb_claimed": (100_000_000).to_bytes(8, "little") + b"{}",
    "header_not_utf8": _file(b'{"\xff":1}'),
    "header_utf16": _file('{"a":1}'.encode("utf-16")),
    "header_a_list": _file(b"[]"),
    "header_a_text": _file(b'"{}"'),
    "header_a_number": _file(b"1"),
    "header_null": _file(b"null"),
    "header_empty": _file(b""),
    "header_with_a_mark": _file(b"\xef\xbb\xbf{}"),
    "header_depth_100000": _file(b'{"a":' + b"[" * 100_000),
    "header_objects_depth_100000": _file(b'{"a":' * 100_000),
    "header_with_more_behind": _file(b"{}{}"),
    "header_with_nan": _file(b'{"a":NaN}'),
    "header_with_a_number_of_5000_digits": _file(b'{"a":%s}' % (b"9" * 5000)),
    "tensor_twice": _file(b'{"a":%s,"a":%s}' % ((_EMPTY.encode(),) * 2)),
    "field_twice": _file(b'{"a":{"dtype":"F32","dtype":"F32","shape":[0],"data_offsets":[0,0]}}'),
    "metadata_twice": _file(b'{"__metadata__":{"a":"b","a":"c"}}'),
    "body_cut": _GOOD[:-1],
    "trailing_bytes": _GOOD + b"\0",
    "bytes_without_tensors": _file({}, b"1234"),
    "hole": _file({"a": _entry(0, 4), "b": _entry(8, 12)}, bytes(12)),
    "hole_at_the_start": _file({"a": _entry(4, 8)}, bytes(8)),
    "overlap": _file({"a": _entry(0, 8), "b": _entry(4, 12)}, bytes(12)),
    "same_place": _file({"a": _entry(0, 8), "b": _entry(0, 8)}, bytes(8)),
    "offsets_out_of_order": _file({"a": _entry(4, 8), "b": _entry(0, 4)}, bytes(8)),
    "end_before_start": _file({"a": _entry(8, 0, [2])}, bytes(8)),
    "offsets_outside": _file({"a": _entry(0, 800)}, bytes(8)),
    "offset_negative": _file({"a": _entry(-8, 0)}, bytes(8)),
    "offset_a_fraction": _file({"a": {**_entry(0, 8), "data_offsets": [0, 8.0]}}, bytes(8)),
    "offset_of_2_70": _file({"a": _entry(0, 1 << 70)}, bytes(8)),
    "one_offset": _file({"a": {**_entry(0, 8), "data_offsets": [8]}}, bytes(8)),
    "three_offsets": _file({"a": {**_entry(0, 8), "data_offsets": [0, 8, 8]}}, bytes(8)),
    "shape_against_size": _file({"a": _entry(0, 8, [3])}, bytes(8)),
    "overflow": _file({"a": _entry(0, 8, [1 << 40, 1 << 40])}, bytes(8)),
    "overflow_to_zero": _file({"a": _entry(0, 0, [1 << 62, 4])}),
    "overflow_to_the_size": _file({"a": _entry(0, 8, [(1 << 62) + 2])}, bytes(8)),
    "dimension_negative": _file({"a": _entry(0, 8, [-1, -2])}, bytes(8)),
    "dimension_a_fraction": _file({"a": _entry(0, 8, [2.0])}, bytes(8)),
    "dimension_true": _file({"a": _entry(0, 4, [True])}, bytes(4)),
    "dimension_a_text": _file({"a": _entry(0, 8, ["2"])}, bytes(8)),
    "shape_a_number": _file({"a": _entry(0, 8, 2)}, bytes(8)),
    "rank_5000": _file({"a": _entry(0, 4, [1] * 5000)}, bytes(4)),
    "dtype_unknown": _file({"a": _entry(0, 8, [1], "X64")}, bytes(8)),
    "dtype_of_bits": _file({"a": _entry(0, 4, [8], "F4")}, bytes(4)),
    "dtype_a_list": _file({"a": _entry(0, 8, [2], ["F32"])}, bytes(8)),
    "dtype_missing": _file({"a": {"shape": [2], "data_offsets": [0, 8]}}, bytes(8)),
    "another_field": _file({"a": {**_entry(0, 8), "code": "x"}}, bytes(8)),
    "entry_a_list": _file({"a": [0, 8]}, bytes(8)),
    "entry_null": _file({"a": None}, bytes(8)),
    "name_with_nul": _file({"a\0b": _entry(0, 8)}, bytes(8)),
    "name_a_path_up": _file({"../a": _entry(0, 8)}, bytes(8)),
    "name_absolute": _file({"/a": _entry(0, 8)}, bytes(8)),
    "name_with_a_backslash": _file({"a\\b": _entry(0, 8)}, bytes(8)),
    "name_of_300": _file({"a" * 300: _entry(0, 8)}, bytes(8)),
    "name_empty": _file({"": _entry(0, 8)}, bytes(8)),
    "name_with_an_escape": _file({"\x1b[31m": _entry(0, 8)}, bytes(8)),
    "metadata_a_list": _file({"__metadata__": [], "a": _entry(0, 8)}, bytes(8)),
    "metadata_of_numbers": _file({"__metadata__": {"a": 1}, "a": _entry(0, 8)}, bytes(8)),
    "nan": _file({"a": _entry(0, 4)}, np.float32("nan").tobytes()),
    "nan_of_16_bits": _file({"a": _entry(0, 2, [1], "F16")}, np.float16("nan").tobytes()),
    "infinity": _file({"a": _entry(0, 4)}, np.float32("inf").tobytes()),
    "minus_infinity": _file({"a": _entry(0, 8, [1], "F64")}, np.float64("-inf").tobytes()),
    "truth_of_two": _file({"a": _entry(0, 3, [3], "BOOL")}, b"\0\1\2"),
    "thirty_thousand_tensors": lambda: _many(30_000, _EMPTY),
    "a_million_empty_tensors": lambda: _many(1_000_000, _EMPTY),
    "a_million_lists": lambda: _file(b'{"a":[%s]}' % (b"[]," * 999_999 + b"[]")),
    "a_million_small_objects": lambda: _file(b'{"a":[%s]}' % (b'{"":0},' * 550_000 + b"0")),
    "a_wide_text": lambda: _file('{"\U0001f600%s":0}'.encode() % (b"a" * (4 << 20))),
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
    assert message.removeprefix(str(path)) == again.removeprefix("the safetensors bytes")
    assert "\n" not in message
    assert "\x1b" not in message
    seen(message.removeprefix(f"{path}: ")[:110])


def test_safetensors_sparse_file_of_a_terabyte(tmp_path: Path, seen: Seen) -> None:
    """a valid header, a body that is far too long: refused before it is read"""
    path = tmp_path / "weights.safetensors"
    path.write_bytes(_GOOD)
    with path.open("r+b") as file:
        try:
            file.truncate(1 << 40)
        except OSError:
            pytest.skip("this file system has no such large files")
    seen(refused_within_bounds(lambda: params.read(path), WeightsError)[-60:])


@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.binary(max_size=200), st.integers(0, 1 << 64))
def test_safetensors_random_bytes(body: bytes, length: int) -> None:
    """arrays or WeightsError, nothing else, from random bytes"""
    for content in (body, (length % (1 << 64)).to_bytes(8, "little") + body, _file(body)):
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
    _arrays_or_refusal(_file(json.dumps(header).encode(), body))


def test_safetensors_one_byte_changed(tmp_path: Path) -> None:
    """every byte of a valid file changed in turn: arrays of the same size, or WeightsError"""
    arrays = {"a": np.ones((2, 3), np.float32), "b": np.arange(4, dtype=np.int64)}
    params.write(tmp_path / "weights", arrays)
    content = (tmp_path / "weights").read_bytes()
    choose = random.Random(1)
    for position in range(len(content)):
        changed = bytearray(content)
        changed[position] ^= choose.randrange(1, 256)
        _arrays_or_refusal(bytes(changed))


def _arrays_or_refusal(content: bytes) -> None:
    try:
        arrays = params.read(content)
    except WeightsError:
        pass
    else:
        assert sum(one.nbytes for one in arrays.values()) <= len(content)


NET = {"0.weight": (4, 3), "0.bias": (4,), "1.weight": (2, 4), "1.bias": (2,)}
GOOD = {name: np.full(shape, 0.5, np.float32) for name, shape in NET.items()}
UNFIT: dict[str, dict[str, Any]] = {
    "missing": {"1.bias": None},
    "extra": {"2.bias": np.zeros(2, np.float32)},
    "shape": {"0.bias": np.zeros(5, np.float32)},
    "transposed": {"1.weight": GOOD["1.weight"].T.copy()},
    "flattened": {"1.weight": GOOD["1.weight"].ravel()},
    "dtype": {"1.bias": np.zeros(2, np.float64)},
    "dtype_integer": {"1.bias": np.zeros(2, np.int32)},
    "not_finite": {"1.bias": np.array([0, np.nan], np.float32)},
    "other_model_of_the_same_shapes": {
        "0.weight": None,
        "other.0.weight": GOOD["0.weight"],
    },
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
    arrays = {key: one for key, one in {**GOOD, **UNFIT[name]}.items() if one is not None}
    with pytest.raises(WeightsError) as caught:
        params.load(net, arrays)
    seen(caught.value)
    assert next(iter(UNFIT[name])) in str(caught.value)
    for key, array in params.arrays(net).items():
        np.testing.assert_array_equal(array, before[key])
