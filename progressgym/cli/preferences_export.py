"""`progressgym preferences export`: comparisons as a preference dataset for TRL."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

EXAMPLES = """
progressgym preferences export --history 'synthetic:linear?seed=3' --out runs/preferences.jsonl
progressgym preferences export --history histsmol-v1 --queries 100 --labels sample --out runs/sampled.jsonl
progressgym preferences export --labels debate --out runs/debated.jsonl
"""


@dataclass(kw_only=True, frozen=True)
class Options:
    """Write what every century prefers as prompt / chosen / rejected rows, one JSON object a line.

    TRL's DPO, reward and KTO trainers read the file: datasets.load_dataset("json", data_files=...).
    """

    out: Annotated[str, tyro.conf.arg(metavar="FILE.jsonl")]
    """The file to write."""
    history: Annotated[str, tyro.conf.arg(metavar="H")] = "histsmol-v1"
    """Shipped name, folder, npz file, or synthetic id with a seed."""
    queries: Annotated[str, tyro.conf.arg(metavar="N|all")] = "all"
    """How many comparisons a century."""
    labels: Annotated[str, tyro.conf.arg(metavar="KIND")] = "probability"
    """probability (rows carry a weight), sample, or debate (the option that wins an exact debate is chosen)."""
    seed: Annotated[int, tyro.conf.arg(metavar="N")] = 0
    """Which comparisons and which samples."""
    json: bool = False
    """Print a JSON object about the file instead of a sentence."""


def run(options: Options) -> int:
    """Export."""
    from progressgym.agents.debate.labels import debate_rows
    from progressgym.histories.history import History
    from progressgym.preferences.export import history_rows, write_jsonl

    history = History.load(options.history)
    queries: str | int = int(options.queries) if options.queries.isdecimal() else options.queries
    if options.labels == "debate":
        rows = debate_rows(history, queries=queries, seed=options.seed)
    else:
        rows = history_rows(history, queries=queries, labels=options.labels, seed=options.seed)
    count = write_jsonl(Path(options.out), rows)
    if options.json:
        print(json.dumps({"file": options.out, "rows": count, "history": history.name, "hash": history.hash}))
    else:
        print(f"{count} comparisons of {len(history)} centuries written to {options.out}")
    return 0
