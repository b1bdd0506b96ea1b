from __future__ import annotations

import base64
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from file_server import FileServer
from other_hubs import ENCODED, published, serve, write_hub
from signing_keys import Keys, make_keys

import zoo
from zoo import hubs
from zoo.addresses import parse_address
from zoo.errors import MissingDependencyError, OfflineError, SignatureError
from zoo.fetching import read_artifact
from zoo.hubs import read_hub
from zoo.lookup import get_weights
from zoo.manifest import FILE_NAME
from zoo.signatures import SIGNATURE_NAME, check_signature, needs_password, sign

MANIFEST = b'{"schema": 1, "weights": {}}'


def check(manifest: bytes, signature: bytes, keys: Keys) -> None:
    check_signature(manifest, signature, keys.public, "the hub")


@pytest.mark.parametrize("curve", ["SECP256R1", "SECP384R1", "SECP521R1"])
def test_what_is_signed_is_verified(curve: str, keys: Keys, tmp_path: Path) -> None:
    own = make_keys(tmp_path, curve, curve)
    signature = sign(MANIFEST, own.private)
    check(MANIFEST, signature, own)
    for place in range(len(MANIFEST)):
        changed = bytearray(MANIFEST)
        changed[place] ^= 1
        if place % 9 == 0:
            with pytest.raises(SignatureError, match="it is about other bytes"):
                check(bytes(changed), signature, own)
    with pytest.raises(SignatureError, match="Key mismatch"):
        check(MANIFEST, signature, keys)


def test_a_password(keys: Keys, tmp_path: Path) -> None:
    locked = make_keys(tmp_path, "locked", password="open")
    assert needs_password(locked.private)
    assert not needs_password(keys.private)
    check(MANIFEST, sign(MANIFEST, locked.private, "open"), locked)
    for wrong in ("shut", None):
        with pytest.raises(SignatureError, match="cannot sign"):
            sign(MANIFEST, locked.private, wrong)


def _bundle(change: Callable[[Any], object]) -> Callable[[bytes], bytes]:
    def changed(signature: bytes) -> bytes:
        document = json.loads(signature)
        change(document)
        return json.dumps(document).encode()

    return changed


def _statement(change: Callable[[Any], object]) -> Callable[[bytes], bytes]:
    def changed(document: Any) -> None:
        envelope = document["dsseEnvelope"]
        statement = json.loads(base64.b64decode(envelope["payload"]))
        change(statement)
        envelope["payload"] = base64.b64encode(json.dumps(statement).encode()).decode()

    return _bundle(changed)


def _flip(document: Any) -> None:
    one = document["dsseEnvelope"]["signatures"][0]
    content = bytearray(base64.b64decode(one["sig"]))
    content[-1] ^= 1
    one["sig"] = base64.b64encode(content).decode()


FORGERIES: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda _: b"",
    "no JSON": lambda _: b"signed, honestly",
    "a list": lambda _: b"[]",
    "deep": lambda _: b"[" * 900,
    "long": lambda one: one + b" " * (5 << 20),
    "cut": lambda one: one[:-20],
    "flipped": _bundle(_flip),
    "no signatures": _bundle(lambda one: one["dsseEnvelope"].update(signatures=[])),
    "an empty signature": _bundle(lambda one: one["dsseEnvelope"]["signatures"][0].update(sig="")),
    "no envelope": _bundle(lambda one: one.pop("dsseEnvelope")),
    "another type": _bundle(lambda one: one.update(mediaType="text/html")),
    "another payload type": _bundle(lambda one: one["dsseEnvelope"].update(payloadType="x")),
    "no key": _bundle(lambda one: one["verificationMaterial"].clear()),
    "a certificate": _bundle(
        lambda one: one.update(verificationMaterial={"certificate": {"rawBytes": "AAAA"}})
    ),
    "reworded": _statement(lambda one: one["subject"][0].update(name="other")),
    "nothing": _statement(lambda one: one["predicate"].update(resources=[])),
    "everything ignored": _statement(
        lambda one: one["predicate"]["serialization"].update(ignore_paths=[FILE_NAME])
    ),
    "one more": _statement(
        lambda one: one["predicate"]["resources"].append(one["predicate"]["resources"][0])
    ),
}


@pytest.mark.parametrize("forgery", FORGERIES)
def test_forged_signatures(forgery: str, keys: Keys, capfd: pytest.CaptureFixture[str]) -> None:
    signature = FORGERIES[forgery](sign(MANIFEST, keys.private))
    with pytest.raises(SignatureError, match="does not fit the manifest and the key") as caught:
        check(MANIFEST, signature, keys)
    message = str(caught.value)
    assert message.isprintable()
    assert len(message) < 500
    assert capfd.readouterr() == ("", "")


def test_a_signature_of_a_folder_that_ignores_the_manifest(keys: Keys, tmp_path: Path) -> None:
    from model_signing import hashing, signing

    folder = tmp_path / "signed"
    folder.mkdir()
    (folder / FILE_NAME).write_bytes(b"anything")
    (folder / "model").write_bytes(b"something else")
    signer = signing.Config().use_elliptic_key_signer(private_key=keys.private)
    signer.set_hashing_config(hashing.Config().set_ignored_paths(paths=[FILE_NAME]))
    signer.sign(folder, tmp_path / "x.sig")
    with pytest.raises(SignatureError, match="it is about other bytes"):
        check(MANIFEST, (tmp_path / "x.sig").read_bytes(), keys)


def test_the_librarys_own_verifier_agrees(keys: Keys, tmp_path: Path) -> None:
    from model_signing import verifying

    folder = write_hub(tmp_path / "hub")
    signature = sign((folder / FILE_NAME).read_bytes(), keys.private)
    (folder / SIGNATURE_NAME).write_bytes(signature)
    verifier = verifying.Config().use_elliptic_key_verifier(public_key=keys.public)
    verifier.set_ignore_unsigned_files(True).verify(folder, folder / SIGNATURE_NAME)
    (folder / FILE_NAME).write_bytes(MANIFEST)
    with pytest.raises(ValueError, match="mismatch"):
        verifier.verify(folder, folder / SIGNATURE_NAME)


@pytest.mark.parametrize("wrong", ["other half", "no key", "nothing", "a folder", "long", "rsa"])
def test_wrong_keys(wrong: str, keys: Keys, tmp_path: Path) -> None:
    signature = sign(MANIFEST, keys.private)
    private, public = tmp_path / "wrong.pem", tmp_path / "wrong.public.pem"
    if wrong == "other half":
        private, public = keys.public, keys.private
    elif wrong == "no key":
        private.write_text("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n")
        public.write_text("-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n")
    elif wrong == "a folder":
        private = public = tmp_path
    elif wrong == "long":
        private.write_bytes(keys.private.read_bytes() * 100)
        public.write_bytes(keys.public.read_bytes() * 100)
    elif wrong == "rsa":
        _write_rsa(private, public)
    with pytest.raises(SignatureError, match="key"):
        sign(MANIFEST, private)
    with pytest.raises(SignatureError, match="key"):
        check_signature(MANIFEST, signature, public, "the hub")


PIPES = """
import os, sys
from pathlib import Path
from zoo.errors import SignatureError
from zoo.params_files import is_params
from zoo.signatures import needs_password
pipe = Path(sys.argv[1])
os.mkfifo(pipe)
assert not is_params(pipe)
try:
    needs_password(pipe)
except SignatureError as error:
    print(error)
"""


def test_nobody_waits_for_a_pipe(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    command = [sys.executable, "-c", PIPES, str(pipe)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout == f"The key {pipe} cannot be read: not a regular file.\n"


def _write_rsa(private: Path, public: Path) -> None:
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import rsa

    key = rsa.generate_private_key(65537, 2048)
    pem, plain = serialization.Encoding.PEM, serialization.NoEncryption()
    private.write_bytes(key.private_bytes(pem, serialization.PrivateFormat.PKCS8, plain))
    spki = serialization.PublicFormat.SubjectPublicKeyInfo
    public.write_bytes(key.public_key().public_bytes(pem, spki))


def test_without_the_library() -> None:
    program = (
        "import sys; sys.modules['model_signing'] = None\n"
        "from pathlib import Path; from zoo.signatures import sign\n"
        "from zoo.errors import MissingDependencyError\n"
        "try: sign(b'', Path('key'))\n"
        "except MissingDependencyError as error: print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert "pip install 'gluon-zoo[signing]'" in done.stdout
    assert issubclass(MissingDependencyError, zoo.ZooError)


@pytest.fixture
def signed(tmp_path: Path, keys: Keys) -> Path:
    """A hub, signed."""
    folder = write_hub(tmp_path / "hub")
    signature = sign((folder / FILE_NAME).read_bytes(), keys.private)
    (folder / SIGNATURE_NAME).write_bytes(signature)
    return folder


@pytest.mark.parametrize("kind", ["folder", "web"])
def test_a_hub_must_be_signed_where_a_key_is_given(
    kind: str,
    signed: Path,
    keys: Keys,
    tmp_path: Path,
    file_server: FileServer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    place = str(signed) if kind == "folder" else serve(file_server, signed)
    monkeypatch.setenv("ZOO_HUB_KEY", str(keys.public))
    assert read_artifact(get_weights(place).artifact("safetensors")) == ENCODED
    monkeypatch.setenv("ZOO_HUB_KEY", str(make_keys(tmp_path, "other").public))
    with pytest.raises(SignatureError, match="Key mismatch"):
        get_weights(place)
    monkeypatch.setenv("ZOO_HUB_KEY", str(tmp_path / "nowhere.pem"))
    with pytest.raises(SignatureError, match="No such file"):
        get_weights(place)
    monkeypatch.setenv("ZOO_HUB_KEY", str(keys.public))
    other = write_hub(tmp_path / "hub", published("lenet.own"), published("mlp.evil", b"!"))
    place = str(other) if kind == "folder" else serve(file_server, other)
    hubs._remote_hub.cache_clear()
    with pytest.raises(SignatureError, match="about other bytes"):
        get_weights(f"{place}::lenet")
    (other / SIGNATURE_NAME).unlink()
    place = str(other) if kind == "folder" else serve(file_server, other)
    with pytest.raises(SignatureError, match=r"has no weights_manifest\.sig"):
        get_weights(f"{place}::lenet")


def test_the_package_needs_no_signature(keys: Keys, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ZOO_HUB_KEY", str(keys.public))
    assert zoo.get_weights("lenet.mnist").hub == ""


def test_a_signed_hub_without_the_network(
    signed: Path,
    keys: Keys,
    tmp_path: Path,
    file_server: FileServer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    address = parse_address(serve(file_server, signed))
    pinned = parse_address(f"{address}#sha256={read_hub(address).digest}")
    hubs._remote_hub.cache_clear()
    for one in (address, pinned):
        with pytest.raises(OfflineError, match="manifest with its signature"):
            read_hub(one, key=keys.public, offline=True)
    read_hub(address, key=keys.public)
    for one in (address, pinned):
        assert list(read_hub(one, key=keys.public, offline=True).records) == ["lenet.own"]
        with pytest.raises(OfflineError):
            read_hub(one, key=make_keys(tmp_path, "other").public, offline=True)
