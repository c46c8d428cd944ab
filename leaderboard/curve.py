"""Ed25519 keys and signatures that prove nothing: points of small order, and numbers that are spelled in two ways.

A key of small order (the neutral point among them) signs every message without anybody knowing a secret, and a
signature that holds in two spellings is two signatures. OpenSSL verifies both kinds as RFC 8032 allows.

Source: RFC 8032, section 5.1; the points of small order are the eight of the curve's torsion, as in libsodium's
`ge25519_has_small_order`.
"""

from __future__ import annotations

PRIME = 2**255 - 19
ORDER = 2**252 + 27742317777372353535851937790883648493
"""Of the base point; a signature's second half is smaller."""
_EIGHTH = int.from_bytes(bytes.fromhex("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05"), "little")
SMALL = frozenset([0, 1, PRIME - 1, _EIGHTH, PRIME - _EIGHTH])
"""Second coordinates of all points whose order divides eight; the first coordinate is either root."""


def check_key(key: bytes) -> str | None:
    """Why 32 bytes are no key that can vouch for anything, or None.

    >>> check_key(bytes([1]) + bytes(31))
    'is a point of small order: such a key signs everything'
    """
    return _point_problem(key, "such a key signs everything")


def check_signature_bytes(signature: bytes) -> str | None:
    """Why 64 bytes are no signature that can be told from another one, or None."""
    if int.from_bytes(signature[32:], "little") >= ORDER:
        return "is not written in its only spelling: its second half is not below the order of the curve"
    return _point_problem(signature[:32], "no signer draws it")


def _point_problem(encoded: bytes, why: str) -> str | None:
    second = int.from_bytes(encoded, "little") & (2**255 - 1)  # the last bit is the sign of the first coordinate
    if second >= PRIME:
        return "is not written in its only spelling: its coordinate is not below 2^255 - 19"
    return f"is a point of small order: {why}" if second in SMALL else None
