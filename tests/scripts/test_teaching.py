"""An ensemble is trained before the network it teaches, and the network learns its answers."""

from __future__ import annotations

import numpy as np
import pytest
from recipes import CLASSIFIERS, ClassifierRecipe, Teachers

pytest.importorskip("mxnet")

from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

import distributed
import train_classifier
from distributed import Group
from teaching import lessons, taught

from zoo import models
from zoo._mxnet import mx
from zoo.errors import ConfigError


@pytest.fixture
def recipe() -> ClassifierRecipe:
    teachers = Teachers(count=2, epochs=3, weight=0.25, config={"hidden": [16]})
    return replace(CLASSIFIERS["mlp.mnist"], teachers=teachers)


def test_a_teacher_learns_alone_with_a_seed_of_its_own(recipe: ClassifierRecipe) -> None:
    (first, one), (second, other) = lessons(recipe)
    assert first != second
    assert one == other
    assert (one.teachers, one.epochs, one.config) == (None, 3, {"hidden": [16]})
    assert one.distortion == recipe.distortion


def test_a_teacher_may_be_of_another_family(recipe: ClassifierRecipe) -> None:
    softmax = replace(CLASSIFIERS["logistic_regression.mnist"], final_fit=False)
    teachers = Teachers(1, epochs=4, weight=0.5, config={"hidden": [16]}, recipe=recipe)
    [(_, lesson)] = lessons(replace(softmax, teachers=teachers))
    assert lesson.name == recipe.name
    assert (lesson.teachers, lesson.epochs, lesson.config) == (None, 4, {"hidden": [16]})
    assert lesson.distortion == recipe.distortion
    assert not lesson.final_fit


@pytest.mark.parametrize("name", ["mlp.fashion_mnist", "logistic_regression.adult"])
def test_a_teacher_of_other_data_is_refused(recipe: ClassifierRecipe, name: str) -> None:
    teachers = Teachers(1, epochs=4, weight=0.5, recipe=CLASSIFIERS[name])
    with pytest.raises(ConfigError, match=f"^{name} cannot teach mlp.mnist: "):
        lessons(replace(recipe, teachers=teachers))


def test_without_teachers_nothing_changes(recipe: ClassifierRecipe) -> None:
    alone = replace(recipe, teachers=None)
    target = np.arange(4, dtype=np.float32)
    assert lessons(alone) == []
    assert taught(alone, [], None, target) is target


def test_targets_are_mixed_with_the_mean_of_the_teachers(recipe: ClassifierRecipe) -> None:
    nets = []
    for seed, lesson in lessons(recipe):
        mx.random.seed(seed)
        nets.append(models.build("mlp", **lesson.config))
        nets[-1].initialize(mx.init.Xavier())
    data = mx.nd.random.uniform(shape=(5, 784))
    target = np.eye(10, dtype=np.float32)[:5]
    mixed = taught(recipe, nets, data, target)
    mean = sum(mx.nd.softmax(net(data)).asnumpy() for net in nets) / 2
    np.testing.assert_allclose(mixed, 0.75 * target + 0.25 * mean, rtol=1e-6)
    np.testing.assert_allclose(mixed.sum(axis=1), 1, rtol=1e-5)
    assert mixed.dtype == np.float32


@pytest.mark.usefixtures("data_mirror")
def test_a_batch_that_nobody_can_share_is_refused_before_the_teachers_learn(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    name = "logistic_regression.fashion_mnist"  # a batch of 100, its teacher's is 128
    words = ["train_classifier.py", name, "--smoke", "--out", str(tmp_path / "run")]
    monkeypatch.setattr("sys.argv", words)
    monkeypatch.setattr(distributed, "joined", lambda _: nullcontext(Group(0, 8)))
    with pytest.raises(SystemExit, match="A batch of 100 cannot be shared evenly by 8 workers"):
        train_classifier.main()
    assert not (tmp_path / "run").exists()
