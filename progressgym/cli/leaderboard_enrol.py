"""`progressgym leaderboard enrol`: an account that may submit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import tyro

EXAMPLES = """
progressgym leaderboard enrol ada --store runs/board
"""


@dataclass(kw_only=True, frozen=True)
class Options:
    """Add a submitter to a store and print the token, once: only its hash is kept."""

    name: Annotated[tyro.conf.Positional[str], tyro.conf.arg(metavar="NAME")]
    """How the board calls them."""
    store: Annotated[str, tyro.conf.arg(metavar="DIR|URL")]
    """Folder of a store, or database URL."""
    evidence: Annotated[str, tyro.conf.arg(metavar="DIR")] = ""
    """Folder of the evidence; needed with a URL."""


def run(options: Options) -> int:
    """Add them."""
    from progressgym.leaderboard.store import Store

    store = Store.open(options.store, options.evidence or None)
    print(store.enrol(options.name))
    store.close()
    return 0
