from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from mirrors import SAMPLE, with_sources

from zoo.downloading import SourceError
from zoo.errors import ConfigError
from zoo.sources import Source, configured_mirrors, hub_source, open_source, sources_of


def test_a_folder_with_spaces_is_one_mirror(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "my own, mirror"
    folder.mkdir()
    monkeypatch.setenv("ZOO_MIRROR", str(folder))
    assert configured_mirrors("weights") == [str(folder)]


def test_mirrors_come_first_each_plain_then_packed() -> None:
    wanted = with_sources("https://example.org/sample.bin", "hf://me/weights@v1/sample.bin.gz")
    mirrors = ["/mirror", "https://example.com/hub/"]
    assert list(sources_of(wanted, mirrors, "weights")) == [
        Source("/mirror/folder/sample.bin"),
        Source("/mirror/folder/sample.bin.gz", "gzip", fallback=True),
        Source("https://example.com/hub/folder/sample.bin"),
        Source("https://example.com/hub/folder/sample.bin.gz", "gzip", fallback=True),
        Source("https://example.org/sample.bin"),
        Source("hf://me/weights@v1/sample.bin.gz", "gzip"),
    ]


@pytest.mark.parametrize("mirror", ["/mirror", Path("/mirror")])
def test_a_mirror_given_alone_is_one(mirror: str | Path) -> None:
    expected = list(sources_of(SAMPLE, ["/mirror"], "data"))
    assert list(sources_of(SAMPLE, mirror, "data")) == expected
    assert list(sources_of(SAMPLE, [mirror], "data")) == expected


def test_an_archive_names_its_member() -> None:
    wanted = with_sources("https://example.org/all.tgz#folder/sample.bin")
    expected = Source("https://example.org/all.tgz", "tar", "folder/sample.bin")
    assert list(sources_of(wanted, [], "data")) == [expected]


def test_a_mirror_below_the_home_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    first, _ = sources_of(SAMPLE, ["~/mirror"], "data")
    assert first.address == str(tmp_path / "mirror" / SAMPLE.file)


def test_no_mirror_is_configured() -> None:
    assert configured_mirrors("weights") == []
    assert configured_mirrors("data") == []


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("https://me:secret@example.org/a/b?token=secret#secret", "https://example.org/a/b"),
        ("https://example.org", "https://example.org"),
        ("https://me:secret/1@example.org/a", "https://..."),
        ("https://me:secret?1@example.org/a", "https://..."),
        ("https://me:secret#1@example.org/a", "https://..."),
        ("file:///me@home/file", "file:///me@home/file"),
        ("hf://me/weights@v1/file", "hf://me/weights@v1/file"),
        ("https://example.org/\x1b[31m", "https://example.org/?[31m"),
        ("/folder/file", "/folder/file"),
    ],
)
def test_messages_show_no_secret(address: str, shown: str) -> None:
    assert Source(address).shown == shown


@pytest.mark.parametrize(
    ("address", "remote"),
    [
        ("https://example.org/a", True),
        ("hf://me/weights@v1/a", True),
        ("file:///a", False),
        ("/a", False),
    ],
)
def test_what_needs_the_network(address: str, remote: bool) -> None:
    assert Source(address).is_remote is remote


def test_the_hub_comes_after_mirrors_and_before_the_records_own() -> None:
    wanted = replace(
        with_sources("https://example.com/sample.bin", "hf://me/w@v1/sample.bin"),
        hub="https://example.org/hub",
    )
    first, _, *others = sources_of(wanted, ["/mirror"], "weights")
    assert first == Source("/mirror/folder/sample.bin")
    assert others == [
        Source("https://example.org/hub/folder/sample.bin", public=True),
        Source("https://example.com/sample.bin", public=True),
        Source("hf://me/w@v1/sample.bin"),
    ]


@pytest.mark.parametrize(
    ("hub", "source", "used"),
    [
        ("https://example.org/hub", "https://example.org/other", True),
        ("https://example.org/hub", "https://example.org:444/other", True),
        ("https://example.org/hub", "https://10.0.0.1/x", False),
        ("https://example.org/hub", "http://10.0.0.1/x", False),
        ("https://example.org/hub", "file:///etc/hostname", False),
        ("hf://me/w@main", "file:///etc/hostname", False),
        ("hf://me/w@main", "https://localhost/x", False),
        ("http://hub.lan:80/hub", "http://hub.lan:80/other", True),
        ("http://hub.lan:80/hub", "http://hub.lan:81/other", False),
        ("http://hub.lan:80/hub", "https://hub.lan:80/other", False),
        ("/srv/hub", "file:///srv/other", True),
        ("", "file:///srv/other", True),
    ],
)
def test_where_the_manifest_of_a_hub_may_lead(hub: str, source: str, used: bool) -> None:
    *_, own = sources_of(replace(with_sources(source), hub=hub), [], "weights")
    assert own.address == source
    assert (own.refusal == "") is used


@pytest.mark.parametrize(
    "name", ["a/..", "-a/b", "a/b--c", "\u2460/b", "a", "a/b@x@y", "a/b@m/\ud800"]
)
def test_no_name_of_a_repository_asks_nobody(name: str) -> None:
    pytest.importorskip("huggingface_hub")
    with pytest.raises(SourceError, match=r"not the name of a repository|not of the form"):
        open_source(Source(f"hf://{name}" if "@" in name else f"hf://{name}@main/file"), 1)


def test_files_of_a_hub() -> None:
    assert hub_source("/srv/hub", "a.bin") == Source("/srv/hub/a.bin")
    assert hub_source("http://127.0.0.1:1/h", "a.bin") == Source("http://127.0.0.1:1/h/a.bin")
    assert hub_source("hf://me/w@v1", "a.bin") == Source("hf://me/w@v1/a.bin")


def test_a_hub_leads_nobody_astray_by_its_own_address() -> None:
    """Its host is public, and so must be whatever that redirects to."""
    own = with_sources("https://example.org/sample.bin")
    for hub, public in (("https://example.org", True), ("http://127.0.0.1:8000", False)):
        artifact = replace(own, hub=hub, sources=(f"{hub}/sample.bin",))
        assert [one.public for one in sources_of(artifact, [], "weights")] == [public, public]


def test_a_mirror_that_cannot_be_looked_at_is_one_that_fails(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("ZOO_MIRROR", "/" + "a" * 5000)
    assert configured_mirrors("weights") == ["/" + "a" * 5000]


@pytest.mark.parametrize("address", ["file://[mirror]/x", "file:///x%00y"])
def test_a_file_address_that_is_none(address: str) -> None:
    with pytest.raises(SourceError, match="not an address"):
        open_source(Source(address), 1)


def test_a_mirror_in_the_home_of_nobody() -> None:
    with pytest.raises(ConfigError, match="'~nobody-of-that-name/mirror' names the home folder"):
        list(sources_of(SAMPLE, ["~nobody-of-that-name/mirror"], "weights"))
