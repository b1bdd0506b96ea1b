"""MXNet's `.params` files of every bad kind, on their way through `import_params`."""

from __future__ import annotations

import struct
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from bounds import Seen, one_byte_changed, refused_within_bounds, terabyte_file
from hypothesis import given, settings
from hypothesis import strategies as st
from params_files import START, joined, one_array, params_file

from zoo import gluon_params
from zoo.errors import WeightsError
from zoo.importing import import_params

ONE = np.ones(4, np.float32)
_GOOD = params_file({"a": ONE, "b": ONE.reshape(2, 2)})


def _one(**lies: object) -> bytes:
    return joined([one_array(ONE, **lies)], [b"a"])  # type: ignore[arg-type]


FILES: dict[str, bytes | Callable[[], bytes]] = {
    "empty": b"",
    "start_alone": START,
    "other_magic": b"\x13" + _GOOD[1:],
    "safetensors_inside": b"\x02\0\0\0\0\0\0\0{}" + bytes(20),
    "zip_inside": b"PK\x03\x04" + bytes(40),
    "pickle_inside": b"\x80\x04\x95" + bytes(40),
    "cut_in_the_numbers": _GOOD[:60],
    "cut_in_the_names": _GOOD[:-1],
    "cut_before_the_names": joined([one_array(ONE)], [])[:-8],
    "trailing_bytes": _GOOD + b"\0",
    "arrays_2_to_the_63": joined([one_array(ONE)], [b"a"], arrays=1 << 63),
    "arrays_a_million": joined([one_array(ONE)], [b"a"], arrays=1_000_000),
    "names_2_to_the_63": joined([one_array(ONE)], [b"a"], names=1 << 63),
    "names_missing": joined([one_array(ONE)], []),
    "names_too_many": joined([one_array(ONE)], [b"a", b"b"]),
    "name_of_2_to_the_62": _GOOD[:-9] + struct.pack("<Q", 1 << 62) + b"b",
    "name_not_utf8": joined([one_array(ONE)], [b"\xff"]),
    "name_with_nul": joined([one_array(ONE)], [b"a\0b"]),
    "name_a_path_up": joined([one_array(ONE)], [b"../a"]),
    "name_with_an_escape": joined([one_array(ONE)], [b"\x1b[31m"]),
    "name_empty": joined([one_array(ONE)], [b""]),
    "name_the_metadata": joined([one_array(ONE)], [b"__metadata__"]),
    "name_twice": joined([one_array(ONE)] * 2, [b"a", b"a"]),
    "name_twice_behind_prefixes": joined([one_array(ONE)] * 2, [b"arg:a", b"aux:a"]),
    "shape_of_a_terabyte": _one(shape=[1 << 38]),
    "shape_overflows_to_zero": _one(shape=[1 << 32, 1 << 32]),
    "shape_overflows_to_the_size": _one(shape=[(1 << 46) + 1, 1 << 18, 4]),
    "shape_negative": _one(shape=[-4]),
    "shape_unknown_of_numpy": _one(shape=[-1], version=3),
    "rank_2_to_the_31": _one(rank=(1 << 31) - 1),
    "rank_5000": lambda: _one(shape=[1] * 5000),
    "rank_minus_one": _one(rank=-1, version=3),
    "rank_of_version_0": _one(rank=5000, version=0),
    "without_a_value": _one(rank=0, shape=[]),
    "row_sparse": _one(storage=1),
    "csr": _one(storage=2),
    "storage_unknown": _one(storage=77),
    "dtype_unknown": _one(flag=77),
    "dtype_negative": _one(flag=-1),
    "dtype_bfloat16": _one(flag=12),
    "dtype_uint16": params_file({"a": np.ones(2, np.uint16)}),
    "nan": params_file({"a": np.array([1, np.nan], np.float32)}),
    "infinity": params_file({"a": np.array([1, np.inf], np.float32)}),
    "nan_of_16_bits": params_file({"a": np.array([np.nan], np.float16)}),
    "twenty_thousand_and_one": lambda: joined(
        [one_array(ONE)] * 20_001, [str(one).encode() for one in range(20_001)]
    ),
}


@pytest.mark.parametrize("name", FILES)
def test_params(name: str, tmp_path: Path, seen: Seen) -> None:
    """WeightsError in a second and 64 MiB; nothing is written"""
    path, out = tmp_path / "x.params", tmp_path / "x.safetensors"
    found = FILES[name]
    path.write_bytes(found if isinstance(found, bytes) else found())
    message = refused_within_bounds(lambda: import_params(path, out), WeightsError)
    assert "\n" not in message
    assert "\x1b" not in message
    assert [one.name for one in tmp_path.iterdir()] == ["x.params"]
    seen(message.removeprefix(f"{path}: ")[:110])


def test_params_sparse_file_of_a_terabyte(tmp_path: Path, seen: Seen) -> None:
    """refused before it is read"""
    path = terabyte_file(tmp_path / "x.params", _GOOD)
    act = lambda: import_params(path, tmp_path / "out")  # noqa: E731
    seen(refused_within_bounds(act, WeightsError)[-60:])


def test_params_reader_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seen: Seen) -> None:
    """a reader that crashes takes only its child process with it: WeightsError"""
    crash = tmp_path / "crash.py"
    crash.write_text("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)")
    _replaced(crash, tmp_path, monkeypatch, seen)


def test_params_reader_endless(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seen: Seen) -> None:
    """a reader that never ends is stopped: WeightsError"""
    loop = tmp_path / "loop.py"
    loop.write_text("while True: pass")
    monkeypatch.setattr("zoo.params_files._SECONDS", 1)
    _replaced(loop, tmp_path, monkeypatch, seen)


def test_params_reader_hungry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seen: Seen) -> None:
    """a reader that wants a gibibyte does not get it: WeightsError"""
    hungry = tmp_path / "hungry.py"
    hungry.write_text("x = bytes(1 << 30)")
    _replaced(hungry, tmp_path, monkeypatch, seen)


def _replaced(script: Path, folder: Path, monkeypatch: pytest.MonkeyPatch, seen: Seen) -> None:
    (folder / "x.params").write_bytes(_GOOD)
    monkeypatch.setattr(gluon_params, "__file__", str(script))
    with pytest.raises(WeightsError) as caught:
        import_params(folder / "x.params", folder / "out")
    assert not (folder / "out").exists()
    seen(str(caught.value).partition("x.params: ")[2])


def test_params_cut_anywhere() -> None:
    """a good file cut at every byte is refused by its structure"""
    for length in range(len(_GOOD)):
        with pytest.raises(gluon_params.FormatError):
            gluon_params.read_index(BytesIO(_GOOD[:length]))


def test_params_one_byte_changed() -> None:
    """every byte of a good file changed in turn: arrays within the file, or a refusal"""
    for changed in one_byte_changed(_GOOD):
        _index_or_refusal(changed)


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=200), st.integers(0, 3), st.lists(st.integers(-2, 1 << 40), max_size=4))
def test_params_random_bytes(body: bytes, version: int, shape: list[int]) -> None:
    """arrays within the file, or a refusal, from random bytes and random shapes"""
    fit = [one % (1 << 31) if version == 0 else one for one in shape]
    for content in (body, START + body, joined([one_array(ONE, version, shape=fit), body], [b"a"])):
        _index_or_refusal(content)


def _index_or_refusal(content: bytes) -> None:
    try:
        found = gluon_params.read_index(BytesIO(content))
    except gluon_params.FormatError:
        return
    ends = [0 <= one.start <= one.start + one.size <= len(content) for one in found.values()]
    assert all(ends)
