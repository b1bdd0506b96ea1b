"""Static mirrors: whole, checked again, never with other bytes than those published."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from file_server import FileServer
from run_folders import content_of
from shared_records import ADULT, HOUSING, altered_hub, digest_of, stem

from zoo import get_weights, hub_folder
from zoo.errors import ChecksumError, ManifestError, PublishError, UnknownModelError
from zoo.fetching import read_artifact
from zoo.manifest import FILE_NAME, read_manifest
from zoo.sharing.mirror import mirror
from zoo.sharing.release import CHECKSUMS, Wanted

NAMES = Wanted([HOUSING, ADULT])


def states(folder: Path, wanted: Wanted = NAMES) -> dict[str, str]:
    return {one.file: one.state for one in mirror(folder, wanted)}


@pytest.fixture
def whole(tmp_path: Path) -> Path:
    """A mirror of two records."""
    mirror(tmp_path / "whole", NAMES)
    return tmp_path / "whole"


def test_it_holds_what_the_records_say(whole: Path) -> None:
    records = read_manifest(whole / FILE_NAME)
    assert list(records) == [HOUSING, ADULT]
    for weights in records.values():
        for artifact in weights.artifacts.values():
            content = (whole / artifact.file).read_bytes()
            assert (len(content), digest_of(content)) == (artifact.size, artifact.sha256)


def test_sha256sum_agrees(whole: Path) -> None:
    command = ["sha256sum", "--check", "--strict", "--quiet", CHECKSUMS]
    if shutil.which(command[0]) is None:
        pytest.skip("needs sha256sum")
    subprocess.run(command, cwd=whole, check=True)
    listed = {line.split()[1] for line in (whole / CHECKSUMS).read_text().splitlines()}
    assert listed == {one for one in content_of(whole) if one != CHECKSUMS}


@pytest.mark.parametrize("place", ["folder", "file", "http"])
def test_files_are_fetched_from_it(
    whole: Path, place: str, file_server: FileServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("zoo.fetching.embedded_folder", lambda: whole / "nothing")
    file_server.files.update(content_of(whole))
    address = {"folder": str(whole), "file": whole.as_uri(), "http": file_server.mirror()}[place]
    monkeypatch.setenv("ZOO_MIRROR", address)
    for weights in read_manifest(whole / FILE_NAME).values():
        for artifact in weights.artifacts.values():
            assert digest_of(read_artifact(artifact)) == artifact.sha256


def test_again_changes_nothing(whole: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in whole.iterdir() if path.name != ".lock"}
    assert set(states(whole).values()) == {"kept"}
    after = {path: path.stat().st_mtime_ns for path in whole.iterdir() if path.name != ".lock"}
    assert after == before


def test_records_are_added_to_those_that_are_there(tmp_path: Path, whole: Path) -> None:
    mirror(tmp_path / "grown", Wanted([HOUSING]))
    found = states(tmp_path / "grown", Wanted(["*adult"]))
    assert content_of(tmp_path / "grown") == content_of(whole)
    assert found[f"{stem(ADULT)}.safetensors"] == "new"
    assert found[f"{stem(HOUSING)}.safetensors"] == "kept"
    assert found[FILE_NAME] == "replaced"


@pytest.mark.parametrize(
    "damage",
    [
        lambda path: path.write_bytes(b"!" * path.stat().st_size),
        lambda path: path.write_bytes(b""),
        lambda path: path.unlink(),
        lambda path: (path.unlink(), path.symlink_to(os.devnull)),
    ],
    ids=["flipped", "emptied", "removed", "a link"],
)
def test_damage_is_repaired(whole: Path, damage: Callable[[Path], Any]) -> None:
    before = content_of(whole)
    damage(whole / f"{stem(ADULT)}.safetensors")
    damage(whole / CHECKSUMS)
    found = states(whole, Wanted([HOUSING]))
    assert found[f"{stem(ADULT)}.safetensors"] == "repaired"
    assert not (whole / f"{stem(ADULT)}.safetensors").is_symlink()
    assert content_of(whole) == before


def test_another_hub(tmp_path: Path, whole: Path) -> None:
    mirror(tmp_path / "second", Wanted(["*"], hub=whole))
    assert content_of(tmp_path / "second") == content_of(whole)
    with pytest.raises(ManifestError, match="is no hub"):
        mirror(tmp_path / "third", Wanted(["*"], hub=tmp_path))
    with pytest.raises(UnknownModelError, match=f"Did you mean .*{ADULT}"):
        mirror(tmp_path / "third", Wanted(["logistic_regression.adlut"], hub=whole))


def refused(folder: Path, wanted: Wanted) -> str:
    """The one line of the refusal; the folder must stay as it was."""
    before = content_of(folder)
    with pytest.raises(PublishError) as caught:
        mirror(folder, wanted)
    assert content_of(folder) == before
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_a_published_record_never_changes(whole: Path, tmp_path: Path) -> None:
    others = altered_hub(tmp_path / "others", ADULT, content=b"other bytes")
    message = refused(whole, Wanted([ADULT], hub=others))
    assert "has logistic_regression.adult already, with another safetensors file" in message
    assert message.endswith("give the new weights a new tag or version.")


def test_nor_do_the_facts_about_it(whole: Path, tmp_path: Path) -> None:
    others = altered_hub(tmp_path / "others", ADULT, description="Better than ever.")
    assert "with other facts about the same files" in refused(whole, Wanted([ADULT], hub=others))


def test_new_addresses_of_its_files_are_no_change(whole: Path, tmp_path: Path) -> None:
    records = read_manifest(whole / FILE_NAME)
    artifacts = {
        kind: replace(one, sources=(f"https://example.org/{one.file}",))
        for kind, one in records[ADULT].artifacts.items()
    }
    others = altered_hub(tmp_path / "others", ADULT, artifacts=artifacts)
    mirror(whole, Wanted([ADULT], hub=others))
    assert read_manifest(whole / FILE_NAME)[ADULT].artifact("safetensors").sources


def test_a_file_of_another_record_is_not_taken(whole: Path, tmp_path: Path) -> None:
    others = altered_hub(
        tmp_path / "others",
        ADULT,
        content=b"other",
        tag="adult2",
        file=f"{stem(ADULT)}.SAFETENSORS",
    )
    assert f"belongs to {ADULT}" in refused(whole, Wanted(["*"], hub=others))


@pytest.mark.parametrize("name", [FILE_NAME, "weights_manifest.sig", "INDEX.html", "README.md"])
def test_a_name_that_zoo_writes_to_is_not_taken(name: str, whole: Path, tmp_path: Path) -> None:
    others = altered_hub(tmp_path / "others", ADULT, content=b"other", tag="adult2", file=name)
    assert "has the name of one that zoo writes" in refused(whole, Wanted(["*"], hub=others))


def test_a_strange_file_is_not_overwritten(tmp_path: Path) -> None:
    for name in (f"{stem(ADULT)}.safetensors", "index.html", CHECKSUMS):
        folder = tmp_path / name.lower()
        folder.mkdir()
        (folder / name).write_text("mine")
        assert "move it away" in refused(folder, NAMES)


def test_a_page_of_ones_own_in_a_hub_is_not_overwritten(whole: Path) -> None:
    (whole / "index.html").write_text("<title>Mine</title>")
    assert "index.html is there and not from zoo" in refused(whole, NAMES)


def test_checksums_of_ones_own_in_a_hub_are_not_overwritten(tmp_path: Path) -> None:
    hub = altered_hub(tmp_path / "hub", ADULT)
    (hub / CHECKSUMS).write_text(f"{'0' * 64}  LICENSE\n")
    assert "SHA256SUMS is there and not from zoo" in refused(hub, Wanted(["*"], hub=hub))
    (hub / CHECKSUMS).unlink()
    mirror(hub, Wanted(["*"], hub=hub))
    (hub / "index.html").unlink()
    assert states(hub, Wanted(["*"], hub=hub))["index.html"] == "new"


def test_the_page_tells_how_its_records_are_found(tmp_path: Path) -> None:
    hub = altered_hub(tmp_path / "hub", ADULT, tag="mine")
    mirror(tmp_path / "shared", Wanted(["*"], hub=hub))
    assert "zoo fetch ADDRESS::NAME" in (tmp_path / "shared" / "index.html").read_text("utf-8")
    assert get_weights(f"{tmp_path / 'shared'}::logistic_regression.mine").tag == "mine"


def test_a_damaged_manifest_is_refused(whole: Path) -> None:
    (whole / FILE_NAME).write_text("{")
    with pytest.raises(ManifestError, match="strict JSON"):
        mirror(whole, NAMES)


def test_a_source_that_changes_while_it_is_copied(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bad = tmp_path / "bad"
    bad.write_bytes(b"bad")
    monkeypatch.setattr("zoo.sharing.mirror.fetch_all", lambda ones, mirrors: [bad for _ in ones])
    with pytest.raises(ChecksumError, match="changed while it was copied"):
        mirror(tmp_path / "mirror", NAMES)
    assert content_of(tmp_path / "mirror") == {}


class KilledError(BaseException):
    """As abrupt as an exception can be."""


def kill_at(number: int, monkeypatch: pytest.MonkeyPatch) -> Callable[[], int]:
    """Stop before the rename of the given number, counted from 1; tells how many there were."""
    rename, count = os.replace, [0]

    def renamed(source: Any, target: Any) -> None:
        if "mirror" in Path(target).parts:
            count[0] += 1
            if count[0] == number:
                raise KilledError
        rename(source, target)

    monkeypatch.setattr(os, "replace", renamed)
    return lambda: count[0]


def test_a_kill_at_any_write_leaves_what_was_served_before(
    tmp_path: Path, whole: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started = tmp_path / "started"
    mirror(started, Wanted([HOUSING]))
    with monkeypatch.context() as patch:
        total = kill_at(0, patch)
        mirror(Path(shutil.copytree(started, tmp_path / "mirror" / "all")), NAMES)
    assert total() == 5  # two files of a record, the manifest, the page, the digests
    for number in range(1, total() + 1):
        folder = tmp_path / "mirror" / str(number)
        shutil.copytree(started, folder)
        with monkeypatch.context() as patch:
            kill_at(number, patch)
            with pytest.raises(KilledError):
                mirror(folder, NAMES)
        records = read_manifest(folder / FILE_NAME)
        assert list(records) == ([HOUSING] if number <= 3 else [HOUSING, ADULT])
        for one in records.values():
            for artifact in one.artifacts.values():
                assert digest_of((folder / artifact.file).read_bytes()) == artifact.sha256
        assert not any(name.endswith(".part") for name in content_of(folder))
        mirror(folder, NAMES)
        assert content_of(folder) == content_of(whole)


def test_what_a_kill_left_is_swept(whole: Path) -> None:
    (whole / ".index.html.123.0a0b0c0d.part").write_bytes(b"cut")
    before = content_of(whole)
    states(whole)
    assert content_of(whole).keys() == before.keys() - {".index.html.123.0a0b0c0d.part"}


def test_one_writer_at_a_time(whole: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub_folder, "PATIENCE", 0.05)
    with hub_folder.alone(whole):
        assert "Another publication is writing" in refused(whole, NAMES)


def test_a_folder_that_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(PublishError, match="file cannot be written: File exists"):
        mirror(tmp_path / "file", NAMES)


class Page(HTMLParser):
    """What a page asks for, and what makes it accessible."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.links: list[str] = []
        self.attributes: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [name for name, _ in attrs]
        self.links += [str(value) for name, value in attrs if name == "href"]


def test_the_page_links_every_file_and_asks_nobody_else(whole: Path) -> None:
    page = Page((whole / "index.html").read_text())
    assert {one for one in content_of(whole) if one != "index.html"} <= set(page.links)
    assert set(page.tags).isdisjoint({"script", "link", "img", "iframe", "object", "form"})
    assert set(page.attributes).isdisjoint({"src", "onclick", "srcset"})
    assert {"html", "title", "main", "h1", "h2", "caption", "th"} <= set(page.tags)
    assert page.tags.count("table") == page.tags.count("caption") == 3
    assert "url(" not in (whole / "index.html").read_text()


def test_the_page_takes_texts_literally(tmp_path: Path) -> None:
    others = altered_hub(tmp_path / "others", ADULT, description="<script>alert('x')</script> & \"")
    mirror(tmp_path / "mirror", Wanted(["*"], hub=others))
    text = (tmp_path / "mirror" / "index.html").read_text()
    assert "script" not in Page(text).tags
    assert "&lt;script&gt;alert(&#x27;x&#x27;)&lt;/script&gt; &amp; &quot;" in text


def test_the_same_records_give_the_same_page(tmp_path: Path, whole: Path) -> None:
    mirror(tmp_path / "second", NAMES)
    first, second = (
        (folder / "index.html").read_bytes() for folder in (whole, tmp_path / "second")
    )
    assert hashlib.sha256(first).digest() == hashlib.sha256(second).digest()


def test_a_pattern_with_a_version_finds_the_newest_too(tmp_path: Path) -> None:
    mirror(tmp_path / "mirror", Wanted([f"{ADULT}@*"]))
    assert set(read_manifest(tmp_path / "mirror" / FILE_NAME)) == {ADULT, f"{ADULT}@1"}
