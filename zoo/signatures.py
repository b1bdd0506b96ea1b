"""A hub's manifest signed with a key, and the signature checked: OpenSSF model signing, offline.

The manifest names every file of the hub with size and sha256, so that to sign it is to sign them
all; a file that it does not name is never read. The signature is a Sigstore bundle with an
in-toto statement about that one file, by an elliptic-curve key, without any service.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import io
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from zoo.cache import open_regular
from zoo.errors import MissingDependencyError, SignatureError
from zoo.manifest import FILE_NAME
from zoo.strict_json import parse

SIGNATURE_NAME = "weights_manifest.sig"
_LARGEST_KEY = 1 << 14
_MOST_PARTS = 1000


def sign(manifest: bytes, key: Path, password: str | None = None) -> bytes:
    """The signature of a manifest's bytes by the private key in a PEM file.

    Raises SignatureError for what is no such key or another password, MissingDependencyError.
    """
    signing, _, hashing = _library()
    _checked_key(key, private=True)
    with _folder_with(manifest) as folder, _refusals(f"{key} cannot sign"):
        signer = signing.Config().use_elliptic_key_signer(
            private_key=key, password=None if password is None else password.encode()
        )
        signer.set_hashing_config(_whole(hashing)).sign(folder / "hub", folder / SIGNATURE_NAME)
        return (folder / SIGNATURE_NAME).read_bytes()


def check_signature(manifest: bytes, signature: bytes, key: Path, place: str) -> None:
    """Raises SignatureError unless the private key that belongs to `key` signed these bytes.

    `key` is a public key in a PEM file; `place` is named in errors. Also MissingDependencyError.
    """
    _, verifying, hashing = _library()
    _checked_key(key, private=False)
    reason = f"{place}: the signature does not fit the manifest and the key {key}"
    with _folder_with(manifest) as folder, _refusals(reason):
        _check_statement(signature, manifest)
        (folder / SIGNATURE_NAME).write_bytes(signature)
        verifier = verifying.Config().use_elliptic_key_verifier(public_key=key)
        verifier.set_hashing_config(_whole(hashing))
        verifier.verify(folder / "hub", folder / SIGNATURE_NAME)


def needs_password(key: Path) -> bool:
    """Whether the private key in a PEM file is encrypted. Raises SignatureError."""
    return b"ENCRYPTED" in _checked_key(key, private=True)


def _library() -> tuple[Any, Any, Any]:
    try:
        from model_signing import hashing, signing, verifying
    except ImportError:
        raise MissingDependencyError(
            "Signatures need model-signing and pyOpenSSL: pip install 'gluon-zoo[signing]'."
        ) from None
    return signing, verifying, hashing


def _whole(hashing: Any) -> Any:
    """Nothing in the folder is left out, as `.git` and `.gitattributes` would be."""
    return hashing.Config().set_ignored_paths(paths=[], ignore_git_paths=False)


def _checked_key(path: Path, *, private: bool) -> bytes:
    kind = "PRIVATE" if private else "PUBLIC"
    try:
        with open_regular(path, links=True) as file:
            content = file.read(_LARGEST_KEY + 1)
    except OSError as error:
        raise SignatureError(f"The key {path} cannot be read: {error.strerror}.") from None
    if len(content) > _LARGEST_KEY or f" {kind} KEY-----".encode() not in content:
        raise SignatureError(f"{path} is not a {kind.lower()} key in PEM form.")
    return content


def _check_statement(signature: bytes, manifest: bytes) -> None:
    """Raises ValueError unless the statement is about a file of that name and digest, alone.

    The library alone would follow a list of files to ignore that stands in the statement.
    """
    bundle = parse(signature, most_parts=_MOST_PARTS)
    content = base64.b64decode(bundle["dsseEnvelope"]["payload"], validate=True)
    predicate = parse(content, most_parts=_MOST_PARTS)["predicate"]
    digest = hashlib.sha256(manifest).hexdigest()
    expected = [{"name": FILE_NAME, "algorithm": "sha256", "digest": digest}]
    if predicate["resources"] != expected or "ignore_paths" in predicate["serialization"]:
        raise ValueError("it is about other bytes")


@contextlib.contextmanager
def _folder_with(manifest: bytes) -> Iterator[Path]:
    """A folder of our own in which `hub` holds the manifest and nothing else."""
    with tempfile.TemporaryDirectory(prefix="zoo-signature-") as name:
        folder = Path(name)
        (folder / "hub").mkdir()
        (folder / "hub" / FILE_NAME).write_bytes(manifest)
        yield folder


@contextlib.contextmanager
def _refusals(message: str) -> Iterator[None]:
    """Turn what the library raises into a SignatureError, and keep it from printing."""
    from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm

    try:
        with contextlib.redirect_stdout(io.StringIO()):
            yield
    except InvalidSignature:
        raise SignatureError(f"{message}: made with another key or for other bytes.") from None
    except (ValueError, LookupError, TypeError, AttributeError, UnsupportedAlgorithm) as error:
        said = " ".join(str(error).split())[:200].rstrip(".")
        raise SignatureError(f"{message}: {said}.") from None
