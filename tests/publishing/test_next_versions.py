"""A better recipe becomes the next version, and the one before stays as it was published."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import onnx
import pytest
from run_folders import ADULT, change_run, content_of, refusal

from zoo import get_model, params, tables
from zoo.evaluation import evaluate
from zoo.lookup import get_weights
from zoo.manifest import FILE_NAME, read_manifest
from zoo.publish import publish
from zoo.sharing.mirror import mirror
from zoo.sharing.release import Wanted

pytest_plugins = ["publications"]
pytest.importorskip("zoo._mxnet", reason="publishing needs MXNet", exc_type=ImportError)


def change_weights(run: Path, by: float, seed: int = 3) -> None:
    """Other weights, as of another seed or of a better recipe."""
    arrays = params.read(run / "final.safetensors")
    arrays["output.bias"] = arrays["output.bias"] + np.float32(by)
    change_run(run, sha256=params.write(run / "final.safetensors", arrays), seed=seed)


@pytest.fixture
def better_run(finished_run: Path, tmp_path: Path) -> Path:
    """The finished run with another recipe and other weights."""
    run = Path(shutil.copytree(finished_run, tmp_path / "better"))
    change_weights(run, 0.01)
    recipe = {"name": ADULT, "dataset": "adult", "task": "tabular-classification"}
    change_run(run, recipe={**recipe, "target": 0.84, "epochs": 3})
    return run


def test_another_recipe_becomes_the_next_version(
    finished_run: Path, better_run: Path, empty_hub: Path
) -> None:
    first = publish(finished_run, hub=empty_hub)
    before = content_of(empty_hub)
    second = publish(better_run, hub=empty_hub)
    assert (second.name, second.version, second.pinned) == (ADULT, 2, f"{ADULT}@2")
    records = read_manifest(empty_hub / FILE_NAME)
    assert list(records) == [ADULT, f"{ADULT}@1"]
    assert records[f"{ADULT}@1"].to_json() == first.to_json()
    after = content_of(empty_hub)
    changed = {name for name in after if before.get(name) != after[name]}
    assert changed == {
        FILE_NAME,
        "README.md",
        f"{ADULT}.v2.safetensors",
        f"{ADULT}.v2.graph.onnx",
        f"docs/training_logs/{ADULT}.v2.jsonl",
        f"docs/training_logs/{ADULT}.v2.png",
    }
    assert second.provenance["log"] == f"docs/training_logs/{ADULT}.v2.jsonl"
    assert tables.stale(empty_hub) == [
        f"docs/models.md has no lines {tables.BEGIN} and {tables.END}: add them."
    ]


def test_other_settings_make_a_next_version(finished_run: Path, empty_hub: Path) -> None:
    first = publish(finished_run, hub=empty_hub)
    change_run(finished_run, environment={"settings": {"OMP_NUM_THREADS": "7"}})
    assert publish(finished_run, hub=empty_hub).to_json() == first.to_json()  # these very bytes
    change_weights(finished_run, 0.01)
    second = publish(finished_run, hub=empty_hub)
    assert second.version == 2
    assert second.provenance["recipe"] == first.provenance["recipe"]


def test_a_name_gives_the_newest_and_a_pin_the_old_bytes(
    finished_run: Path, better_run: Path, empty_hub: Path
) -> None:
    for run in (finished_run, better_run):
        publish(run, hub=empty_hub)
    found = {}
    for name in (ADULT, f"{ADULT}@2", f"{ADULT}@1", "logistic_regression"):
        net = get_model(f"{empty_hub}::{name}", pretrained=True)
        found[name] = float(params.arrays(net)["output.bias"][0])
        assert evaluate(get_weights(f"{empty_hub}::{name}"), "onnx").agrees
    assert found[ADULT] == found[f"{ADULT}@2"] == found["logistic_regression"]
    assert found[f"{ADULT}@1"] == pytest.approx(found[ADULT] - 0.01, abs=1e-6)
    graph = onnx.load(empty_hub / f"{ADULT}.v2.graph.onnx")
    assert {"name": ADULT, "version": "2"}.items() <= {
        one.key: one.value for one in graph.metadata_props
    }.items()


def test_either_version_published_again_changes_nothing(
    finished_run: Path, better_run: Path, empty_hub: Path
) -> None:
    for run in (finished_run, better_run):
        publish(run, hub=empty_hub)
    before = content_of(empty_hub)
    assert publish(finished_run, hub=empty_hub).name == f"{ADULT}@1"
    assert publish(better_run, hub=empty_hub).name == ADULT
    assert content_of(empty_hub) == before
    change_weights(finished_run, 0.02)
    assert f"{ADULT}@1 is already published from another run" in refusal(finished_run, empty_hub)


def test_a_mirror_takes_a_version_to_its_older_ones(
    finished_run: Path, better_run: Path, empty_hub: Path, tmp_path: Path
) -> None:
    publish(finished_run, hub=empty_hub)
    folder = tmp_path / "mirror"
    mirror(folder, Wanted([ADULT], hub=empty_hub))
    publish(better_run, hub=empty_hub)
    mirror(folder, Wanted([ADULT], hub=empty_hub))
    assert list(read_manifest(folder / FILE_NAME)) == [ADULT, f"{ADULT}@1"]
    whole = tmp_path / "whole"
    mirror(whole, Wanted(["*"], hub=empty_hub))
    assert list(read_manifest(whole / FILE_NAME)) == [ADULT, f"{ADULT}@1"]
    one = tmp_path / "one"
    mirror(one, Wanted([f"{ADULT}@1"], hub=empty_hub))
    mirror(one, Wanted(runs=[better_run]))
    assert list(read_manifest(one / FILE_NAME)) == [ADULT, f"{ADULT}@1"]
    for place in (folder, whole, one):
        assert (place / f"{ADULT}.v2.safetensors").is_file()


def seeds_of(run: Path, folder: Path, *seeds: int) -> Path:
    """Runs that differ in seed and weights."""
    for seed in seeds:
        other = Path(shutil.copytree(run, folder / f"seed-{seed}"))
        if seed != 3:
            change_weights(other, 0.05 * (1 + seed), seed)
    return folder


def test_the_spread_over_seeds_is_measured(
    finished_run: Path, empty_hub: Path, tmp_path: Path
) -> None:
    others = seeds_of(finished_run, tmp_path / "seeds", 1, 2, 3)
    weights = publish(finished_run, hub=empty_hub, seeds=others)
    assert weights.seeds is not None
    assert list(weights.seeds.values) == [1, 2, 3]
    assert weights.seeds.values[3] == weights.metrics[0].value
    assert len(set(weights.seeds.values.values())) == 3
    for seed in (1, 2):
        apart = publish(others / f"seed-{seed}", hub=tmp_path / f"hub-{seed}")
        assert apart.metrics[0].value == weights.seeds.values[seed]
    assert read_manifest(empty_hub / FILE_NAME)[ADULT].seeds == weights.seeds
    assert "| over seeds |" in (empty_hub / "README.md").read_text()
    assert publish(finished_run, hub=empty_hub, seeds=others).to_json() == weights.to_json()
    assert publish(finished_run, hub=empty_hub).to_json() == weights.to_json()


def test_seeds_cannot_be_added_to_a_published_record(
    finished_run: Path, empty_hub: Path, tmp_path: Path
) -> None:
    from zoo.errors import PublishError

    others = seeds_of(finished_run, tmp_path / "seeds", 1)
    publish(finished_run, hub=empty_hub)
    with pytest.raises(PublishError, match="already published with no seeds"):
        publish(finished_run, hub=empty_hub, seeds=others)


@pytest.mark.parametrize(
    ("facts", "message"),
    [
        ({"recipe": {"dataset": "adult", "task": "x", "target": 0.5}}, "recipe is not that of"),
        ({"environment": {"settings": {"threads": 7}}}, "environment.settings is not that of"),
        ({"environment": {"cores": 2, "device": "gpu"}}, "environment.device is not that of"),
        ({"smoke": True}, "is a smoke run"),
        ({"seed": 3}, "are of seed 3, with other bytes"),
        ({"wall_seconds": None}, "wall_seconds is missing"),
    ],
)
def test_seeds_of_something_else_are_refused(
    facts: dict[str, object], message: str, finished_run: Path, empty_hub: Path, tmp_path: Path
) -> None:
    from zoo.errors import PublishError

    others = seeds_of(finished_run, tmp_path / "seeds", 1)
    change_run(others / "seed-1", **facts)
    before = content_of(empty_hub)
    with pytest.raises(PublishError, match=message):
        publish(finished_run, hub=empty_hub, seeds=others)
    with pytest.raises(PublishError, match="holds no run of another seed"):
        publish(finished_run, hub=empty_hub, seeds=tmp_path / "nowhere")
    assert content_of(empty_hub) == before
