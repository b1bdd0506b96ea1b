"""A name means the newest version; the superseded ones stay under NAME@VERSION."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from records import record

from zoo import tables
from zoo.addresses import parse_address
from zoo.errors import ManifestError, UnknownModelError
from zoo.hubs import read_hub
from zoo.lookup import get_weights, list_weights, search
from zoo.manifest import FILE_NAME, Weights, parse_manifest, read_manifest, write_manifest
from zoo.manifest import get_weights as look_up
from zoo.versions import arranged, newest, versions_of


def version(number: int, tag: str = "mnist", **changes: Any) -> Weights:
    """The sample record as that version, with files of its own."""
    stem = f"lenet.{tag}" + (f".v{number}" if number > 1 else "")
    files = {"safetensors": f"{stem}.safetensors", "onnx-graph": f"{stem}.graph.onnx"}
    made = record(tag=tag, **changes)
    for kind, file in files.items():
        digest = f"{number + 10 * (tag != 'mnist'):x}" * 64
        made["artifacts"][kind] |= {"file": file, "sha256": digest[:64]}
    return Weights.from_json(made if number == 1 else made | {"version": number})


@pytest.fixture
def records() -> dict[str, Weights]:
    return arranged([version(1), version(1, "other"), version(3), version(2)])


def test_the_newest_has_the_name_and_the_place(records: dict[str, Weights]) -> None:
    assert list(records) == ["lenet.mnist", "lenet.mnist@2", "lenet.mnist@1", "lenet.other"]
    assert [one.version for one in records.values()] == [3, 2, 1, 1]
    assert all(name == one.name for name, one in records.items())
    assert list(newest(records)) == ["lenet.mnist", "lenet.other"]
    assert [one.version for one in versions_of("lenet.mnist", records)] == [3, 2, 1]


@pytest.mark.parametrize(
    ("name", "number"),
    [("lenet", 3), ("lenet.mnist", 3), ("lenet.mnist@3", 3), ("lenet.mnist@1", 1)],
)
def test_what_a_name_means(name: str, number: int, records: dict[str, Weights]) -> None:
    assert look_up(name, records).version == number
    reordered = dict(reversed(records.items()))
    if name != "lenet":
        assert look_up(name, reordered).version == number


def test_a_version_that_is_not_there(records: dict[str, Weights]) -> None:
    with pytest.raises(UnknownModelError, match=r"No published weights 'lenet\.mnist@4'"):
        look_up("lenet.mnist@4", records)


def test_a_manifest_keeps_all_of_them(records: dict[str, Weights], tmp_path: Path) -> None:
    write_manifest(tmp_path / FILE_NAME, records)
    found = read_manifest(tmp_path / FILE_NAME)
    assert {name: one.to_json() for name, one in found.items()} == {
        name: one.to_json() for name, one in records.items()
    }
    assert [one.superseded for one in found.values()] == [False, True, True, False]
    assert "version" not in found["lenet.mnist@1"].to_json()  # as it was published


def test_lists_show_the_newest_unless_asked(records: dict[str, Weights], tmp_path: Path) -> None:
    write_manifest(tmp_path / FILE_NAME, records)
    hub = str(tmp_path)
    assert [one.name for one in search(hub)] == ["lenet.mnist", "lenet.other"]
    assert [one.pinned for one in search(f"{hub}::lenet.mnist@*")] == [
        "lenet.mnist@3",
        "lenet.mnist@2",
        "lenet.mnist@1",
    ]
    assert list_weights(f"{hub}::*@1") == [f"{hub}::lenet.mnist@1", f"{hub}::lenet.other"]
    assert get_weights(f"{hub}::lenet.mnist@2").version == 2
    table = tables.overview(newest(read_hub(parse_address(hub)).records).values())
    assert "lenet.mnist@" not in table


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        (["lenet.mnist", "lenet.mnist@2"], "the newest version, 2, has the name lenet.mnist"),
        (["lenet.mnist@1", "lenet.mnist@2"], "the newest version, 2, has the name lenet.mnist"),
        (["lenet.mnist@2", "lenet.mnist"], "architecture, tag and version say lenet.mnist@1"),
        (["lenet.mnist@7", "lenet.mnist"], "architecture, tag and version say lenet.mnist@1"),
    ],
)
def test_wrong_keys_are_refused(keys: list[str], message: str) -> None:
    pair = dict(zip(keys, (version(1).to_json(), version(2).to_json()), strict=True))
    with pytest.raises(ManifestError, match=message):
        parse_manifest(json.dumps({"schema": 1, "weights": pair}).encode(), "here")


def test_a_version_twice_is_refused() -> None:
    with pytest.raises(ManifestError, match=r"lenet\.mnist@2: this version is there twice"):
        arranged([version(1), version(2), version(2)])


@pytest.mark.parametrize("number", [0, -1, 1.5, "2", True, 10**6])
def test_a_version_is_a_small_positive_integer(number: object) -> None:
    pair = {"lenet.mnist": record(version=number)}
    with pytest.raises(ManifestError, match=r"lenet\.mnist: version"):
        parse_manifest(json.dumps({"schema": 1, "weights": pair}).encode(), "here")
