"""Where pages come from: a store, or the standings and entries that ship with the package, which needs no database."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from progressgym.core.errors import UserError
from progressgym.core.files import sha256_bytes
from progressgym.leaderboard.folder import submissions_in
from progressgym.leaderboard.manifest import MANIFEST, pack
from progressgym.leaderboard.standings_data import Standings, shipped_standings
from progressgym.leaderboard.unpack import read_submission

if TYPE_CHECKING:
    from progressgym.leaderboard.store import Store


class Source(Protocol):
    """Standings and the evidence behind them."""

    def standings(self) -> Standings:
        """All rows, as they are now."""

    def evidence(self, digest: str) -> bytes | None:
        """The zip of an entry; None when it is not kept here."""


class StoreSource:
    """A store."""

    def __init__(self, store: Store) -> None:
        """Read from it."""
        self.store = store

    def standings(self) -> Standings:
        """Made anew."""
        from progressgym.leaderboard.standings import make_standings

        return make_standings(self.store)

    def evidence(self, digest: str) -> bytes | None:
        """From its folder."""
        try:
            return self.store.read_evidence(digest)
        except UserError:
            return None


class ShippedSource:
    """What comes with the package. An installed wheel has the standings, a checkout has the entries too."""

    def __init__(self) -> None:
        """Look which entries are there."""
        folder = Path(str(files("progressgym.leaderboard"))) / "entries"
        self._evidence: dict[str, bytes] = {}
        for path in submissions_in(folder) if folder.is_dir() else []:
            submission = read_submission(path)
            self._evidence[sha256_bytes(submission[MANIFEST])] = pack(submission)

    def standings(self) -> Standings:
        """As they were when the package was made."""
        return shipped_standings()

    def evidence(self, digest: str) -> bytes | None:
        """Of an entry in the checkout."""
        return self._evidence.get(digest)
