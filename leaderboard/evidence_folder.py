"""Evidence on disk: every accepted submission as one zip named by its digest, there wholly or not at all."""

from __future__ import annotations

import re
from collections.abc import Container, Iterator
from pathlib import Path

from progressgym.core.errors import UserError
from progressgym.core.files import STAGING, write_bytes

_DIGEST = re.compile(r"[0-9a-f]{64}")


class EvidenceFolder:
    """A folder of evidence."""

    def __init__(self, root: Path) -> None:
        """Use a folder; it is made when something is kept."""
        self.root = root

    def path(self, digest: str) -> Path:
        """Where the evidence of a submission lies."""
        if not _DIGEST.fullmatch(digest):
            raise UserError(f"{digest!r} is no digest of a submission")
        return self.root / digest[:2] / f"{digest}.zip"

    def keep(self, digest: str, data: bytes) -> None:
        """Write evidence unless it is there: the name says what is in it, and files are there wholly or not at all."""
        path = self.path(digest)
        if not path.is_file():
            write_bytes(path, data)

    def read(self, digest: str) -> bytes:
        """The zip of a submission.

        Raises:
            UserError: it is not there.
        """
        try:
            return self.path(digest).read_bytes()
        except FileNotFoundError:
            raise UserError(f"there is no evidence of {digest[:16]}") from None

    def digests(self) -> Iterator[str]:
        """Digests of all evidence."""
        for path in sorted(self.root.glob("??/*.zip")):
            if _DIGEST.fullmatch(path.stem):
                yield path.stem

    def sweep(self, wanted: Container[str]) -> int:
        """Remove evidence that no entry belongs to, and what a killed process left staged. Only while nobody writes.

        Returns:
            How many files were removed.
        """
        stale = [self.path(digest) for digest in self.digests() if digest not in wanted]
        for path in stale:
            path.unlink(missing_ok=True)
        return len(stale) + self.sweep_staged()

    def sweep_staged(self) -> int:
        """Remove what a killed process left half written. Only while nobody writes.

        Returns:
            How many files were removed.
        """
        stale = list(self.root.glob(f"??/{STAGING}*"))
        for path in stale:
            path.unlink(missing_ok=True)
        return len(stale)
