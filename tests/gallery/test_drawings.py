"""Architectures and training curves as SVG."""

from __future__ import annotations

import json
import re
from pathlib import Path
from xml.etree import ElementTree

import onnx
import pytest

import zoo
from zoo.errors import WeightsError
from zoo.fetching import read_artifact
from zoo.gallery import architecture, charts
from zoo.gallery.architecture import Stage
from zoo.onnx.outline import Layer, layers


def outline_of(name: str) -> list[Layer]:
    return layers(read_artifact(zoo.get_weights(name).artifact("onnx-graph")))


@pytest.mark.parametrize("name", zoo.list_weights())
def test_the_layers_hold_every_parameter(name: str) -> None:
    assert sum(one.parameters for one in outline_of(name)) == zoo.get_weights(name).parameters


def test_layers_are_those_of_the_network() -> None:
    found = outline_of("lenet.mnist")
    assert [one.operator for one in found] == [
        *("Conv", "Tanh", "AveragePool") * 2,
        *("Flatten", "Gemm", "Tanh", "Gemm"),
    ]
    assert found[0] == Layer("Conv", ("batch", 20, 24, 24), 520, kernel=(5, 5))
    embedding, *lstms, decoder = outline_of("lstm_lm.wikitext2")
    assert [one.operator for one in lstms] == ["LSTM", "LSTM"]
    assert (embedding.shared, decoder.shared, decoder.parameters) == (False, True, 33_278)


def test_stages_join_activations_and_show_sizes() -> None:
    stages = architecture.stages(Stage("Picture", "", (1, 28, 28)), outline_of("lenet.mnist"))
    assert [one.title for one in stages][:3] == ["Picture", "Convolution, Tanh", "Average pooling"]
    assert [one.size for one in stages][-3:] == [(800,), (500,), (10,)]
    drawn = ElementTree.fromstring(architecture.drawing(stages))
    assert drawn.get("aria-label") == architecture.description(stages)
    texts = [one.text for one in drawn.iter("text")]
    assert "20 \u00d7 24 \u00d7 24" in texts
    assert "5 \u00d7 5 · 520 params" in texts
    assert len(list(drawn.iter("circle"))) == 10  # of the output


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (0.0, 1.0, [0, 0.5, 1.0]),
        (110.0, 136.0, [110, 120, 130, 140]),
        (-1.0, 1.0, [-1, -0.5, 0, 0.5, 1]),
    ],
)
def test_ticks_are_round(low: float, high: float, expected: list[float]) -> None:
    assert charts.nice_ticks(low, high) == pytest.approx(expected)


def test_a_log_becomes_curves(tmp_path: Path) -> None:
    lines = [
        {"epoch": 1, "train_loss": 2.0, "learning_rate": 0.1, "seconds": 1.0},
        {"epoch": 2, "train_loss": 1.0, "validation_accuracy": 0.5},
        {"epoch": 3, "train_loss": 0.5, "validation_accuracy": 0.75},
    ]
    log = tmp_path / "log.jsonl"
    log.write_text("".join(json.dumps(line) + "\n" for line in lines))
    loss, accuracy = charts.read_log(log)
    assert loss == ("train_loss", ((1, 2.0), (2, 1.0), (3, 0.5)))
    assert accuracy == ("validation_accuracy", ((2, 0.5), (3, 0.75)))
    drawn = ElementTree.fromstring(charts.drawing(loss))
    [path] = [one.get("d", "") for one in drawn.iter("path") if one.get("class") == "curve"]
    places = [tuple(map(float, pair)) for pair in re.findall(r"([\d.]+) ([\d.]+)", path)]
    heights = [y for _, y in places]
    assert heights == sorted(heights)  # downwards: the loss falls
    assert len(set(heights)) == 3
    assert "at the end 0.5" in drawn.get("aria-label", "")


@pytest.mark.parametrize(
    "values",
    [
        (1e12, 1e12, 1e12),
        (0.1, 0.1 + 2**-56, 0.1),
        (0.0, 5e-324, 0.0),
        (-1e12, 1e12, 0.0),
        (2.0, 2.0, 2.0),
    ],
)
def test_figures_of_every_size_are_drawn(values: tuple[float, ...]) -> None:
    drawn = charts.drawing(charts.Curve("train_loss", tuple(enumerate(values))))
    [path] = re.findall(r'class="curve" d="M([^"]*)"', drawn)
    places = [float(one) for pair in path.split("L") for one in pair.split()]
    assert len(places) == 2 * len(values)
    assert all(0 <= one <= charts._WIDTH for one in places)


def test_a_training_that_diverged_is_drawn_as_far_as_it_went(tmp_path: Path) -> None:
    losses = ("2.0", "1e11", "1e300", "Infinity", "NaN")
    lines = (f'{{"epoch": {at}, "train_loss": {one}}}' for at, one in enumerate(losses, 1))
    log = tmp_path / "log.jsonl"
    log.write_text("\n".join(lines))
    assert charts.read_log(log) == [("train_loss", ((1, 2.0), (2, 1e11)))]


def test_what_is_no_graph_is_refused() -> None:
    node = onnx.helper.make_node("Identity", ["x"], ["y"])
    no_ends = onnx.helper.make_model(onnx.helper.make_graph([node], "g", [], []))
    for content, reason in (
        (b"junk", "not an ONNX file|cannot be"),
        (no_ends.SerializeToString(), "no input or no output"),
    ):
        with pytest.raises(WeightsError, match=reason):
            layers(content)
