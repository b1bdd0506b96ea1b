"""What `scripts/draw_mistakes.py` measures is what lies in docs/models/."""

from __future__ import annotations

import io
import json
from pathlib import Path

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


def test_only_classifiers_make_such_mistakes() -> None:
    with pytest.raises(ZooError, match="does language-modeling: only classifiers"):
        draw_mistakes.classifier("lstm_lm.shakespeare")
