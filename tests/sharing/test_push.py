"""Pushes to the Hub by the real client, and what others then pull from it."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from huggingface_endpoint import READER, HuggingFaceEndpoint, Stored
from records import artifact as make_artifact
from records import weights as make_weights
from shared_records import ADULT, HOUSING, altered_hub, digest_of, stem

from zoo.errors import ManifestError, OfflineError, PublishError
from zoo.fetching import fetch_artifact
from zoo.manifest import FILE_NAME, embedded_folder, read_manifest
from zoo.sharing import push as room
from zoo.sharing.push import push
from zoo.sharing.release import CHECKSUMS, Wanted, read_checksums
from zoo.sharing.repository import Repository
from zoo.sources import sources_of

pytest_plugins = ["huggingface"]

ADDRESS = "hf://me/models"
ONE, BOTH = Wanted([HOUSING]), Wanted([HOUSING, ADULT])


def files_of(name: str) -> set[str]:
    own = {one.file for one in read_manifest()[name].artifacts.values()}
    return {*own, f"{stem(name)}.onnx"}


MADE = {FILE_NAME, CHECKSUMS, "README.md"}


def refused(hugging_face: HuggingFaceEndpoint, wanted: Wanted = ONE, **options: Any) -> str:
    """The one line of the refusal; the repositories must stay as they were."""
    before = {name: dict(one.branches) for name, one in hugging_face.repositories.items()}
    with pytest.raises(PublishError) as caught:
        push(ADDRESS, wanted, **options)
    assert {name: dict(one.branches) for name, one in hugging_face.repositories.items()} == before
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_one_commit_has_it_all(hugging_face: HuggingFaceEndpoint) -> None:
    pushed = push(ADDRESS, BOTH)
    stored = hugging_face.repositories["me/models"]
    assert set(stored.head()) == {*files_of(HOUSING), *files_of(ADULT), *MADE, ".gitattributes"}
    assert len(stored.messages) == 2  # the Hub's own first commit, and ours
    assert stored.messages[1].startswith(f"Publish {HOUSING}, {ADULT} with gluon-zoo")
    assert pushed.commit == stored.branches["main"]
    assert {one.state for one in pushed.files} == {"new"}
    for one in pushed.files:
        assert digest_of(stored.head()[one.file]) == one.sha256


def test_it_is_a_hub(hugging_face: HuggingFaceEndpoint, tmp_path: Path) -> None:
    push(ADDRESS, ONE)
    files = hugging_face.repositories["me/models"].head()
    for file, content in files.items():
        (tmp_path / file).write_bytes(content)
    [weights] = read_manifest(tmp_path / FILE_NAME).values()
    assert weights.to_json() == read_manifest()[HOUSING].to_json()
    for artifact in weights.artifacts.values():
        assert digest_of(files[artifact.file]) == artifact.sha256
    listed = read_checksums(files[CHECKSUMS], "here")
    assert set(listed) == {*files_of(HOUSING), FILE_NAME}
    assert all(digest_of(files[file]) == digest for file, digest in listed.items())


def test_every_file_is_read_back(hugging_face: HuggingFaceEndpoint) -> None:
    pushed = push(ADDRESS, ONE)
    done = [number for number, one in enumerate(hugging_face.requests) if "/commit/" in one.path][
        -1
    ]
    read = {
        one.path.split("/")[-1] for one in hugging_face.requests[done:] if "/resolve/" in one.path
    }
    assert read == {one.file for one in pushed.files}
    assert all(
        f"/resolve/{pushed.commit}/" in one.path for one in hugging_face.made("GET", "/resolve/")
    )


def test_again_sends_nothing(hugging_face: HuggingFaceEndpoint) -> None:
    first = push(ADDRESS, BOTH)
    count = len(hugging_face.requests)
    again = push(ADDRESS, BOTH)
    assert (again.sent, again.commit) == ([], first.commit)
    assert {one.method for one in hugging_face.requests[count:]} == {"GET"}
    assert len(hugging_face.repositories["me/models"].messages) == 2


def test_records_are_added_to_those_that_are_there(hugging_face: HuggingFaceEndpoint) -> None:
    push(ADDRESS, ONE)
    pushed = push(ADDRESS, Wanted(["*adult"]))
    states = {one.file: one.state for one in pushed.files}
    assert {states[file] for file in files_of(ADULT)} == {"new"}
    assert {states[file] for file in MADE} == {"replaced"}
    stored = hugging_face.repositories["me/models"]
    assert list(json.loads(stored.head()[FILE_NAME])["weights"]) == [HOUSING, ADULT]
    both = dict(stored.head())
    hugging_face.repositories.clear()
    push(ADDRESS, BOTH)
    assert hugging_face.repositories["me/models"].head() == both


def test_a_dry_run_sends_nothing(hugging_face: HuggingFaceEndpoint) -> None:
    planned = push(ADDRESS, BOTH, dry_run=True)
    assert hugging_face.repositories == {}
    assert hugging_face.objects == {}
    assert {one.method for one in hugging_face.requests} == {"GET"}
    assert planned.commit is None
    sent = push(ADDRESS, BOTH)
    assert planned.files == sent.files
    assert push(ADDRESS, BOTH, dry_run=True).sent == []


def test_a_private_repository(hugging_face: HuggingFaceEndpoint) -> None:
    push(ADDRESS, ONE, private=True)
    assert hugging_face.repositories["me/models"].private
    assert push(ADDRESS, ONE, private=True).sent == []
    hugging_face.repositories["me/models"].private = False
    assert "exists and is public" in refused(hugging_face, private=True)


def test_a_branch_is_made(hugging_face: HuggingFaceEndpoint) -> None:
    push(ADDRESS, ONE)
    main = hugging_face.repositories["me/models"].branches["main"]
    push(f"{ADDRESS}@next", BOTH)
    assert hugging_face.repositories["me/models"].branches["main"] == main
    assert f"{stem(ADULT)}.onnx" in hugging_face.repositories["me/models"].head("next")
    assert push(f"{ADDRESS}@next", BOTH).sent == []


@pytest.mark.parametrize("dry_run", [True, False])
def test_a_new_branch_is_judged_by_what_it_begins_with(
    dry_run: bool, hugging_face: HuggingFaceEndpoint, tmp_path: Path
) -> None:
    push(ADDRESS, ONE)
    others = altered_hub(tmp_path / "others", HOUSING, content=b"other")
    with pytest.raises(PublishError, match="with another safetensors file"):
        push(f"{ADDRESS}@next", Wanted(["*"], hub=others), dry_run=dry_run)
    assert set(hugging_face.repositories["me/models"].branches) == {"main"}


def test_the_card_of_a_branch_names_it(hugging_face: HuggingFaceEndpoint) -> None:
    push(f"{ADDRESS}@next", ONE)
    card = hugging_face.repositories["me/models"].head("next")["README.md"].decode()
    assert f'hf_hub_download("me/models", "{stem(HOUSING)}.onnx", revision="next")' in card
    assert f'zoo.pipeline("{ADDRESS}@next::{HOUSING}")' in card


def test_a_file_of_checksums_of_their_own_is_not_overwritten(
    hugging_face: HuggingFaceEndpoint,
) -> None:
    file = f"{stem(HOUSING)}.safetensors"
    stored = hugging_face.repositories["me/models"] = Stored(False)
    stored.add({file: b"mine", CHECKSUMS: f"{digest_of(b'mine')}  {file}\n".encode()})
    assert f"another {file}" in refused(hugging_face)


def test_a_file_in_parts(hugging_face: HuggingFaceEndpoint) -> None:
    hugging_face.part_size = 100
    push(ADDRESS, ONE)
    assert len(hugging_face.made("PUT", "part=3")) >= 2
    assert len(hugging_face.made("POST", "/complete/")) == 3


def test_a_published_record_never_changes(
    hugging_face: HuggingFaceEndpoint, tmp_path: Path
) -> None:
    push(ADDRESS, BOTH)
    others = altered_hub(tmp_path / "others", HOUSING, content=b"other")
    count = len(hugging_face.requests)
    message = refused(hugging_face, Wanted(["*"], hub=others))
    assert f"has {HOUSING} already, with another safetensors file" in message
    facts = altered_hub(tmp_path / "facts", HOUSING, parameters=10)
    assert "other facts" in refused(hugging_face, Wanted(["*"], hub=facts))
    assert {one.method for one in hugging_face.requests[count:]} == {"GET"}


def test_a_strange_file_is_not_overwritten(hugging_face: HuggingFaceEndpoint) -> None:
    hugging_face.repositories["me/models"] = Stored(False)
    hugging_face.repositories["me/models"].add(
        {f"{stem(HOUSING)}.safetensors": b"mine", "README.md": b"mine"}
    )
    assert f"another {stem(HOUSING)}.safetensors" in refused(hugging_face)


def test_damage_is_repaired(hugging_face: HuggingFaceEndpoint) -> None:
    push(ADDRESS, BOTH)
    stored = hugging_face.repositories["me/models"]
    whole = dict(stored.head())
    stored.add({**whole, f"{stem(HOUSING)}.safetensors": b"bad", f"{stem(HOUSING)}.onnx": b"bad"})
    states = {one.file: one.state for one in push(ADDRESS, ONE).files}
    assert states[f"{stem(HOUSING)}.safetensors"] == states[f"{stem(HOUSING)}.onnx"] == "repaired"
    assert stored.head() == whole


def test_a_model_made_by_another_version_stays(hugging_face: HuggingFaceEndpoint) -> None:
    push(ADDRESS, ONE)
    stored = hugging_face.repositories["me/models"]
    files = dict(stored.head())
    name = f"{stem(HOUSING)}.onnx"
    old = digest_of(files[name]).encode()
    files[name] = b"as an older version made it"
    files[CHECKSUMS] = files[CHECKSUMS].replace(old, digest_of(files[name]).encode())
    stored.add(files)
    assert push(ADDRESS, ONE).sent == []
    stored.add({file: content for file, content in files.items() if file != name})
    assert "push with the version that published it" in refused(hugging_face)


@pytest.mark.parametrize(
    ("files", "error", "reason"),
    [
        ({FILE_NAME: b"{"}, ManifestError, f"{ADDRESS}: {FILE_NAME}: not a manifest in strict"),
        ({FILE_NAME: b"1" * (5 << 20)}, PublishError, "is larger than"),
        ({CHECKSUMS: b"no digest\n"}, PublishError, "a line that sha256sum does not write"),
    ],
)
def test_what_is_there_is_not_trusted(
    hugging_face: HuggingFaceEndpoint, files: dict[str, bytes], error: type[Exception], reason: str
) -> None:
    hugging_face.repositories["me/models"] = Stored(False)
    hugging_face.repositories["me/models"].add(files)
    with pytest.raises(error, match=re.escape(reason)):
        push(ADDRESS, ONE)


@pytest.mark.parametrize(
    "address",
    [
        "hf://me",
        "hf://me/",
        "hf://me/models/file",
        "hf://../models",
        "hf://me/models@",
        "hf://a b/c",
    ],
)
def test_an_address_of_another_form(hugging_face: HuggingFaceEndpoint, address: str) -> None:
    with pytest.raises(PublishError, match="is not of the form hf://owner/name"):
        push(address, ONE)
    assert hugging_face.requests == []


def test_nothing_is_asked_when_the_network_is_switched_off(
    hugging_face: HuggingFaceEndpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ZOO_OFFLINE", "1")
    with pytest.raises(OfflineError, match="ZOO_OFFLINE"):
        push(ADDRESS, ONE)
    assert hugging_face.requests == []


def test_without_a_token(
    hugging_face: HuggingFaceEndpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("HF_TOKEN")
    assert push(ADDRESS, ONE, dry_run=True).sent != []
    assert "no token to write with: log in with `hf auth login`" in refused(hugging_face)


def test_a_token_that_may_only_read(
    hugging_face: HuggingFaceEndpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    push(ADDRESS, ONE)
    monkeypatch.setenv("HF_TOKEN", READER)
    message = refused(hugging_face, BOTH)
    assert "403: the token may not do that" in message
    assert "It says: You don't have the rights" in message


def test_a_token_that_nobody_knows(
    hugging_face: HuggingFaceEndpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    push(ADDRESS, ONE)
    monkeypatch.setenv("HF_TOKEN", "hf_unknown")
    assert "401: the Hub does not take the token" in refused(hugging_face)


def test_the_source_hf_fetches_from_it(
    hugging_face: HuggingFaceEndpoint, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    push(ADDRESS, ONE)
    monkeypatch.setattr("zoo.fetching.embedded_folder", lambda: tmp_path / "nothing")
    for artifact in read_manifest()[HOUSING].artifacts.values():
        path = fetch_artifact(artifact, mirrors=[f"{ADDRESS}@main"])
        assert path.read_bytes() == (embedded_folder() / artifact.file).read_bytes()


PULL = """
import json, sys
from huggingface_hub import hf_hub_download, snapshot_download, model_info, ModelCard
repository, file = sys.argv[1:]
one = hf_hub_download(repository, file)
folder = snapshot_download(repository)
card = ModelCard.load(repository)
print(json.dumps([one, folder, model_info(repository).sha, card.data.license]))
"""


@pytest.mark.filterwarnings("default::pytest.PytestUnraisableExceptionWarning")
def test_the_real_client_pulls_it(
    hugging_face: HuggingFaceEndpoint, hub_environment: dict[str, str]
) -> None:
    pushed = push(ADDRESS, ONE, private=True)
    file = f"{stem(HOUSING)}.safetensors"
    command = [sys.executable, "-c", PULL, "me/models", file]
    done = subprocess.run(command, env=hub_environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    one, folder, commit, licence = json.loads(done.stdout)
    assert (commit, licence) == (pushed.commit, "apache-2.0")
    assert Path(one).read_bytes() == (embedded_folder() / file).read_bytes()
    found = {path.name: path.read_bytes() for path in Path(folder).iterdir()}
    assert found == hugging_face.repositories["me/models"].head()


def test_the_card_s_code_runs(
    hugging_face: HuggingFaceEndpoint, hub_environment: dict[str, str]
) -> None:
    push(ADDRESS, ONE)
    card = hugging_face.repositories["me/models"].head()["README.md"].decode()
    code, _ = re.findall(r"```python\n(.*?)```", card, re.DOTALL)
    command = [sys.executable, "-c", f"{code}\nprint(outputs[0].shape)"]
    done = subprocess.run(command, env=hub_environment, capture_output=True, text=True, check=False)
    assert (done.stdout, done.returncode) == ("(1, 1)\n", 0), done.stderr


def test_records_there_lead_nowhere_that_a_hub_on_the_network_may_not(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_bytes(b"bytes")
    file = make_artifact(b"bytes", sources=(secret.as_uri(),))
    one = make_weights(artifacts={"safetensors": file.to_json()})
    content = json.dumps({"schema": 1, "weights": {one.name: one.to_json()}}).encode()
    repository = Repository("hf://me/models")
    [found] = room._records(content, repository, "0" * 40).values()
    places = list(sources_of(found.artifact("safetensors"), [], "weights"))
    assert [one.refusal for one in places if one.address.startswith("file:")] == [
        "not used: the manifest of a hub on the network names it"
    ]
