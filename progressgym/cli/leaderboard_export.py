"""`progressgym leaderboard export`: an entry's results in the formats of other tools."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import Annotated, Literal

import tyro

EXAMPLES = """
progressgym leaderboard export lifelong-map --format lm-eval --out results.json
progressgym leaderboard export lifelong-map --format hf --dataset your-name/progressgym-board --out .eval_results/progressgym.yaml
progressgym leaderboard export 0a736a69b82366fb --store runs/board --format hf --dataset your-name/progressgym-board
"""


@dataclass(kw_only=True, frozen=True)
class Options:
    """Write the results of an entry for the Hugging Face hub or in the form of the lm-evaluation-harness."""

    entry: Annotated[tyro.conf.Positional[str], tyro.conf.arg(metavar="ID|NAME")]
    """Beginning of the entry's digest, or its name."""
    format: Literal["hf", "lm-eval"]
    """hf: YAML for `.eval_results/` of a model's repository. lm-eval: a results JSON."""
    dataset: Annotated[str, tyro.conf.arg(metavar="OWNER/NAME")] = ""
    """hf: dataset of the benchmark on the hub."""
    source: Annotated[str, tyro.conf.arg(metavar="URL")] = ""
    """hf: address of the entry's page."""
    store: Annotated[str, tyro.conf.arg(metavar="DIR|URL")] = ""
    """Folder of a store, or database URL; the shipped standings when left out."""
    evidence: Annotated[str, tyro.conf.arg(metavar="DIR")] = ""
    """Folder of the evidence; needed with a URL."""
    out: Annotated[str, tyro.conf.arg(metavar="FILE")] = ""
    """Write there instead of printing."""


def run(options: Options) -> int:
    """Write it."""
    from progressgym.core.files import write_text
    from progressgym.leaderboard.exports import find_row, to_eval_results, to_lm_eval
    from progressgym.leaderboard.standings_data import shipped_standings

    if options.store:
        from progressgym.leaderboard.standings import make_standings
        from progressgym.leaderboard.store import Store

        standings = make_standings(Store.open(options.store, options.evidence or None))
    else:
        standings = shipped_standings()
    row = find_row(standings, options.entry)
    if options.format == "hf":
        text = to_eval_results(row, options.dataset, source=options.source or None)
    else:
        text = to_lm_eval(standings, row)
    if options.out:
        write_text(options.out, text)
    else:
        sys.stdout.write(text)
    return 0
