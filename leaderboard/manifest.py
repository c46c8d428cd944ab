"""`MANIFEST.sha256`: the hash of every file, in one canonical spelling; its own hash names the submission."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Mapping

from progressgym.core.files import sha256_bytes
from progressgym.leaderboard.problems import Findings, plain, refuse
from progressgym.leaderboard.unpack import PATH, Files

MANIFEST, SIGNATURE = "MANIFEST.sha256", "SIGNATURE.json"
_LINE = re.compile(r"([0-9a-f]{64})  (\S.*)")
_TIME = (1980, 1, 1, 0, 0, 0)


def write_manifest(files: Mapping[str, bytes]) -> bytes:
    """The manifest of some files, itself and the signature left out."""
    lines = [f"{sha256_bytes(files[name])}  {name}\n" for name in sorted(files) if name not in (MANIFEST, SIGNATURE)]
    return "".join(lines).encode("ascii")


def check_manifest(files: Files) -> str:
    """Compare every file with the manifest.

    Returns:
        sha256 of the manifest: the submission's digest.

    Raises:
        Refused: no manifest, malformed, or files that are changed, missing or not listed.
    """
    if MANIFEST not in files:
        raise refuse("manifest-missing", MANIFEST, "there is no manifest; `progressgym leaderboard package` writes it")
    findings, listed = Findings(), _parse(files[MANIFEST])
    for name, digest in listed.items():
        if name not in files:
            findings.add("manifest-file-missing", MANIFEST, f"lists {plain(name, 80)!r}, which is not there")
        elif sha256_bytes(files[name]) != digest:
            findings.add("manifest-hash", name, "was changed after the manifest was written: its sha256 differs")
    for name in sorted(set(files) - set(listed) - {MANIFEST, SIGNATURE}):
        findings.add("manifest-unlisted", name, "is not listed in the manifest")
    findings.settle()
    if files[MANIFEST] != write_manifest(files):
        raise refuse(
            "manifest-form", MANIFEST, "is not in canonical form: lines sorted by name, each ended by a newline"
        )
    return sha256_bytes(files[MANIFEST])


def pack(files: Mapping[str, bytes]) -> bytes:
    """The same files as the same zip, byte for byte: sorted, stored, without time stamps."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for name in sorted(files):
            archive.writestr(zipfile.ZipInfo(name, _TIME), files[name])
    return buffer.getvalue()


def _parse(data: bytes) -> dict[str, str]:
    try:
        text = data.decode("ascii")
    except UnicodeDecodeError:
        raise refuse("manifest-form", MANIFEST, "is not plain ASCII") from None
    listed: dict[str, str] = {}
    for number, line in enumerate(text.splitlines(), 1):
        match = _LINE.fullmatch(line)
        if match is None:
            raise refuse("manifest-form", MANIFEST, f"line {number} is not '<sha256>  <path>'")
        name = match[2]
        if not PATH.fullmatch(name) or name in (MANIFEST, SIGNATURE):
            raise refuse("manifest-path", MANIFEST, f"line {number} lists {plain(name, 80)!r}, no file of a submission")
        if name in listed:
            raise refuse("manifest-form", MANIFEST, f"line {number} lists {plain(name, 80)!r} a second time")
        listed[name] = match[1]
    return listed
