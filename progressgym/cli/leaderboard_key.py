"""`progressgym leaderboard key`: the secret that the private split is drawn by."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import tyro

EXAMPLES = """
progressgym leaderboard key new board.key --rotation 2026-1
progressgym leaderboard key show board.key
"""


@dataclass(kw_only=True, frozen=True)
class Options:
    """Make a key (32 random bytes that only its owner can read), or show its commitment, which may be published.

    Keep it outside of the store and of anything under version control. Rotate it now and then, and publish the old one:
    then everybody can draw the same paths and check the old private scores.
    """

    action: Annotated[tyro.conf.Positional[Literal["new", "show"]], tyro.conf.arg(metavar="new|show")]
    """Make one, or show the commitment of one."""
    file: Annotated[tyro.conf.Positional[str], tyro.conf.arg(metavar="FILE")]
    """Where it is."""
    rotation: Annotated[str, tyro.conf.arg(metavar="NAME")] = "1"
    """What people call a new key."""


def run(options: Options) -> int:
    """Make or show it."""
    from progressgym.leaderboard.private import new_key, read_key

    path = Path(options.file)
    key = new_key(path, options.rotation) if options.action == "new" else read_key(path)
    print(f"rotation {key.rotation}, commitment {key.commitment}")
    return 0
