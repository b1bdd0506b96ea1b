"""The site as files: what is in it, what it refuses, what its pages say."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import urljoin, urlsplit

import pytest

import zoo
from zoo.errors import ChecksumError, ConfigError, MissingDependencyError
from zoo.figures import file_size
from zoo.gallery import build_site, onnxruntime_web
from zoo.gallery.charts import read_log
from zoo.gallery.pages import log_of
from zoo.gallery.serving import POLICY
from zoo.manifest import read_manifest
from zoo.owners import machine
from zoo.versions import newest

pytest.importorskip("jinja2", reason="needs the extra gallery")

ROOT = Path(__file__).parent.parent.parent
HOSTS = {"https", "http"}
NO_LOGS = (
    '{"epoch": 1}\n',
    "no log",
    "[1]\n",
    "[[1, 2]]\n",
    '{"epoch": "x", "train_loss": 1}\n',
    '{"epoch": 1, "train_loss": NaN}\n',
    '{"epoch": 1, "train_loss": -Infinity}\n',
    '{"epoch": 1e999, "train_loss": 1}\n',
    '{"epoch": 1, "train_loss": 1e17}\n',
    '{"epoch": 1, "train_loss": 1' + "0" * 400 + "}\n",
    "[" * 100_000 + "\n",
)


@pytest.fixture(scope="module")
def runtime(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A stand-in for onnxruntime-web, with its pins."""
    folder = tmp_path_factory.mktemp("dist")
    for name in onnxruntime_web.pinned()["files"]:
        (folder / name).write_text(f"stands in for {name}")
    return folder


@pytest.fixture
def build(runtime: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[Path], list[Path]]:
    """`build_site` with the stand-in."""
    digests = {
        path.name: {"size": 1, "sha256": hashlib.sha256(path.read_bytes()).hexdigest()}
        for path in runtime.iterdir()
    }
    pins = {"version": "1.0.0", "files": digests}
    monkeypatch.setattr(onnxruntime_web, "pinned", lambda: pins)
    return lambda out: build_site(out, runtime=runtime, logs=ROOT)


class _Page(HTMLParser):
    """What a page links to, its inline scripts, and attributes that a strict policy forbids."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.addresses: list[str] = []
        self.forbidden: list[str] = []
        self.ids: list[str] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        for name, value in attributes:
            if name in ("href", "src") and value:
                self.addresses.append(value)
            if name == "id" and value:
                self.ids.append(value)
            if name == "style" or name.startswith("on"):
                self.forbidden.append(f"<{tag} {name}>")
        kinds = dict(attributes)
        if tag == "style" or (tag == "script" and "src" not in kinds and "type" not in kinds):
            self.forbidden.append(f"<{tag}>")

    def handle_data(self, data: str) -> None:
        self.text += data


def pages(out: Path) -> dict[str, _Page]:
    files = sorted(out.rglob("*.html"))
    return {path.relative_to(out).as_posix(): _Page(path.read_text("utf-8")) for path in files}


def test_there_is_a_page_for_every_record_and_every_link_leads_somewhere(
    build: Callable[[Path], list[Path]], tmp_path: Path
) -> None:
    out = tmp_path / "site"
    built = {path.relative_to(out).as_posix() for path in build(out)}
    found = pages(out)
    assert set(found) == {"index.html", *(f"models/{name}.html" for name in zoo.list_weights())}
    for place, page in found.items():
        assert page.forbidden == []
        assert len(page.ids) == len(set(page.ids))
        for address in page.addresses:
            if urlsplit(address).scheme in HOSTS:
                assert place.startswith("models/")  # the paper
                continue
            assert not address.startswith("/"), "the site works below any path"
            path, _, anchor = urljoin(place, address).partition("#")
            assert path in built, f"{place}: {address} leads nowhere"
            assert not anchor or anchor in found[path].ids


def test_a_page_says_what_the_record_says(
    build: Callable[[Path], list[Path]], tmp_path: Path
) -> None:
    build(tmp_path / "site")
    found = pages(tmp_path / "site")
    for name, weights in newest(read_manifest()).items():
        text = found[f"models/{name}.html"].text
        assert weights.description in text
        assert f"{weights.parameters:,}" in text
        for artifact in weights.artifacts.values():
            assert f"sha256 {artifact.sha256}" in text
            assert file_size(artifact.size) in text
        for licence in weights.licence.values():
            assert licence in text
        assert weights.provenance["command"] in text
        assert name.partition(".")[0] in found["index.html"].text


def test_the_policy_allows_nothing_inline_and_nothing_from_elsewhere(
    build: Callable[[Path], list[Path]], tmp_path: Path
) -> None:
    assert "default-src 'none'" in POLICY
    assert "unsafe-inline" not in POLICY
    assert re.findall(r"'unsafe-\w+'|https?:|\*", POLICY) == []
    build(tmp_path / "site")
    for path in (tmp_path / "site").rglob("*.html"):
        head = path.read_text("utf-8").partition("<title>")[0]
        assert POLICY.replace("'", "&#39;") in head


def test_the_weights_of_the_site_are_a_hub(
    build: Callable[[Path], list[Path]], tmp_path: Path
) -> None:
    build(tmp_path / "site")
    folder = tmp_path / "site" / "weights"
    published = read_manifest(folder / "weights_manifest.json")
    assert list(published) == zoo.list_weights()
    for weights in published.values():
        for artifact in weights.artifacts.values():
            content = (folder / artifact.file).read_bytes()
            assert hashlib.sha256(content).hexdigest() == artifact.sha256


def test_a_gallery_is_replaced_and_nothing_else_is(
    build: Callable[[Path], list[Path]], tmp_path: Path
) -> None:
    out = tmp_path / "site"
    out.mkdir()
    build(out)
    (out / "old.html").touch()
    build(out)
    assert not (out / "old.html").exists()
    assert [path.name for path in tmp_path.iterdir()] == ["site"]
    other = tmp_path / "letters"
    other.mkdir()
    (other / "letter.txt").touch()
    with pytest.raises(ConfigError, match="is not a gallery"):
        build(other)
    assert [path.name for path in other.iterdir()] == ["letter.txt"]


def test_a_gallery_that_is_a_git_repository_is_not_replaced(
    build: Callable[[Path], list[Path]], tmp_path: Path
) -> None:
    out = tmp_path / "site"
    build(out)
    (out / ".git").mkdir()
    (out / "index.html").write_text("old")
    with pytest.raises(ConfigError, match=r"is a Git repository, .* build elsewhere and copy"):
        build(out)
    assert (out / ".git").is_dir()
    assert (out / "index.html").read_text("utf-8") == "old"


def test_without_onnxruntime_web_it_says_what_to_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(onnxruntime_web, "_PLACES", (tmp_path,))
    version = re.escape(onnxruntime_web.pinned()["version"])
    with pytest.raises(MissingDependencyError, match=rf"npm install .*onnxruntime-web@{version}"):
        build_site(tmp_path / "site")
    with pytest.raises(MissingDependencyError, match="give the folder dist"):
        build_site(tmp_path / "site", runtime=tmp_path)
    for name in onnxruntime_web.pinned()["files"]:
        (tmp_path / name).write_text("another version")
    with pytest.raises(ChecksumError, match="install that version"):
        build_site(tmp_path / "site", runtime=tmp_path)
    assert not (tmp_path / "site").exists()


def test_the_lock_holds_the_pinned_version_and_no_address() -> None:
    folder = ROOT / "docs" / "gallery"
    text = (folder / "package-lock.json").read_text("utf-8")
    locked = json.loads(text)["packages"]
    version = onnxruntime_web.pinned()["version"]
    assert locked["node_modules/onnxruntime-web"]["version"] == version
    wanted = json.loads((folder / "package.json").read_text("utf-8"))
    assert wanted["dependencies"]["onnxruntime-web"] == version
    packages = [one for place, one in locked.items() if place]
    assert all(one["integrity"].startswith("sha512-") for one in packages)
    assert "resolved" not in text


@pytest.mark.parametrize("place", [".", "link"])
def test_a_gallery_replaces_the_one_in_which_one_stands(
    place: str,
    build: Callable[[Path], list[Path]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    site = tmp_path / "site"
    build(site)
    (site / "index.html").write_text("old")
    (tmp_path / "link").symlink_to(site)
    monkeypatch.chdir(site if place == "." else tmp_path)
    build(Path(place))
    assert (site / "index.html").read_text("utf-8") != "old"
    assert sorted(one.name for one in tmp_path.iterdir()) == ["link", "site"]


def test_what_a_killed_build_left_is_removed(
    build: Callable[[Path], list[Path]], tmp_path: Path
) -> None:
    left = tmp_path / f".site.{machine()}-{2**22 + 1}.1-00000000.part"
    left.mkdir()
    (left / "index.html").write_text("half")
    build(tmp_path / "site")
    assert [one.name for one in tmp_path.iterdir()] == ["site"]


def test_the_record_of_another_hub_has_not_our_log_but_its_own(tmp_path: Path) -> None:
    weights = zoo.get_weights("mlp.mnist")
    assert log_of(weights, ROOT) is not None
    for hub in (str(tmp_path), "https://example.org/hub"):
        assert log_of(weights.of_hub(hub), ROOT) is None
    own = tmp_path / weights.provenance["log"]
    own.parent.mkdir(parents=True)
    own.write_text('{"epoch": 1}\n')
    assert log_of(weights.of_hub(str(tmp_path)), ROOT) == own
    for content in NO_LOGS:
        own.write_text(content)
        assert read_log(own) == []
