"""Signatures: who, over what; nothing else."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from progressgym.core.errors import UserError
from progressgym.leaderboard.curve import ORDER, PRIME, SMALL
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
    for field, value in (("signature", "3" + "0" * 127), ("public_key", make_key(tmp_path / "other.key"))):
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


def _decompressed(y: int) -> tuple[int, int] | None:
    """The point of the curve with this second coordinate, by Euler's criterion; None where there is none."""
    constant = -121665 * pow(121666, -1, PRIME) % PRIME
    square = (y * y - 1) * pow(constant * y * y + 1, -1, PRIME) % PRIME
    root = pow(square, (PRIME + 3) // 8, PRIME)
    for x in (root, root * pow(2, (PRIME - 1) // 4, PRIME) % PRIME):
        if x * x % PRIME == square:
            return x, y
    return None


def _twice(point: tuple[int, int]) -> tuple[int, int]:
    x, y = point
    constant = -121665 * pow(121666, -1, PRIME) % PRIME
    both = constant * x * x * y * y % PRIME
    return 2 * x * y * pow(1 + both, -1, PRIME) % PRIME, (y * y + x * x) * pow(1 - both, -1, PRIME) % PRIME


def test_the_points_of_small_order_are_those_that_vanish_after_three_doublings() -> None:
    """By the arithmetic of the curve: eight points, two for every coordinate but those of orders one and two."""
    for y in SMALL:
        point = _decompressed(y)
        assert point is not None
        assert _twice(_twice(_twice(point))) == (0, 1)
    assert sum(1 if _decompressed(y) == (0, y) else 2 for y in SMALL) == 8
    assert all(_decompressed(y) is None or y not in SMALL for y in range(2, 50))


@pytest.mark.parametrize("sign", [0, 1])
@pytest.mark.parametrize("y", [*sorted(SMALL), PRIME, PRIME + 1, 2**255 - 1])
def test_a_key_that_signs_everything_is_refused(y: int, sign: int) -> None:
    """With the neutral point as key and as R, and S = 0, the equation of every message holds."""
    point = (y | sign << 255).to_bytes(32, "little")
    files = dict(base_files())
    digest = check_manifest(files)
    for s in (0, ORDER):
        signature = point + s.to_bytes(32, "little")
        record = {
            "schema_version": 1,
            "algorithm": "ed25519",
            "public_key": point.hex(),
            "manifest": digest,
            "signature": signature.hex(),
        }
        with pytest.raises(Refused, match="signature-weak"):
            check_signature({**files, SIGNATURE: json.dumps(record).encode()}, digest)


@pytest.mark.parametrize("spoil", ["small R", "long S", "long R"])
def test_a_signature_in_a_second_spelling_is_refused(tmp_path: Path, spoil: str) -> None:
    make_key(tmp_path / "my.key")
    files = dict(base_files())
    digest = check_manifest(files)
    record = json.loads(sign(digest, tmp_path / "my.key"))
    r, s = bytes.fromhex(record["signature"])[:32], int.from_bytes(bytes.fromhex(record["signature"])[32:], "little")
    spoilt = {
        "small R": bytes([1]) + bytes(31) + s.to_bytes(32, "little"),
        "long S": r + (s + ORDER).to_bytes(32, "little"),
        "long R": (PRIME + 3).to_bytes(32, "little") + s.to_bytes(32, "little"),
    }[spoil]
    with pytest.raises(Refused, match="signature-weak"):
        check_signature({**files, SIGNATURE: json.dumps({**record, "signature": spoilt.hex()}).encode()}, digest)
