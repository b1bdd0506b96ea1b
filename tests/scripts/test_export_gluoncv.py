"""The table of GluonCV's exports: its form, its count, and that a measurement says what it says."""

from __future__ import annotations

import os
import re
import time
from pathlib import Path

import pytest

from zoo.errors import MissingDependencyError
from zoo.models import gluoncv

pytest.importorskip("zoo._mxnet", reason="needs MXNet", exc_type=ImportError)

import export_gluoncv as script

MEASURED = (  # small ones of each family, the repaired ones among them
    "cifar_resnet20_v1",
    "mobilenet0.25",
    "yolo3_mobilenet0.25_voc",
    "center_net_mobilenetv3_small_duc_voc",
    "custom_faster_rcnn_fpn",
    pytest.param(
        "custom_mask_rcnn_fpn",  # a minute
        marks=pytest.mark.skipif(
            "ZOO_ALL_NETWORKS" not in os.environ, reason="slow: set ZOO_ALL_NETWORKS=1"
        ),
    ),
    "fastscnn_citys",
    "mobile_pose_mobilenetv3_small",
    "resnet18_v1b_custom",
    "resnet50_v1b_gn",
    "monodepth2_resnet18_posenet_kitti_mono_640x192",
    "siamrpn_alexnet_v2_otb15",
)


@pytest.fixture
def installed() -> None:
    try:
        gluoncv.load()
    except MissingDependencyError as error:
        pytest.skip(str(error))


@pytest.fixture
def rows() -> dict[str, script.Row]:
    return script.read_table(script.TABLE)


def test_the_table_has_its_columns_and_only_known_names(rows: dict[str, script.Row]) -> None:
    assert {tuple(row) for row in rows.values()} == {script.FIELDS}
    assert list(rows) == sorted(rows)
    assert set(rows) <= set(gluoncv.networks())
    assert all(row["family"] == gluoncv.networks()[name].family for name, row in rows.items())


def test_a_row_is_complete_or_has_a_reason(rows: dict[str, script.Row]) -> None:
    for row in rows.values():
        assert row["status"]
        if row["status"] == "ok":
            assert all(row.values())
            assert (row["checker"], row["onnxruntime"]) == ("ok", "ok")
            assert 0 <= float(row["largest_relative_difference"]) <= 1e-4


def test_int8_names_have_their_reason(rows: dict[str, script.Row]) -> None:
    names = {name for name, one in gluoncv.networks().items() if one.family == gluoncv.INT8}
    assert len(names) == 22
    assert all("only as a download" in rows[name]["status"] for name in names)


@pytest.mark.parametrize("page", script.PAGES, ids=lambda page: page.name)
def test_pages_tell_the_count_of_the_table(page: Path, rows: dict[str, script.Row]) -> None:
    told = re.findall(r"\d+ of GluonCV's \d+ names", page.read_text("utf-8"))
    assert told == [script.count(rows)]


@pytest.mark.usefixtures("installed")
@pytest.mark.parametrize("name", MEASURED)
def test_a_row_can_be_measured_again(name: str, rows: dict[str, script.Row]) -> None:
    row = script.measure_apart(name, 300)
    assert row["status"] == "ok"
    if name in rows:
        same = ("family", "inputs", "nodes", "dynamic_batch")
        assert {key: row[key] for key in same} == {key: rows[name][key] for key in same}


def test_a_row_survives_the_table(rows: dict[str, script.Row], tmp_path: Path) -> None:
    script.write_table(tmp_path / "table.csv", rows)
    assert script.read_table(tmp_path / "table.csv") == rows
    assert (tmp_path / "table.csv").read_bytes() == script.TABLE.read_bytes()


def _sleep(name: str) -> script.Row:
    time.sleep(60)
    return {"name": name}


def _die(name: str) -> script.Row:
    os._exit(3)


@pytest.mark.usefixtures("installed")
def test_what_goes_wrong_is_the_reason() -> None:
    row = script.measure_apart("resnet50_v1_int8", 60)
    assert row["status"].startswith("ConfigError: gluoncv/resnet50_v1_int8 is a graph")
    assert script.measure_apart("alexnet", 0.5, _sleep)["status"] == "not done within 0.5 s"
    assert script.measure_apart("alexnet", 60, _die)["status"] == "its process ended with 3"
