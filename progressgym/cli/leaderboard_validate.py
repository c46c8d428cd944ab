"""`progressgym leaderboard validate`: is the form of a submission right?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import tyro

EXAMPLES = """
progressgym leaderboard validate my-map.zip
progressgym leaderboard validate entries/mine --json
"""


@dataclass(kw_only=True, frozen=True)
class Options:
    """Check schema, sizes, hashes and that every required cell is there. Exit code 1 and a list of reasons if not."""

    path: Annotated[tyro.conf.Positional[str], tyro.conf.arg(metavar="PATH")]
    """Folder or .zip."""
    json: bool = False
    """Print the verdict as JSON."""


def run(options: Options) -> int:
    """Check it; 1 when it is refused."""
    from progressgym.cli.verdicts import check

    return check(options.path, "validated", json=options.json)
