"""Optional Ed25519 signatures: whoever holds the key vouches for a manifest. Needs the extra `[sign]`."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING

from progressgym.core.errors import UserError
from progressgym.leaderboard.curve import check_key, check_signature_bytes
from progressgym.leaderboard.manifest import MANIFEST, SIGNATURE
from progressgym.leaderboard.problems import refuse
from progressgym.leaderboard.schema import SignatureRecord, parse_model
from progressgym.leaderboard.unpack import Files

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

DOMAIN = b"progressgym leaderboard submission v1\n"
"""Signed before the digest, so that no signature made for something else fits."""


def make_key(path: Path) -> str:
    """Write a new private key that only its owner may read; returns the public key in hexadecimal.

    Raises:
        UserError: the file exists, or cryptography is missing.
    """
    _need()
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    key = Ed25519PrivateKey.generate()
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise UserError(f"{path} exists; a key is never overwritten") from None
    with open(descriptor, "wb") as file:
        file.write(pem)
    return _public(key)


def sign(digest: str, key_file: Path) -> bytes:
    """`SIGNATURE.json` for a manifest's digest.

    Raises:
        UserError: no such key, not an Ed25519 key, or cryptography is missing.
    """
    _need()
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    try:
        key = serialization.load_pem_private_key(key_file.read_bytes(), password=None)
    except (OSError, ValueError, TypeError) as error:
        raise UserError(f"{key_file} is no private key that can be read: {error}") from None
    if not isinstance(key, Ed25519PrivateKey):
        raise UserError(f"{key_file} is not an Ed25519 key; make one with --new-key")
    record = SignatureRecord(
        algorithm="ed25519", public_key=_public(key), manifest=digest, signature=key.sign(_signed(digest)).hex()
    )
    return (json.dumps(record.model_dump(mode="json"), indent=2) + "\n").encode()


def check_signature(files: Files, digest: str) -> str | None:
    """The public key that signed, or None for a submission without a signature.

    Raises:
        Refused: a signature of other content, one that does not hold, one that would hold for any content, or one that
            cannot be checked here.
    """
    if SIGNATURE not in files:
        return None
    record = parse_model(files[SIGNATURE], SignatureRecord, SIGNATURE)
    if record.manifest != digest:
        raise refuse("signature-digest", f"{SIGNATURE}#/manifest", f"signs another manifest, not this {MANIFEST}")
    try:
        _need()
    except UserError as error:
        raise refuse("signature-unchecked", SIGNATURE, str(error)) from None
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    public, signature = bytes.fromhex(record.public_key), bytes.fromhex(record.signature)
    if (wrong := check_key(public)) is not None:
        raise refuse("signature-weak", f"{SIGNATURE}#/public_key", wrong)
    if (wrong := check_signature_bytes(signature)) is not None:
        raise refuse("signature-weak", f"{SIGNATURE}#/signature", wrong)
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, _signed(digest))
    except (InvalidSignature, ValueError):
        raise refuse("signature-invalid", f"{SIGNATURE}#/signature", "is not by this key over this manifest") from None
    return record.public_key


def _signed(digest: str) -> bytes:
    return DOMAIN + digest.encode("ascii")


def _public(key: Ed25519PrivateKey) -> str:
    return key.public_key().public_bytes_raw().hex()


def _need() -> None:
    try:
        import cryptography  # noqa: F401
    except ImportError:
        raise UserError("signatures need `pip install 'progress-gym[sign]'`") from None
