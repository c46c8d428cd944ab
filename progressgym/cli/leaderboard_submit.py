"""`progressgym leaderboard submit`: verify a submission and put it into a store."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from progressgym.core.errors import UserError

EXAMPLES = """
progressgym leaderboard submit my-map.zip --store runs/board --submitter ada --dry-run
progressgym leaderboard submit my-map.zip --store runs/board --submitter ada
progressgym leaderboard submit my-map.zip --store postgresql+psycopg://localhost/board --evidence runs/evidence --submitter ada
"""


@dataclass(kw_only=True, frozen=True)
class Options:
    """Verify a submission in a limited process and take it into a store. Exit code 1 and a list of reasons if refused.

    Submitting the same content again changes nothing.
    """

    path: Annotated[tyro.conf.Positional[str], tyro.conf.arg(metavar="PATH")]
    """Folder or .zip."""
    store: Annotated[str, tyro.conf.arg(metavar="DIR|URL")]
    """Folder of a store, or database URL."""
    submitter: Annotated[str, tyro.conf.arg(metavar="NAME")]
    """Who submits."""
    evidence: Annotated[str, tyro.conf.arg(metavar="DIR")] = ""
    """Folder of the evidence; needed with a URL."""
    dry_run: bool = False
    """Verify only."""


def run(options: Options) -> int:
    """Submit it; 1 when it is refused."""
    from progressgym.cli.verdicts import show_verdict
    from progressgym.leaderboard.limited import verify_apart

    if not Path(options.path).exists():
        raise UserError(f"there is no {options.path}; give a folder or a .zip made by progressgym leaderboard package")
    verdict, evidence = verify_apart(options.path)
    show_verdict(options.path, verdict)
    if options.dry_run:
        return 0 if verdict.accepted else 1
    from progressgym.leaderboard.store import Store

    store = Store.open(options.store, options.evidence or None)
    store.tidy()
    receipt = store.submit(verdict, evidence, options.submitter)
    store.close()
    if receipt.rung is None:
        if verdict.accepted:
            for one in receipt.problems:
                print(f"progressgym: refused: {one}", file=sys.stderr)
        return 1
    print(f"{'accepted' if receipt.created else 'was there already'}: {receipt.id}, {receipt.rung}")
    return 0
