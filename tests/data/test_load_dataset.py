from __future__ import annotations

import pytest

import zoo
from zoo.data import DATASETS, About, about, list_datasets, load_dataset
from zoo.errors import DataError, OfflineError, UnknownDatasetError, ZooError


def test_the_names():
    assert list_datasets() == [
        "mnist",
        "fashion_mnist",
        "adult",
        "california_housing",
        "wikitext2",
        "shakespeare",
    ]
    assert zoo.load_dataset is load_dataset


def test_an_unknown_name_lists_near_ones():
    with pytest.raises(UnknownDatasetError, match=r"no dataset 'fashionmnist'.*'fashion_mnist'"):
        load_dataset("fashionmnist")
    with pytest.raises(UnknownDatasetError, match="wikitext2"):
        about("wikitext-2")


@pytest.mark.parametrize("name", DATASETS)
def test_every_dataset_says_what_it_is(name):
    facts = about(name)
    assert isinstance(facts, About)
    assert facts.name == name
    assert all((facts.task, facts.description, facts.splits, facts.licence, facts.citation))
    assert facts.homepage.startswith("http")


@pytest.mark.parametrize("name", DATASETS)
def test_every_file_has_a_public_https_source(name):
    for artifact in DATASETS[name].files:
        assert artifact.kind == "data"
        assert artifact.sources
        assert all(source.startswith("https://") for source in artifact.sources)
        assert len(set(artifact.sources)) == len(artifact.sources)


@pytest.mark.parametrize("name", DATASETS)
def test_digests_name_every_file(dataset, name):
    data = dataset(name)
    assert data.name == name
    assert data.digests == {file.file: file.sha256 for file in DATASETS[name].files}


def test_offline_without_the_files(monkeypatch, tmp_path):
    monkeypatch.setenv("ZOO_HOME", str(tmp_path))
    with pytest.raises(OfflineError, match="tinyshakespeare"):
        load_dataset("shakespeare", offline=True, mirrors=[])


def test_a_wrong_file_in_a_mirror_is_never_read(monkeypatch, tmp_path):
    monkeypatch.setenv("ZOO_HOME", str(tmp_path / "home"))
    wrong = tmp_path / "mirror" / "tinyshakespeare" / "input.txt"
    wrong.parent.mkdir(parents=True)
    wrong.write_bytes(b"x" * DATASETS["shakespeare"].files[0].size)
    with pytest.raises(ZooError, match=r"input\.txt") as caught:
        load_dataset("shakespeare", offline=True, mirrors=[str(tmp_path / "mirror")])
    assert not isinstance(caught.value, DataError)
