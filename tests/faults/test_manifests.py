"""Manifests of every bad kind: refused by record and field, before anything is fetched."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from bounds import Seen, refused_within_bounds
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from records import document, record

from zoo import manifest
from zoo.errors import ManifestError
from zoo.manifest import read_manifest

VALID = json.dumps(document()).encode()
_MANY = b",".join(b'"%d":{}' % one for one in range(9_900))

TEXTS: dict[str, bytes | Callable[[], bytes]] = {
    "not_json": b"no json",
    "empty": b"",
    "only_spaces": b"   ",
    "bom": b"\xef\xbb\xbf" + VALID,
    "utf16": VALID.decode().encode("utf-16"),
    "not_utf8": VALID.replace(b"A sample", b"A\xffsample"),
    "of_100_mb": lambda: b" " * 100_000_000,
    "of_100_mb_valid_at_first": lambda: VALID + b" " * 100_000_000,
    "depth_100000": b"[" * 100_000,
    "depth_100000_of_objects": b'{"a":' * 100_000,
    "depth_100000_within": VALID.replace(b'"classes": 10', b'"x": ' + b"[" * 9999 + b"]" * 9999),
    "depth_900_within": VALID.replace(b'"classes": 10', b'"x": ' + b"[" * 900 + b"]" * 900),
    "depth_1100_within": VALID.replace(b'"classes": 10', b'"x": ' + b"[" * 1100 + b"]" * 1100),
    "cut": VALID[:-10],
    "two_documents": VALID + VALID,
    "duplicate_keys": b'{"schema": 1, "schema": 1, "weights": {}}',
    "duplicate_records": VALID[:-2] + b"," + VALID[len(b'{"schema": 1, "weights": {') :],
    "duplicate_keys_within": VALID.replace(b'"tag":', b'"tag": "x", "tag":'),
    "nan": VALID.replace(b'"parameters": 431080', b'"parameters": NaN'),
    "infinity": VALID.replace(b'"parameters": 431080', b'"parameters": 1e999'),
    "a_number_of_5000_digits": VALID.replace(b"431080", b"4" * 5000),
    "a_lone_surrogate": VALID.replace(b"lenet.mnist.safetensors", b"\\ud800"),
    "a_list": b"[]",
    "null": b"null",
    "no_schema": b'{"weights": {}}',
    "newer_schema": b'{"schema": 2, "weights": {}}',
    "schema_a_text": b'{"schema": "1", "weights": {}}',
    "schema_true": b'{"schema": true, "weights": {"a": {}}}',
    "schema_of_2_70": b'{"schema": 1180591620717411303424, "weights": {}}',
    "weights_a_list": b'{"schema": 1, "weights": []}',
    "a_million_empty_lists": lambda: b"[%s[]]" % (b"[]," * 1_000_000),
    "half_a_million_objects": lambda: b"[%s0]" % (b'{"":0},' * 500_000),
    "ten_thousand_empty_records": b'{"schema": 1, "weights": {%s}}' % _MANY,
    "nineteen_thousand_wrong_labels": VALID.replace(b'["0", ', b"[" + b"0," * 19_000),
    "a_wide_text": lambda: VALID.replace(b"A sample", "\U0001f600".encode() + b"a" * (3 << 20)),
}


@pytest.mark.parametrize("name", TEXTS)
def test_manifest(name: str, tmp_path: Path, seen: Seen) -> None:
    """ManifestError in a second and 64 MiB"""
    path = tmp_path / "weights_manifest.json"
    text = TEXTS[name]
    path.write_bytes(text if isinstance(text, bytes) else text())
    manifest._validator()
    message = refused_within_bounds(lambda: read_manifest(path), ManifestError)
    assert len(message) < 600 + len(str(path))
    seen(message.removeprefix(f"{path}: ")[:110])


def _set(*keys: Any) -> Callable[[Any], None]:
    """Put the last of the arguments where the others lead."""

    def change(one: Any) -> None:
        *way, last, value = keys
        for key in way:
            one = one[key]
        one[last] = value

    return change


def _drop(*keys: Any) -> Callable[[Any], None]:
    def change(one: Any) -> None:
        for key in keys[:-1]:
            one = one[key]
        del one[keys[-1]]

    return change


_FILE = ("artifacts", "safetensors")
_HUGE = 1 << 53
_SEEDS = {
    "metric": "accuracy",
    "dataset": "mnist",
    "split": "test",
    "n": 2,
    "mean": 1.7e308,
    "standard_deviation": 0.0,
    "values": {"0": 1.7e308, "1": 1.7e308},
}
FIELDS = {
    "sha256_missing": _drop(*_FILE, "sha256"),
    "sha256_short": _set(*_FILE, "sha256", "0" * 63),
    "sha256_of_8_digits": _set(*_FILE, "sha256", "0" * 8),
    "sha256_empty": _set(*_FILE, "sha256", ""),
    "sha256_null": _set(*_FILE, "sha256", None),
    "sha256_a_list": _set(*_FILE, "sha256", ["0" * 64]),
    "sha256_upper_case": _set(*_FILE, "sha256", "A" * 64),
    "sha256_with_a_newline": _set(*_FILE, "sha256", "0" * 64 + "\n"),
    "sha256_with_a_path": _set(*_FILE, "sha256", "../" + "0" * 61),
    "other_algorithm": _set(*_FILE, "sha256", "md5:" + "0" * 32),
    "other_algorithm_beside": _set(*_FILE, "md5", "0" * 32),
    "size_absent": _drop(*_FILE, "size"),
    "size_negative": _set(*_FILE, "size", -1),
    "size_a_float": _set(*_FILE, "size", 1724320.5),
    "size_a_text": _set(*_FILE, "size", "1724320"),
    "size_true": _set(*_FILE, "size", True),
    "size_null": _set(*_FILE, "size", None),
    "size_of_2_70": _set(*_FILE, "size", 1 << 70),
    "file_with_dots": _set(*_FILE, "file", "../x"),
    "file_with_dots_inside": _set(*_FILE, "file", "a/../../x"),
    "file_of_dots": _set(*_FILE, "file", ".."),
    "file_hidden": _set(*_FILE, "file", ".x"),
    "file_absolute": _set(*_FILE, "file", "/etc/passwd"),
    "file_with_a_drive_letter": _set(*_FILE, "file", "C:x"),
    "file_with_a_backslash": _set(*_FILE, "file", "a\\b"),
    "file_with_nul": _set(*_FILE, "file", "a\0b"),
    "file_with_a_newline": _set(*_FILE, "file", "a\n"),
    "file_with_an_escape": _set(*_FILE, "file", "\x1b[31m"),
    "file_empty": _set(*_FILE, "file", ""),
    "file_of_300_bytes": _set(*_FILE, "file", "x" * 300),
    "file_an_option": _set(*_FILE, "file", "-rf"),
    "file_of_look_alikes": _set(*_FILE, "file", "len\u0435t.safetensors"),
    "file_null": _set(*_FILE, "file", None),
    "source_ftp": _set(*_FILE, "sources", ["ftp://example.org/x"]),
    "source_data": _set(*_FILE, "sources", ["data:,x"]),
    "source_javascript": _set(*_FILE, "sources", ["javascript:alert(1)"]),
    "source_without_scheme": _set(*_FILE, "sources", ["/etc/passwd"]),
    "source_with_credentials": _set(*_FILE, "sources", ["https://me:secret@example.org/x"]),
    "source_with_a_user": _set(*_FILE, "sources", ["https://secret@example.org/x"]),
    "source_with_a_newline": _set(*_FILE, "sources", ["https://example.org/\r\nHost: x"]),
    "source_no_address": _set(*_FILE, "sources", ["https://[/x"]),
    "source_a_number": _set(*_FILE, "sources", [1]),
    "sources_a_text": _set(*_FILE, "sources", "https://example.org/x"),
    "sources_a_thousand": _set(*_FILE, "sources", ["https://example.org/x"] * 1000),
    "architecture_a_path": _set("architecture", "../lenet"),
    "surprising_field": _set("code", "import os"),
    "golden_shape_huge": _set("golden", "input", "shape", [_HUGE] * 16),
    "golden_shape_of_rank_5000": _set("golden", "input", "shape", [1] * 5000),
    "golden_shape_of_floats": _set("golden", "input", "shape", [2.0, 1.0]),
    "version_a_float": _set("version", 1.0),
    "metrics_beyond_floats": _set("metrics", 0, "value", 10**308),
    "seeds_beyond_sums": _set("seeds", _SEEDS),
    "preprocessing_of_a_million_millions": _set(
        "preprocessing", {"kind": "features", "count": 10**12}
    ),
    "provenance_with_an_escape": _set("provenance", "data", {"\x1b]0;owned\x07": "0" * 64}),
    "golden_not_base64": _set("golden", "input", "data", "?"),
    "golden_dtype_object": _set("golden", "input", "dtype", "object"),
    "golden_not_finite": _set(
        "golden", "output", {"dtype": "float32", "shape": [1], "data": "AADAfw=="}
    ),
}


@pytest.mark.parametrize("name", FIELDS)
def test_manifest_field(name: str, tmp_path: Path, seen: Seen) -> None:
    """ManifestError that names the record and the field, without a secret"""
    path = tmp_path / "weights_manifest.json"
    content = document()
    FIELDS[name](content["weights"]["lenet.mnist"])
    path.write_text(json.dumps(content))
    manifest._validator()
    message = refused_within_bounds(lambda: read_manifest(path), ManifestError)
    message = message.removeprefix(f"{path}: ")  # whose folder is named after the test
    assert "lenet" in message
    assert name.split("_")[0].rstrip("s") in message or "code" in message or "md5" in message
    assert "secret" not in message
    assert message.isprintable()
    seen(message[:110])


@pytest.mark.parametrize("one", [record(), {}], ids=["whole", "empty"])
def test_manifest_a_name_with_an_escape(one: Any, tmp_path: Path, seen: Seen) -> None:
    """a record's name that a terminal obeys: refused, and shown without it"""
    path = tmp_path / "weights_manifest.json"
    name = "\x1b]0;owned\x07\nlenet.mnist"
    path.write_text(json.dumps({"schema": 1, "weights": {name: one}}))
    message = refused_within_bounds(lambda: read_manifest(path), ManifestError)
    message = message.removeprefix(f"{path}: ")
    assert message.isprintable()
    seen(message[:110])


def test_manifest_two_files_on_one_name(tmp_path: Path, seen: Seen) -> None:
    """two records whose files have one name and other bytes: refused"""
    other = record(architecture="mlp")
    other["artifacts"]["safetensors"] |= {"sha256": "a" * 64, "file": "LENET.mnist.safetensors"}
    path = tmp_path / "weights_manifest.json"
    path.write_text(json.dumps(document(record(), other)))
    message = refused_within_bounds(lambda: read_manifest(path), ManifestError)
    assert "also a file of lenet.mnist, with other bytes" in message
    seen(message.removeprefix(f"{path}: ")[:110])


def test_manifest_record_under_another_name(tmp_path: Path) -> None:
    """a record that is not what its name says: refused"""
    path = tmp_path / "weights_manifest.json"
    path.write_text(json.dumps({"schema": 1, "weights": {"mlp.mnist": record()}}))
    message = refused_within_bounds(lambda: read_manifest(path), ManifestError)
    assert "architecture, tag and version say lenet.mnist" in message


@pytest.mark.parametrize("kind", ["missing", "folder", "fifo", "device"])
def test_manifest_no_file(kind: str, tmp_path: Path, seen: Seen) -> None:
    """no file, a folder, a FIFO, an endless device: ManifestError, nobody waits"""
    import os

    path = tmp_path / "weights_manifest.json"
    if kind == "folder":
        path.mkdir()
    elif kind == "fifo":
        os.mkfifo(path)
    elif kind == "device":
        path.symlink_to("/dev/zero")
    seen(refused_within_bounds(lambda: read_manifest(path), ManifestError)[-90:])


_PARTS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner),
    max_leaves=4,
)


def _places(part: Any, way: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    found = [way] if way else []
    pairs = part.items() if isinstance(part, dict) else ()
    for key, one in enumerate(part) if isinstance(part, list) else pairs:
        found += _places(one, (*way, key))
    return found


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.sampled_from(_places(document())), _PARTS)
def test_manifest_any_part_replaced(
    tmp_path_factory: pytest.TempPathFactory, way: tuple[Any, ...], part: Any
) -> None:
    """records or ManifestError, nothing else, whatever stands at any place"""
    content = copy.deepcopy(document())
    _set(*way, part)(content)
    path = tmp_path_factory.getbasetemp() / "replaced.json"
    path.write_text(json.dumps(content))
    try:
        records = read_manifest(path)
    except ManifestError as error:
        said = str(error)
        records = {}
        del error
        if len(said) > 900:
            pytest.fail(f"a message of {len(said)} characters")
    assert all(one.name == name for name, one in records.items())


@settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.binary(max_size=60))
def test_manifest_random_bytes(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    """ManifestError, nothing else, from random bytes"""
    path = tmp_path_factory.getbasetemp() / "random.json"
    path.write_bytes(content)
    with pytest.raises(ManifestError):
        read_manifest(path)
