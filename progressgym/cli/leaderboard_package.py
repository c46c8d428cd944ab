"""`progressgym leaderboard package`: a submission from a finished benchmark run."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from progressgym.cli.options import listed
from progressgym.core.errors import UserError

EXAMPLES = """
progressgym bench --agents lifelong-map --labels probability --out runs/mine
progressgym leaderboard package runs/mine --agent lifelong-map --name my-map --authors 'Ada L.' --licence MIT --out my-map.zip
progressgym leaderboard package runs/mine --agent my_module:Mine --name mine --authors 'Ada L.,Bob' --licence MIT --code-url https://example.org/mine --code-commit 0123abc --sign my.key --out entries/mine
"""


@dataclass(kw_only=True, frozen=True)
class Options:
    """Make a submission: the board's cells with their raw answers, hashes of everything, and who made it how.

    Scores are not part of it; the board recomputes them.
    """

    run: Annotated[tyro.conf.Positional[str], tyro.conf.arg(metavar="RUN_DIR")]
    """Folder of a finished benchmark (its --out)."""
    agent: Annotated[str, tyro.conf.arg(metavar="ID")]
    """Agent of the run, by id or module:Class."""
    out: Annotated[str, tyro.conf.arg(metavar="PATH")]
    """What to write: a .zip, or a folder."""
    authors: Annotated[str, tyro.conf.arg(metavar="A,B")]
    """Who made it."""
    licence: Annotated[str, tyro.conf.arg(metavar="SPDX")]
    """Licence of the code, for example MIT."""
    code_url: Annotated[str, tyro.conf.arg(metavar="URL")] = ""
    """Where the code is: https://... Needed unless the agent comes with progressgym."""
    code_commit: Annotated[str, tyro.conf.arg(metavar="HASH")] = ""
    """Its commit; that of the run when left out."""
    name: Annotated[str, tyro.conf.arg(metavar="NAME")] = ""
    """How the board calls it; the id when left out."""
    version: Annotated[str, tyro.conf.arg(metavar="V")] = "1"
    """Raise it with every change."""
    summary: Annotated[str, tyro.conf.arg(metavar="TEXT")] = ""
    """One line for the page."""
    training_data: Annotated[str, tyro.conf.arg(metavar="TEXT")] = "none"
    """What it was trained on."""
    base_model: Annotated[str, tyro.conf.arg(metavar="NAME")] = ""
    """Model that it is built on."""
    base_revision: Annotated[str, tyro.conf.arg(metavar="REV")] = ""
    """Revision of that model."""
    compute_seconds: Annotated[float | None, tyro.conf.arg(metavar="S")] = None
    """Wall time of the runs."""
    board: Annotated[str, tyro.conf.arg(metavar="NAME")] = "board-v1"
    """Which board."""
    sign: Annotated[str, tyro.conf.arg(metavar="KEY")] = ""
    """Sign with this private key; it is made when the file does not exist."""


def run(options: Options) -> int:
    """Write it."""
    from progressgym.leaderboard.packaging import About, dirty, package, write_submission
    from progressgym.leaderboard.signing import make_key

    if options.base_model and not options.base_revision:
        raise UserError("--base-model needs --base-revision: which version of the model")
    about = About(
        agent=options.agent,
        name=options.name,
        version=options.version,
        summary=options.summary,
        authors=tuple(listed(options.authors)),
        licence=options.licence,
        code_url=options.code_url,
        code_commit=options.code_commit,
        training_data=options.training_data,
        base_model=options.base_model,
        base_revision=options.base_revision,
        compute_seconds=options.compute_seconds,
    )
    key = Path(options.sign) if options.sign else None
    if key is not None and not key.exists():
        print(f"new key {key}, public key {make_key(key)}")
    files = package(Path(options.run), about, board=options.board, key=key)
    write_submission(files, Path(options.out))
    size = sum(map(len, files.values()))
    if about.code_commit == "" and dirty(files):
        print(
            "progressgym: warning: the run was made from uncommitted changes; its commit does not tell all",
            file=sys.stderr,
        )
    print(f"{options.out}: {len(files)} files, {size / 1e6:.1f} MB; check it with")
    print(f"progressgym leaderboard verify {options.out}")
    return 0
