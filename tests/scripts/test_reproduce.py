"""Records trained again: their own recipes, where two runs part, bytes that no place changes."""

from __future__ import annotations

import dataclasses
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import recorded
import reproduce
from digests import Parting, digests, first_parting, read_log, read_table, table_with
from environment import AT_ONCE, PINNED, WITHOUT
from recipes import CLASSIFIERS, REGRESSIONS, ClassifierRecipe, RegressionRecipe
from run_folder import Run
from run_folders import housing_run

from zoo.errors import ManifestError
from zoo.manifest import Weights, get_weights, read_manifest
from zoo.publish import publish
from zoo.publishing.published import as_told

pytestmark = pytest.mark.xdist_group("trainings")

SCRIPTS = Path(reproduce.__file__).parent
HOUSING = "linear_regression.california_housing"


def changed(record: Weights, **facts: Any) -> Weights:
    return dataclasses.replace(record, provenance={**record.provenance, **facts})


def with_recipe(name: str, **fields: Any) -> Weights:
    record = get_weights(name)
    recipe = {**record.provenance["recipe"], **fields}
    return changed(record, recipe={key: one for key, one in recipe.items() if one is not None})


def settings_here(record: Weights) -> Weights:
    """The record as if it had been trained under the settings of this test."""
    environment = {**record.provenance["environment"], "settings": reproduce.environment.settings()}
    return changed(record, environment=environment)


@pytest.mark.parametrize("name", read_manifest())
def test_every_record_has_a_recipe_that_can_be_trained(name: str) -> None:
    record = get_weights(name)
    recipe = recorded.recipe(record, recorded.kind(record))
    plain = json.loads(json.dumps(dataclasses.asdict(recipe)))
    assert as_told(plain, record.provenance["recipe"]) == record.provenance["recipe"]


def test_teachers_by_a_recipe_of_their_own_are_read() -> None:
    ours = CLASSIFIERS["logistic_regression.fashion_mnist"]
    stored = json.loads(json.dumps(dataclasses.asdict(ours)))
    read = recorded.recipe(changed(get_weights("mlp.mnist"), recipe=stored), ClassifierRecipe)
    assert read.teachers is not None
    assert ours.teachers is not None
    assert isinstance(read.teachers.recipe, ClassifierRecipe)
    assert read.teachers.recipe == ours.teachers.recipe
    stored["teachers"]["recipe"]["blur"] = 1
    with pytest.raises(ManifestError, match="its recipe has blur"):
        recorded.recipe(changed(get_weights("mlp.mnist"), recipe=stored), ClassifierRecipe)


def test_the_records_own_recipe_counts() -> None:
    assert recorded.recipe(with_recipe("mlp.mnist", epochs=3), ClassifierRecipe).epochs == 3
    assert CLASSIFIERS["mlp.mnist"].epochs != 3


def test_a_field_that_came_later_has_its_default() -> None:
    old = with_recipe("mlp.mnist", average=None, distortion={"rotation": 7})
    recipe = recorded.recipe(old, ClassifierRecipe)
    assert recipe.average == 0.0
    assert recipe.distortion is not None
    assert (recipe.distortion.rotation, recipe.distortion.whole_pixels) == (7, False)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"annealing": 2}, "its recipe has annealing"),
        ({"distortion": {"blur": 1}}, "its recipe has blur"),
        ({"batch_size": None}, "its recipe lacks batch_size"),
    ],
)
def test_a_recipe_of_another_version_is_refused(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(ManifestError, match=message):
        recorded.recipe(with_recipe("mlp.mnist", **fields), ClassifierRecipe)


def test_the_wrong_script_names_the_right_one() -> None:
    with pytest.raises(ManifestError, match=r"trained by scripts/train_classifier\.py"):
        recorded.recipe(get_weights("mlp.mnist"), RegressionRecipe)


def test_digests_tell_values_shapes_and_dtypes_apart() -> None:
    ones = np.ones((2, 3), np.float32)
    variants = [ones, ones.T, ones.astype(np.float16), ones + np.eye(2, 3, dtype=np.float32)]
    assert len({digests({"a": one})["a"] for one in variants}) == len(variants)
    assert digests({"a": ones}) == digests({"a": np.asfortranarray(ones)})


def test_the_first_parting_is_the_earliest_step_and_then_the_first_name() -> None:
    one = {10: {"b": "1", "a": "2"}, 20: {"a": "3"}, 30: {"a": "4"}}
    assert first_parting(one, one) is None
    assert first_parting(one, {20: {"a": "3"}}) is None
    assert first_parting(one, {**one, 30: {"a": "x"}, 20: {"a": "y"}}) == Parting(20, "a")
    assert first_parting(one, {**one, 10: {"b": "x", "c": "y", "a": "2"}}) == Parting(10, "b")


def test_a_log_says_what_the_arrays_were_after_each_epoch(tmp_path: Path) -> None:
    run = Run(tmp_path, REGRESSIONS[HOUSING], 0)
    for epoch in (1, 2):
        arrays = {"weight": np.full(3, epoch, np.float32)}
        run.log(epoch, {"train_loss": 1.0})
        run.save(10 * epoch, arrays)
        run.save(10 * epoch + 5, {"weight": arrays["weight"] + 1})  # within the next epoch
    found = read_log((tmp_path / "log.jsonl").read_bytes())
    assert found[20] == digests({"weight": np.full(3, 2, np.float32)})
    assert sorted(found) == [10, 20]
    assert read_log(b'{"epoch": 1}\n') == {}


def test_a_table_entry_is_of_one_record_only(tmp_path: Path) -> None:
    path = tmp_path / "table.json"
    path.write_bytes(table_with(path, "a.b", "0" * 64, {5: {"w": "1"}}))
    path.write_bytes(table_with(path, "a.b", "0" * 64, {9: {"w": "2"}}))
    assert read_table(path, "a.b", "0" * 64) == {5: {"w": "1"}, 9: {"w": "2"}}
    assert read_table(path, "a.b", "1" * 64) == read_table(path, "a.c", "0" * 64) == {}


def test_the_committed_table_is_of_published_records() -> None:
    table = json.loads(reproduce.TABLE.read_text())
    versions = read_manifest().values()
    published = {one.stem: one.artifact("safetensors").sha256 for one in versions}
    assert {name: entry["sha256"] for name, entry in table.items()}.items() <= published.items()
    assert "mlp.mnist" in table


@pytest.mark.usefixtures("data_mirror")
def test_other_settings_are_refused(capsys: pytest.CaptureFixture[str]) -> None:
    here = settings_here(get_weights(HOUSING))
    reproduce.guard(here, anyway=False)
    settings = {**reproduce.environment.settings(), "OMP_NUM_THREADS": "64", "mxnet": "9.9"}
    other = changed(here, environment={"device": "cpu", "settings": settings})
    with pytest.raises(
        SystemExit, match=r"OMP_NUM_THREADS is .* here, '64' in the record"
    ) as caught:
        reproduce.guard(other, anyway=False)
    assert "mxnet" in str(caught.value)
    assert "\n" not in str(caught.value)
    reproduce.guard(other, anyway=True)
    assert "other settings: mxnet is '1.9.1' here" in capsys.readouterr().out


@pytest.mark.usefixtures("data_mirror")
def test_a_record_from_before_numpy_was_pinned_is_trained_as_it_was(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    record, started = get_weights("mlp.mnist@1"), []
    monkeypatch.setattr(reproduce.relay, "run", lambda program, env: started.append(env))
    wanted = reproduce.Wanted(record.name, tmp_path, 1, None, anyway=False, note=False)
    monkeypatch.setattr(reproduce.environment, "processor", lambda: "Some (avx2, fma)")
    assert not any("NPY_" in line for line in reproduce.differing_settings(record))
    reproduce.guard(record, anyway=True)
    assert "NumPy could use AVX-512 for the record, and cannot here" in capsys.readouterr().out
    reproduce.train(record, wanted)
    pinned = changed(record, environment={"device": "cpu", "settings": PINNED})
    reproduce.train(pinned, wanted)
    assert [env["ZOO_NUMPY_WITHOUT"] for env in started] == ["", PINNED[WITHOUT]]
    reproduce.guard(pinned, anyway=True)
    assert "NumPy" not in capsys.readouterr().out


@pytest.mark.usefixtures("data_mirror")
def test_other_data_are_refused() -> None:
    here = settings_here(get_weights(HOUSING))
    with pytest.raises(SystemExit, match="the data are other files"):
        reproduce.guard(changed(here, data={"a": "0" * 64}), anyway=False)


@pytest.mark.usefixtures("data_mirror")
def test_finished_weights_are_compared(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    record = publish(housing_run(tmp_path / "run"), hub=tmp_path / "hub")
    published = (tmp_path / "hub" / record.artifact("safetensors").file).read_bytes()
    assert reproduce.compare_bytes(record, tmp_path / "run", published)
    assert f"the same bytes, sha256 {record.artifact('safetensors').sha256}" in (
        capsys.readouterr().out
    )
    assert not reproduce.compare_bytes(
        record, housing_run(tmp_path / "moved", shift=0.5), published
    )
    said = capsys.readouterr().out
    assert "output.weight: 8 of 8 numbers differ, by at most 0.5" in said
    assert "output.bias" not in said
    assert f"published {record.metrics[0].value:.6g}" in said


@pytest.mark.usefixtures("data_mirror")
def test_the_first_epochs_are_compared(tmp_path: Path) -> None:
    if "avx2" not in reproduce.environment.processor():
        pytest.skip("the same bits are promised on processors with AVX2 only")
    done = subprocess.run(
        [sys.executable, SCRIPTS / "reproduce.py", HOUSING, "--epochs", "1", "--out", tmp_path],
        capture_output=True,
        text=True,
        env=os.environ | PINNED | AT_ONCE,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert f"{HOUSING}: the same losses and metrics up to epoch 1" in done.stdout
    [line] = (tmp_path / "log.jsonl").read_text().splitlines()
    assert json.loads(line)["step"] == 200
    assert not (tmp_path / "run.json").exists()


def test_another_way_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    record, log = get_weights("mlp.mnist@1"), tmp_path / "log.jsonl"
    recorded_log = (reproduce.HERE.parent / record.provenance["log"]).read_text().splitlines()
    log.write_text(recorded_log[0] + "\n")
    assert reproduce.compare_steps(record, tmp_path)
    assert "the same losses and metrics up to epoch 1" in capsys.readouterr().out
    moved = json.loads(recorded_log[1]) | {"train_loss": 0.5}
    log.write_text(f"{recorded_log[0]}\n{json.dumps(moved)}\n")
    assert not reproduce.compare_steps(record, tmp_path)
    assert "epoch 2 is the first to differ: train_loss 0.5, recorded" in capsys.readouterr().out
    [step] = json.loads(reproduce.TABLE.read_text())[record.stem]["steps"]
    log.write_text(json.dumps({"epoch": 1, "step": int(step), "tensors": {"a": "0"}}) + "\n")
    assert not reproduce.compare_steps(record, tmp_path)
    assert f"a is the first to differ, at step {step}" in capsys.readouterr().out
    log.unlink()
    assert reproduce.compare_steps(record, tmp_path) is None
    assert "nothing is known of its first 0 steps" in capsys.readouterr().out


def test_a_record_of_another_hub_is_not_laid_beside_the_log_of_ours(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    record = get_weights("mlp.mnist@1")
    recorded_log = (reproduce.HERE.parent / record.provenance["log"]).read_text().splitlines()
    moved = json.loads(recorded_log[0]) | {"train_loss": 0.5}
    (tmp_path / "log.jsonl").write_text(json.dumps(moved) + "\n")
    assert reproduce.compare_steps(record, tmp_path) is False
    assert reproduce.compare_steps(record.of_hub("elsewhere"), tmp_path) is None
    assert "nothing is known" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("code", "finishes", "ends"),
    [(0, False, False), (1, True, False), (1, False, True), (130, True, True)],
)
def test_only_a_finished_run_that_missed_its_target_is_compared(
    code: int, finishes: bool, ends: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An older run in the folder is not taken for the one that was refused."""
    (tmp_path / "run.json").write_text("{}")
    os.utime(tmp_path / "run.json", (1, 1))
    programs = []

    def run(program: list[str], env: object) -> int:
        programs.append(program)
        if finishes:
            (tmp_path / "run.json").write_text("{}")
        return code

    monkeypatch.setattr(reproduce.relay, "run", run)
    wanted = reproduce.Wanted(f"hub::{HOUSING}", tmp_path, None, None, anyway=False, note=False)
    if ends:
        with pytest.raises(SystemExit) as caught:
            reproduce.train(get_weights(HOUSING), wanted)
        assert caught.value.code == code
    else:
        reproduce.train(get_weights(HOUSING), wanted)
    assert programs[0][2:4] == [f"hub::{HOUSING}", "--recorded"]


@pytest.mark.parametrize(("bytes_agree", "noted"), [(True, [HOUSING]), (False, [])])
def test_only_what_the_bytes_confirm_is_noted(
    bytes_agree: bool, noted: list[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(sys, "argv", ["reproduce.py", HOUSING, "--note", "--out", str(tmp_path)])
    found: list[str] = []
    for name, answer in (("guard", None), ("train", None), ("compare_steps", None)):
        monkeypatch.setattr(reproduce, name, lambda *_, answer=answer, **__: answer)
    monkeypatch.setattr(reproduce, "compare_bytes", lambda *_: bytes_agree)
    monkeypatch.setattr(reproduce, "note", lambda record, _: found.append(record.name))
    with pytest.raises(SystemExit) as caught:
        reproduce.main()
    assert (found, caught.value.code) == (noted, int(not bytes_agree))


@pytest.mark.parametrize("words", [["--note", "--anyway"], ["--epochs", "0"], ["--steps", "-1"]])
def test_wrong_command_lines(words: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["reproduce.py", HOUSING, *words])
    with pytest.raises(SystemExit) as caught:
        reproduce.read()
    assert caught.value.code == 2


def _train(folder: Path, **how: Any) -> bytes:
    command = [
        sys.executable,
        SCRIPTS / "train_classifier.py",
        "mlp.mnist",
        "--smoke",
        "--out",
        ".",
    ]
    subprocess.run(command, cwd=folder, capture_output=True, check=True, **how)
    return (folder / "final.safetensors").read_bytes()


ELSEWHERE = {
    "PYTHONHASHSEED": "4711",
    "TZ": "Pacific/Chatham",
    "LC_ALL": "tr_TR.UTF-8",
    "LANG": "tr_TR",
    "USER": "somebody",
    "LOGNAME": "somebody",
    "HOME": "/nonexistent",
}


def _one_core() -> None:
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})


@pytest.mark.usefixtures("data_mirror")
def test_bytes_do_not_depend_on_the_place(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Hash seed, time zone, locale, user, folder and the number of cores change nothing."""
    environment = os.environ | PINNED | AT_ONCE
    here = _train(tmp_path_factory.mktemp("here"), env=environment | {"PYTHONHASHSEED": "0"})
    assert here == _train(tmp_path_factory.mktemp("elsewhere"), env=environment | ELSEWHERE)
    one_core = tmp_path_factory.mktemp("one_core")
    assert here == _train(one_core, env=environment, preexec_fn=_one_core)


Train = Callable[..., "subprocess.Popen[str]"]


def test_a_run_told_to_stop_goes_on_to_the_same_bytes(train: Train, tmp_path: Path) -> None:
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    for words in (
        ["--out", str(whole)],
        ["--out", str(cut), "--stop-epoch", "1"],
        ["--out", str(cut), "--stop-step", "1"],
        ["--out", str(cut)],
    ):
        child = train("train_regression.py", HOUSING, "--smoke", *words)
        out, err = child.communicate(timeout=240)
        assert child.returncode == 0, err
        stopped = any(word.startswith("--stop") for word in words)
        assert ("Stopped at step 20, as told" in out) == stopped
        assert (cut / "run.json").exists() == (words == ["--out", str(cut)])
    weights = [(folder / "final.safetensors").read_bytes() for folder in (whole, cut)]
    assert weights[0] == weights[1]
