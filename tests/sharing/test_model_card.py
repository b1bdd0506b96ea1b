"""Model cards: valid metadata by the Hub's own reader, the records' numbers, nothing else."""

from __future__ import annotations

import ast
import re
from dataclasses import replace
from pathlib import Path

import pytest
from records import weights

from zoo.manifest import read_manifest
from zoo.sharing.model_card import model_card
from zoo.sharing.release import CHECKSUMS
from zoo.versions import newest

huggingface_hub = pytest.importorskip("huggingface_hub")

RECORDS = newest(read_manifest())


def card_of(*names: str) -> str:
    return model_card({name: RECORDS[name] for name in names}, "me/models", CHECKSUMS)


@pytest.mark.parametrize("name", RECORDS)
def test_the_hub_s_reader_finds_the_metrics(name: str) -> None:
    data = huggingface_hub.ModelCard(card_of(name)).data
    found = {
        (one.metric_name, one.dataset_name, one.dataset_split): one.metric_value
        for one in data.eval_results
    }
    metrics = RECORDS[name].metrics
    assert found == {(one.name, one.dataset, one.split): one.value for one in metrics}
    assert data.model_name == name
    assert {one.task_type for one in data.eval_results} == {data.pipeline_tag}


def test_the_metadata() -> None:
    data = huggingface_hub.ModelCard(card_of("lenet.mnist")).data.to_dict()
    assert data["license"] == "apache-2.0"
    assert data["library_name"] == "gluon-zoo"
    assert data["pipeline_tag"] == "image-classification"
    assert data["datasets"] == ["ylecun/mnist"]
    assert data["metrics"] == ["accuracy"]
    assert {"mxnet", "onnx", "lenet", "image-classification"} <= set(data["tags"])


def test_a_language_model_generates_text() -> None:
    name = next(one for one, weights in RECORDS.items() if weights.task == "language-modeling")
    assert huggingface_hub.ModelCard(card_of(name)).data.pipeline_tag == "text-generation"


def test_several_records() -> None:
    card = card_of(*RECORDS)
    metadata = huggingface_hub.ModelCard(card).data
    assert len(metadata.eval_results) == sum(len(one.metrics) for one in RECORDS.values())
    assert metadata.pipeline_tag is None
    for name, one in RECORDS.items():
        assert f"- name: {name}\n" in card
        assert f"\n## {name}\n" in card
        assert all(artifact.sha256 in card for artifact in one.artifacts.values())


@pytest.mark.parametrize("names", [["lenet.mnist"], list(RECORDS)])
def test_it_passes_the_client_s_own_round_trip(names: list[str], tmp_path: Path) -> None:
    card = huggingface_hub.ModelCard(card_of(*names))
    card.save(tmp_path / "README.md")
    again = huggingface_hub.ModelCard.load(tmp_path / "README.md")
    assert again.data.to_dict() == card.data.to_dict()
    assert huggingface_hub.metadata_load(tmp_path / "README.md")["license"] == "apache-2.0"


def test_the_same_records_give_the_same_card() -> None:
    assert card_of(*RECORDS) == card_of(*RECORDS)


def test_another_licence_has_its_name() -> None:
    record = weights(licence={"weights": "My own (v2)", "data": "none"})
    data = huggingface_hub.ModelCard(model_card({record.name: record}, "me/models", CHECKSUMS)).data
    assert (data.license, data.license_name) == ("other", "my-own-v2")


def test_texts_are_taken_literally() -> None:
    text = "A `model` | with <b>marks</b>\n---\n# and a heading: [x](y)"
    record = replace(weights(), description=text)
    card = model_card({record.name: record}, "me/models", CHECKSUMS)
    assert huggingface_hub.ModelCard(card).data.license == "apache-2.0"
    assert "A \\`model\\` \\| with \\<b\\>marks\\</b\\> --- \\# and a heading: \\[x\\](y)\n" in card


def test_nothing_of_a_stranger_s_record_is_more_than_text() -> None:
    mischief = "a\n\n# b <img src=x>"
    one = weights()
    record = replace(
        one,
        inputs=(replace(one.inputs[0], name='x": evil(), "`y`'),),
        metrics=tuple(replace(each, dataset=mischief) for each in one.metrics),
        provenance={**one.provenance, "finished": f"2026-11-23.{mischief}"},
        paper="https://a/x>\n\n# b <img src=x>",
    )
    card = model_card({record.name: record}, "me/models", CHECKSUMS)
    text = card.split("\n---\n", 1)[1]
    code = ast.parse(text.split("```python\n")[1].split("```")[0])
    calls = [one.func for one in ast.walk(code) if isinstance(one, ast.Call)]
    assert "evil" not in [one.id for one in calls if isinstance(one, ast.Name)]
    assert "\n# b" not in text
    assert not re.search(r"(?<!\\)<img", text)
