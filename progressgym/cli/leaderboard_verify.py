"""`progressgym leaderboard verify`: recompute a submission's scores from its raw answers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import tyro

EXAMPLES = """
progressgym leaderboard verify my-map.zip
progressgym leaderboard verify entries/mine --json
"""


@dataclass(kw_only=True, frozen=True)
class Options:
    """Validate, replay the comparisons, and recompute every score. Exit code 1 and a list of reasons if refused.

    It runs in a child process with limits on memory, time and files.
    """

    path: Annotated[tyro.conf.Positional[str], tyro.conf.arg(metavar="PATH")]
    """Folder or .zip."""
    json: bool = False
    """Print the verdict as JSON."""


def run(options: Options) -> int:
    """Check it; 1 when it is refused."""
    from progressgym.cli.verdicts import check

    return check(options.path, "recomputed", json=options.json)
