"""The disk and the cache folder in every bad state."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from bounds import Seen
from hostile_server import HostileServer
from mirrors import CONTENT, SAMPLE, files_in
from processes import FETCH, environment, run, spawn
from records import artifact
from small_disk import mount, small_disk

from zoo.cache import cache_folder, cached_path, verify_cached
from zoo.errors import DownloadError, OfflineError
from zoo.fetching import fetch_artifact, read_artifact


@pytest.fixture
def mirror(hostile: HostileServer) -> str:
    return f"{hostile.address}/healthy"


@pytest.fixture
def full_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 128 KiB, too small for the sample; needs root."""
    with small_disk(tmp_path / "small", "128k") as folder:
        yield folder


def test_disk_full(
    full_disk: Path, mirror: str, monkeypatch: pytest.MonkeyPatch, seen: Seen
) -> None:
    """DownloadError that says so; nothing is left on the full disk"""
    monkeypatch.setenv("ZOO_HOME", str(full_disk))
    with pytest.raises(DownloadError) as caught:
        fetch_artifact(SAMPLE, mirrors=[mirror])
    seen(str(caught.value).partition(": ")[2])
    assert "No space left on device. Set ZOO_HOME to a folder with room" in str(caught.value)
    assert [name for name in files_in(full_disk) if not name.endswith(".lock")] == []


def test_file_size_limit(mirror: str, zoo_home: Path, seen: Seen) -> None:
    """RLIMIT_FSIZE: DownloadError that says so, no signal kills the process; nothing is left"""
    program = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (100000, 100000))\n"
    code, said = run(program + FETCH, mirror)
    seen(said.strip().splitlines()[-1].partition(": ")[2])
    assert code == 1
    assert "DownloadError" in said
    assert "File too large. Set ZOO_HOME" in said
    assert [name for name in files_in(zoo_home) if not name.endswith(".lock")] == []


def test_file_size_limit_in_a_process_that_goes_on(mirror: str, zoo_home: Path) -> None:
    """limited, refused; without the limit fetched"""
    child = spawn(zoo_home, mirror, largest=100_000)
    child.join(30)
    assert child.exitcode == 1
    assert read_artifact(SAMPLE, mirrors=[mirror]) == CONTENT


@pytest.fixture
def read_only(tmp_path: Path) -> Callable[[Path], None]:
    """Makes a folder read-only, for root by mounting it so; undone at the end by the system."""

    def make(folder: Path) -> None:
        if os.geteuid() == 0:
            mount("--bind", str(folder), str(folder))
            mount("-o", "remount,ro,bind", str(folder))
        else:
            for path in [folder, *folder.rglob("*")]:
                path.chmod(0o555 if path.is_dir() else 0o444)

    return make


@pytest.fixture
def writable_again(zoo_home: Path) -> Iterator[None]:
    yield
    if os.geteuid() == 0:
        subprocess.run(["umount", str(zoo_home)], capture_output=True)
    else:
        for path in [zoo_home, *zoo_home.rglob("*")]:
            path.chmod(0o755)


@pytest.mark.usefixtures("writable_again")
def test_read_only_cache_warm(
    mirror: str, zoo_home: Path, read_only: Callable[[Path], None]
) -> None:
    """a cached file is used, offline too; nothing is written"""
    path = fetch_artifact(SAMPLE, mirrors=[mirror])
    read_only(zoo_home)
    assert fetch_artifact(SAMPLE, mirrors=[]) == path
    assert read_artifact(SAMPLE, mirrors=[], offline=True) == CONTENT


@pytest.mark.usefixtures("writable_again")
def test_read_only_cache_cold(
    mirror: str, zoo_home: Path, read_only: Callable[[Path], None], seen: Seen
) -> None:
    """DownloadError that names the folder and ZOO_HOME"""
    read_only(zoo_home)
    with pytest.raises(DownloadError) as caught:
        fetch_artifact(SAMPLE, mirrors=[mirror])
    seen(str(caught.value).partition(": ")[2])
    assert "Set ZOO_HOME to a folder" in str(caught.value)
    assert str(zoo_home) in str(caught.value)


@pytest.mark.parametrize(
    ("damage", "content"),
    [("flipped", b"!" + CONTENT[1:]), ("emptied", b""), ("halved", CONTENT[:100_000])],
    ids=["flipped", "emptied", "halved"],
)
def test_cached_file(
    damage: str, content: bytes, mirror: str, caplog: pytest.LogCaptureFixture, seen: Seen
) -> None:
    """noticed at the next use, set aside, fetched again, said once"""
    path = fetch_artifact(SAMPLE, mirrors=[mirror])
    path.chmod(0o644)
    path.write_bytes(content)
    assert [problem is None for _, problem in verify_cached([SAMPLE])] == [False]
    assert read_artifact(SAMPLE, mirrors=[mirror]) == CONTENT
    assert [problem for _, problem in verify_cached([SAMPLE])] == [None]
    assert len(caplog.records) == 1
    seen(f"{damage}: healed")


def test_cached_file_damaged_and_offline(mirror: str, zoo_home: Path) -> None:
    """refused; the damaged bytes are never returned"""
    path = fetch_artifact(SAMPLE, mirrors=[mirror])
    path.chmod(0o644)
    path.write_bytes(CONTENT[::-1])
    with pytest.raises(OfflineError):
        read_artifact(SAMPLE, mirrors=[mirror], offline=True)


def test_cache_folder_is_a_symlink(
    mirror: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """works"""
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    monkeypatch.setenv("ZOO_HOME", str(tmp_path / "link"))
    assert read_artifact(SAMPLE, mirrors=[mirror]) == CONTENT
    assert [name[17:] for name in files_in(tmp_path / "real")] == ["sample.bin"]


def test_cache_folder_is_a_dangling_symlink(
    mirror: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """DownloadError that names ZOO_HOME"""
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    monkeypatch.setenv("ZOO_HOME", str(tmp_path / "link"))
    with pytest.raises(DownloadError, match="Set ZOO_HOME"):
        fetch_artifact(SAMPLE, mirrors=[mirror])


@pytest.mark.parametrize("known", [True, False], ids=["user_known", "user_unknown"])
def test_home_unset(
    known: bool, mirror: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seen: Seen
) -> None:
    """the user database decides; a user without a home gets an error that names ZOO_HOME"""
    for name in ("ZOO_HOME", "HOME", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    own = pwd.struct_passwd(("me", "x", os.getuid(), 0, "", str(tmp_path), "/bin/sh"))
    monkeypatch.setattr(pwd, "getpwuid", {os.getuid(): own}.__getitem__ if known else {}.pop)
    if known:
        assert cache_folder() == tmp_path / ".cache" / "gluon-zoo"
        assert read_artifact(SAMPLE, mirrors=[mirror]) == CONTENT
        return seen("fetched into the home of the user database")
    with pytest.raises(DownloadError) as caught:
        read_artifact(SAMPLE, mirrors=[mirror])
    assert "set ZOO_HOME" in str(caught.value)
    return seen(caught.value)


def test_home_unwritable(mirror: str, monkeypatch: pytest.MonkeyPatch, seen: Seen) -> None:
    """DownloadError that names ZOO_HOME"""
    monkeypatch.delenv("ZOO_HOME")
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setenv("HOME", "/proc/1/nowhere")
    with pytest.raises(DownloadError) as caught:
        fetch_artifact(SAMPLE, mirrors=[mirror])
    assert "Set ZOO_HOME" in str(caught.value)
    seen(caught.value)


@pytest.mark.parametrize("mask", [0o000, 0o077], ids=["000", "077"])
def test_umask(mask: int, mirror: str, zoo_home: Path, seen: Seen) -> None:
    """nobody can write the file, others read it as umask says"""
    before = os.umask(mask)
    try:
        path = fetch_artifact(SAMPLE, mirrors=[mirror])
    finally:
        os.umask(before)
    mode = path.stat().st_mode & 0o777
    seen(f"{mode:04o}, folder {path.parent.stat().st_mode & 0o777:04o}")
    assert mode == 0o444 & ~mask
    assert path.parent.stat().st_mode & 0o002 == 0


@pytest.mark.parametrize(
    "name",
    ["with space", "line\nbreak", "übung-雪", "[a]*?", "-rf", "%s{0}", "x" * 200, "'\"$(x)"],
    ids=["space", "newline", "unicode", "pattern", "option", "format", "of_200_letters", "shell"],
)
def test_odd_names_of_the_folder(
    name: str, mirror: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """works, and resumes"""
    monkeypatch.setenv("ZOO_HOME", str(tmp_path / name))
    folder = tmp_path / name / "weights"
    folder.mkdir(parents=True)
    (folder / f".{SAMPLE.sha256}.part").write_bytes(CONTENT[:5000])
    assert read_artifact(SAMPLE, mirrors=[mirror]) == CONTENT
    assert [file[17:] for file in files_in(tmp_path / name)] == ["sample.bin"]


def test_odd_names_of_files(mirror: str) -> None:
    """the longest name and the strangest letters that a manifest may hold"""
    for file in ("a" * 200, "a+", "_-+.x", "deep/er/and/deeper/f.bin"):
        path = fetch_artifact(artifact(CONTENT, file), mirrors=[mirror])
        assert path.read_bytes() == CONTENT


def _occupy(path: Path, how: str, precious: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    if how == "folder":
        path.mkdir()
        (path / "inside").write_bytes(b"precious")
    elif how == "fifo":
        os.mkfifo(path)
    elif how == "link":
        path.symlink_to(precious)
    else:
        os.link(precious, path)


@pytest.fixture
def precious(tmp_path: Path) -> Iterator[Path]:
    """Somebody's file, which nothing may change."""
    path = tmp_path / "precious"
    path.write_bytes(b"precious")
    yield path
    assert path.read_bytes() == b"precious"


OCCUPIED = {
    "final_name": "{digest16}-sample.bin",
    "partial_name": ".{digest}.part",
    "validator_name": ".{digest}.validator",
    "lock_name": ".{digest16}-sample.bin.lock",
}


@pytest.mark.parametrize("how", ["folder", "fifo", "link", "hard_link"])
@pytest.mark.parametrize("what", OCCUPIED)
def test_occupied(what: str, how: str, mirror: str, zoo_home: Path, precious: Path) -> None:
    """what is in the way is not followed, not written, not waited for; the file is fetched"""
    names = {"digest": SAMPLE.sha256, "digest16": SAMPLE.sha256[:16]}
    _occupy(zoo_home / "weights" / OCCUPIED[what].format(**names), how, precious)
    assert read_artifact(SAMPLE, mirrors=[mirror]) == CONTENT
    path = cached_path(SAMPLE)
    assert path.is_file()
    assert not path.is_symlink()
    kept = [one for one in zoo_home.rglob("inside") if one.read_bytes() == b"precious"]
    assert how != "folder" or len(kept) == 1


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to make a file of another user")
def test_partial_file_of_another_user(mirror: str, zoo_home: Path) -> None:
    """not gone on with: its owner could still write it"""
    left = zoo_home / "weights" / f".{SAMPLE.sha256}.part"
    left.parent.mkdir()
    left.write_bytes(CONTENT[:5000])
    os.chown(left, 65534, 65534)
    path = fetch_artifact(SAMPLE, mirrors=[mirror])
    assert path.stat().st_uid == 0


OFFLINE = """
import sys
from mirrors import CONTENT, SAMPLE
from zoo.errors import OfflineError
from zoo.fetching import read_artifact
assert read_artifact(SAMPLE, mirrors=sys.argv[2:]) == CONTENT
try:
    read_artifact(SAMPLE, mirrors=sys.argv[1:2] + ['https://example.org', 'hf://a/b@c'])
except OfflineError as error:
    print(error)
"""


def _offline(tmp_path: Path, mirror: str, *before: str) -> str:
    from mirrors import mirror_folder

    folder = mirror_folder(tmp_path / "mirror", CONTENT)
    program = OFFLINE.replace("try:", "import os; os.environ['ZOO_HOME'] += '/2'\ntry:")
    home = environment(ZOO_OFFLINE="1")
    code, said = run(program, mirror, folder, env=home, before=list(before))
    assert code == 0, said
    assert "not asked, the network is switched off" in said
    return said


def test_offline_opens_no_socket(mirror: str, tmp_path: Path) -> None:
    """ZOO_OFFLINE=1 under strace: no call of socket or connect; a folder still serves"""
    if shutil.which("strace") is None:
        pytest.skip("needs strace")
    log = tmp_path / "calls"
    _offline(tmp_path, mirror, "strace", "-f", "-qq", "-e", "trace=network", "-o", str(log))
    assert log.read_text() == ""


def test_offline_without_a_network(mirror: str, tmp_path: Path) -> None:
    """ZOO_OFFLINE=1 in a network namespace of its own: the same"""
    if shutil.which("unshare") is None or os.geteuid() != 0:
        pytest.skip("needs root and unshare")
    if subprocess.run(["unshare", "-n", "true"], capture_output=True).returncode:
        pytest.skip("namespaces are not allowed here")
    _offline(tmp_path, mirror, "unshare", "-n")


def test_without_a_network(tmp_path: Path) -> None:
    """not offline, but no network at all: typed, in time"""
    if shutil.which("unshare") is None or os.geteuid() != 0:
        pytest.skip("needs root and unshare")
    if subprocess.run(["unshare", "-n", "true"], capture_output=True).returncode:
        pytest.skip("namespaces are not allowed here")
    code, said = run(FETCH, "https://192.0.2.1/x", before=["unshare", "-n"])
    assert code == 1
    assert "DownloadError" in said
    assert "Network is unreachable" in said
