"""Signatures: who, over what; nothing else."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from progressgym.core.errors import UserError
from progressgym.leaderboard.manifest import SIGNATURE, check_manifest
from progressgym.leaderboard.problems import Refused
from progressgym.leaderboard.signing import check_signature, make_key, sign
from tests.leaderboard.helpers import base_files, edited


def test_a_signature_holds_for_its_manifest_only(tmp_path: Path) -> None:
    key = tmp_path / "keys" / "my.key"
    public = make_key(key)
    assert key.stat().st_mode & 0o077 == 0, "nobody else may read it"
    files = dict(base_files())
    digest = check_manifest(files)
    files[SIGNATURE] = sign(digest, key)
    assert check_signature(files, digest) == public
    other = {**edited(files, lambda record: record.update(hardware="other")), SIGNATURE: files[SIGNATURE]}
    with pytest.raises(Refused, match="signature-digest"):
        check_signature(other, check_manifest(other))


def test_a_forged_signature_is_refused(tmp_path: Path) -> None:
    key = tmp_path / "my.key"
    make_key(key)
    files = dict(base_files())
    digest = check_manifest(files)
    record = json.loads(sign(digest, key))
    for field, value in (("signature", "0" * 128), ("public_key", make_key(tmp_path / "other.key"))):
        forged = {**files, SIGNATURE: json.dumps({**record, field: value}).encode()}
        with pytest.raises(Refused, match="signature-invalid"):
            check_signature(forged, digest)


def test_keys_are_neither_overwritten_nor_guessed(tmp_path: Path) -> None:
    key = tmp_path / "my.key"
    make_key(key)
    with pytest.raises(UserError, match="never overwritten"):
        make_key(key)
    (tmp_path / "bad.key").write_text("no key")
    with pytest.raises(UserError, match="no private key"):
        sign("0" * 64, tmp_path / "bad.key")


def test_unsigned_is_allowed() -> None:
    assert check_signature(dict(base_files()), "0" * 64) is None
