"""Keys to sign with, made for a test."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple


class Keys(NamedTuple):
    """The two PEM files of one key."""

    private: Path
    public: Path


def make_keys(folder: Path, name: str, curve: str = "SECP256R1", password: str = "") -> Keys:
    """A fresh key on an elliptic curve, encrypted where there is a password."""
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(getattr(ec, curve)())
    encryption: Any = serialization.NoEncryption()
    if password:
        encryption = serialization.BestAvailableEncryption(password.encode())
    pem, pkcs8 = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    spki = serialization.PublicFormat.SubjectPublicKeyInfo
    keys = Keys(folder / f"{name}.pem", folder / f"{name}.public.pem")
    keys.private.write_bytes(key.private_bytes(pem, pkcs8, encryption))
    keys.public.write_bytes(key.public_key().public_bytes(pem, spki))
    return keys
