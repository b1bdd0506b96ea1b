"""What `scripts/draw_mistakes.py` measures is what lies in docs/models/."""

from __future__ import annotations

import io
import json
import shutil
from pathlib import Path
from unittest.mock import Mock

import draw_mistakes
import numpy as np
import pytest
from PIL import Image

import zoo
from zoo.errors import ZooError


def test_nothing_is_stale() -> None:
    assert [one.name for one in draw_mistakes.stale()] == []
    assert (draw_mistakes.FOLDER / "README.md").read_text("utf-8") == draw_mistakes.page()


@pytest.mark.usefixtures("data_mirror")
@pytest.mark.parametrize("name", ["logistic_regression.mnist", "logistic_regression.adult"])
def test_measured_again_it_is_the_same(name: str) -> None:
    weights = zoo.get_weights(name)
    found = draw_mistakes.measured(weights)
    kept = json.loads(draw_mistakes.place(weights).read_text("utf-8"))
    assert np.abs(np.subtract(found["confusion"], kept["confusion"])).sum() <= 4  # other processors
    assert found["n"] == kept["n"]
    assert found["mistakes"][0]["index"] == kept["mistakes"][0]["index"]


def test_the_drawing_is_a_picture() -> None:
    pytest.importorskip("matplotlib", reason="needs the extra train")
    path: Path = draw_mistakes.place(zoo.get_weights("logistic_regression.mnist"))
    content = draw_mistakes.drawing("a name", json.loads(path.read_text("utf-8")))
    width, height = Image.open(io.BytesIO(content)).size
    assert (width, height) > (1000, 500)


def test_a_drawing_that_fails_leaves_the_record_stale(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = "logistic_regression.mnist"
    shutil.copytree(draw_mistakes.FOLDER, tmp_path / "models")
    monkeypatch.setattr(draw_mistakes, "FOLDER", tmp_path / "models")
    path = tmp_path / "models" / f"{name}.json"
    found = json.loads(path.read_text("utf-8"))
    path.write_text(json.dumps(found | {"sha256": "0" * 64}))
    monkeypatch.setattr(draw_mistakes, "measured", lambda weights: found)
    monkeypatch.setattr(draw_mistakes, "drawing", Mock(side_effect=KeyboardInterrupt))
    monkeypatch.setattr("sys.argv", ["draw_mistakes.py"])
    with pytest.raises(KeyboardInterrupt):
        draw_mistakes.main()
    assert [one.name for one in draw_mistakes.stale()] == [name]
    path.unlink()
    with pytest.raises(ZooError, match=f"{name} is not drawn yet"):
        draw_mistakes.page()


def test_only_classifiers_make_such_mistakes() -> None:
    with pytest.raises(ZooError, match="does language-modeling: only classifiers"):
        draw_mistakes.classifier("lstm_lm.shakespeare")
