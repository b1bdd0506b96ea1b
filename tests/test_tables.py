"""Tables in documents: what they hold, and that the checked-in ones are up to date."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from records import record, tensor, weights

from zoo import tables
from zoo.errors import ManifestError
from zoo.manifest import FILE_NAME, Weights, embedded_folder, write_manifest

ROOT = Path(__file__).resolve().parent.parent
MARKED = f"# Title\n\nBefore.\n\n{tables.BEGIN}\nold\n{tables.END}\n\nAfter.\n"


def _perplexity() -> Weights:
    metric = {
        "name": "perplexity",
        "dataset": "wikitext2",
        "split": "test",
        "n": 245568,
        "value": 104.3251,
        "standard_error": 1.1042,
        "tolerance": 0.05,
        "runtimes": {"mxnet": 104.3251, "onnx": 104.3249},
    }
    return weights(
        architecture="lstm_lm",
        tag="wikitext2",
        task="language-modeling",
        preprocessing={"kind": "tokens", "level": "word", "unknown": "<unk>", "end": "<eos>"},
        labels=None,
        metrics=[metric],
        outputs=[{"name": "output", "shape": ["time", "batch", 33278], "dtype": "float32"}],
        golden={**record()["golden"], "input": tensor(np.zeros((2, 1), np.int64))},
    )


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A hub with both documents, their tables not yet written."""
    (tmp_path / "docs").mkdir()
    (tmp_path / "README.md").write_text(MARKED)
    (tmp_path / "docs" / "models.md").write_text(MARKED)
    records = (weights(), _perplexity())
    write_manifest(tmp_path / FILE_NAME, {one.name: one for one in records})
    return tmp_path


def test_overview() -> None:
    head, rule, lenet, language = tables.overview([weights(), _perplexity()]).split("\n")
    assert head == ("| name | task | data | test metric | parameters | size | licence of data |")
    assert rule == "| --- | --- | --- | ---: | ---: | ---: | --- |"
    assert lenet == (
        "| `lenet.mnist` | image classification | mnist | accuracy 99.51 % ± 0.07 "
        "| 431,080 | 1.7 MB | CC BY-SA 3.0 (as documented by Keras) |"
    )
    assert "| `lstm_lm.wikitext2` | language modeling | wikitext2 | perplexity 104.33 ± 1.10 |" in (
        language
    )


def test_details() -> None:
    text = tables.details([_perplexity()])
    assert text.startswith(
        "## lstm_lm.wikitext2\n\nA sample record for tests.\n\n| metric | data |"
    )
    assert "| perplexity | wikitext2 test | 245,568 | 104.33 ± 1.10 | 104.32 ± 1.10 |" in text
    assert "- Parameters: 431,080, 2,293,000 multiply-adds a token\n" in text
    assert "- File: `lenet.mnist.safetensors`, 1.7 MB, float32\n" in text
    assert "- Configuration: `classes=10`\n" in text
    assert "- Paper: <https://doi.org/10.1109/5.726791>\n" in text
    assert "- Training: 20 epochs on train, 2.1 minutes, seed 0, finished 2026-11-23; " in text
    assert "[log](training_logs/lstm_lm.wikitext2.jsonl)" in text
    assert "Notes" not in text
    assert text.endswith("```sh\npython scripts/train_classifier.py lenet.mnist\n```")


def test_small_numbers_and_missing_ones() -> None:
    one = record()
    one["artifacts"]["safetensors"]["size"] = 824
    one["provenance"] |= {"wall_seconds": 12.4, "notes": "A | note."}
    one["metrics"] = [
        one["metrics"][0]
        | {"name": "r2", "standard_error": None, "value": 0.61234, "runtimes": {"mxnet": 0.61234}},
        one["metrics"][0] | {"name": "mean_squared_error", "runtimes": {"onnx": 0.5}},
    ]
    one["licence"]["data"] = "A | B"
    text = tables.details([weights(**one)])
    assert "| R2 | mnist test | 10,000 | 0.6123 |  |" in text
    assert "| mean squared error | mnist test | 10,000 |  | 0.5000 ± 0.0007 |" in text
    assert "`lenet.mnist.safetensors`, 824 bytes" in text
    assert "12 seconds" in text
    assert "- Notes: A | note." in text
    assert tables.overview([weights(**one)]).endswith("| A \\| B |")


def test_refresh_rewrites_between_the_markers_only(root: Path) -> None:
    assert len(tables.stale(root)) == 2
    assert tables.refresh(root) == [root / "README.md", root / "docs" / "models.md"]
    assert tables.stale(root) == []
    text = (root / "README.md").read_text()
    assert text.startswith(f"# Title\n\nBefore.\n\n{tables.BEGIN}\n\n| name |")
    assert text.endswith(f" |\n\n{tables.END}\n\nAfter.\n")
    assert "old" not in text
    assert tables.refresh(root) == []


def test_a_changed_record_makes_tables_stale(root: Path) -> None:
    tables.refresh(root)
    one = weights(parameters=431081)
    write_manifest(root / FILE_NAME, {one.name: one})
    assert tables.stale(root) == [
        "README.md is stale: run python scripts/refresh_tables.py.",
        "docs/models.md is stale: run python scripts/refresh_tables.py.",
    ]


@pytest.mark.parametrize(
    "text",
    ["", "# Title\n", f"{tables.BEGIN}\n", f"{tables.END}\n{tables.BEGIN}\n", MARKED + MARKED],
)
def test_a_document_without_one_pair_of_markers_is_left_alone(root: Path, text: str) -> None:
    (root / "README.md").write_text(text)
    assert tables.refresh(root) == [root / "docs" / "models.md"]
    assert (root / "README.md").read_text() == text
    assert tables.stale(root) == [
        f"README.md has no lines {tables.BEGIN} and {tables.END}: add them."
    ]


def test_a_missing_document_is_not_made(root: Path) -> None:
    (root / "docs" / "models.md").unlink()
    assert tables.refresh(root) == [root / "README.md"]
    assert not (root / "docs" / "models.md").exists()
    assert tables.stale(root)[0].startswith("docs/models.md has no lines")


def test_a_checkouts_manifest_is_that_of_the_package(root: Path) -> None:
    folder = root / "zoo" / "weights"
    folder.mkdir(parents=True)
    (root / FILE_NAME).rename(folder / FILE_NAME)
    assert len(tables.refresh(root)) == 2


def test_without_a_manifest_there_are_no_tables(tmp_path: Path) -> None:
    with pytest.raises(ManifestError, match="cannot be read"):
        tables.stale(tmp_path)


def test_tables_hold_no_long_dashes() -> None:
    assert not {"\u2013", "\u2014"} & set(
        tables.details([weights()]) + tables.overview([weights()])
    )


@pytest.mark.skipif(
    not (embedded_folder() / FILE_NAME).is_file(), reason="nothing is published yet"
)
def test_the_documents_of_this_checkout_are_up_to_date() -> None:
    assert tables.stale(ROOT, embedded_folder() / FILE_NAME) == []


def test_a_document_in_another_encoding_stays_as_it_is(root: Path) -> None:
    document = root / "README.md"
    before = document.read_bytes()
    document.write_bytes("Größe\n".encode("latin-1") + before)
    tables.refresh(root)
    after = document.read_bytes()
    assert after.startswith("Größe\n".encode("latin-1"))
    assert len(after) > len(before)


def test_a_document_with_the_line_ends_of_windows_is_refreshed(root: Path) -> None:
    document = root / "README.md"
    document.write_bytes(document.read_bytes().replace(b"\n", b"\r\n"))
    tables.refresh(root)
    assert "lstm_lm.wikitext2" in document.read_text()
    assert tables.stale(root) == []
