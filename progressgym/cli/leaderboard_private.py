"""`progressgym leaderboard private`: a private history from text and items that were not published."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from progressgym.cli.history_build import Options as BuildOptions
from progressgym.cli.history_build import recipe_of

EXAMPLES = """
progressgym leaderboard private SECRET-TEXT --items secret-items.jsonl --store runs/board
progressgym leaderboard private SECRET-TEXT --items secret-items.jsonl --store runs/board --tokens 200000 --seed 41
"""


@dataclass(kw_only=True, frozen=True)
class Options:
    """Train century models on secret text, ask them a secret parallel form of the questionnaire, and keep the answers in
    the store's private folder, where they become further groups of the private split.

    Use other works than those of the shipped history, another training seed, and items of your own: the same dimensions
    as moral19-v1, other situations. An interrupted call goes on where it was.
    """

    corpus: Annotated[tyro.conf.Positional[str], tyro.conf.arg(metavar="CORPUS")]
    """HistText file or folder that was not published."""
    items: Annotated[str, tyro.conf.arg(metavar="FILE")]
    """The items, one JSON object a line, as in an instrument's items.jsonl."""
    store: Annotated[str, tyro.conf.arg(metavar="DIR")]
    """Folder of a store; the history goes into its folder private."""
    stands_for: Annotated[str, tyro.conf.arg(metavar="H")] = "histsmol-v1"
    """Shipped history under whose name it is scored."""
    base: Annotated[str, tyro.conf.arg(metavar="MODEL")] = "smollm2-135m"
    """Base model that all centuries share."""
    tokens: Annotated[int, tyro.conf.arg(metavar="N")] = 80_000
    """Tokens read per century."""
    seed: Annotated[int, tyro.conf.arg(metavar="N")] = 1
    """Of adapters, of the choice of passages and of the split of the items; not the shipped history's, which is 0."""
    rank: Annotated[int, tyro.conf.arg(metavar="N")] = 8
    """Of the LoRA adapters."""
    top_layers: Annotated[int, tyro.conf.arg(metavar="N")] = 16
    """Only the last N layers get an adapter."""


def run(options: Options) -> int:
    """Build, measure and keep it."""
    from progressgym.core.errors import unknown
    from progressgym.leaderboard.board import load_board
    from progressgym.leaderboard.database import PRIVATE
    from progressgym.leaderboard.hidden import make_hidden

    board = load_board()
    if options.stands_for not in board.histories:
        raise unknown(f"history of {board.name}", options.stands_for, board.histories)
    recipe = recipe_of(
        BuildOptions(
            corpus=options.corpus,
            out="",
            base=options.base,
            tokens=options.tokens,
            seed=options.seed,
            rank=options.rank,
            top_layers=options.top_layers,
        )
    )
    history = make_hidden(
        options.corpus,
        options.items,
        options.base,
        Path(options.store) / PRIVATE,
        name=options.stands_for,
        recipe=recipe,
        progress=lambda what: print(what, file=sys.stderr, flush=True),
    )
    print(f"{len(history)} centuries, {len(history.instrument.items)} items: stands in for {options.stands_for}")
    print(f"commitment {history.hash}")
    return 0
