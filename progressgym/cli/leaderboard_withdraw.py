"""`progressgym leaderboard withdraw`: take an entry off the board and leave a tombstone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import tyro

EXAMPLES = """
progressgym leaderboard withdraw 0f55b2576106481a --store runs/board --submitter ada --because 'trained on the test set'
"""


@dataclass(kw_only=True, frozen=True)
class Options:
    """Take an entry off the board. A tombstone stays; its name and version are never used again."""

    entry: Annotated[tyro.conf.Positional[str], tyro.conf.arg(metavar="ID")]
    """Beginning of the entry's digest, 8 digits or more."""
    store: Annotated[str, tyro.conf.arg(metavar="DIR|URL")]
    """Folder of a store, or database URL."""
    because: Annotated[str, tyro.conf.arg(metavar="TEXT")]
    """Why."""
    submitter: Annotated[str, tyro.conf.arg(metavar="NAME")] = "board"
    """Whose entry it is; the board may withdraw any."""
    evidence: Annotated[str, tyro.conf.arg(metavar="DIR")] = ""
    """Folder of the evidence; needed with a URL."""


def run(options: Options) -> int:
    """Withdraw it."""
    from progressgym.leaderboard.store import Store

    store = Store.open(options.store, options.evidence or None)
    store.withdraw(options.entry, options.submitter, options.because)
    stone = store.entry(options.entry)
    store.close()
    print(f"withdrawn: {stone.id}, {stone.agent} {stone.version}, on {stone.withdrawn}")
    return 0
