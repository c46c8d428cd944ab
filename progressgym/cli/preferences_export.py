"""`progressgym preferences export`: comparisons as a preference dataset for TRL."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from progressgym.cli.shared import History, Json, option
from progressgym.core.bounds import LARGEST_SEED, whole

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

    out: Annotated[str, option("FILE.jsonl", "The file to write.")]
    history: History = "histsmol-v1"
    queries: Annotated[str, option("N|all", "How many comparisons a century.")] = "all"
    labels: Annotated[str, option("KIND")] = "probability"
    """probability (rows carry a weight), sample, or debate (the option that wins an exact debate is chosen)."""
    seed: Annotated[int, option("N", "Which comparisons and which samples.")] = 0
    json: Json = False


def run(options: Options) -> int:
    """Export."""
    from progressgym.agents.debate.labels import debate_rows
    from progressgym.histories.history import History
    from progressgym.preferences.export import history_rows, write_jsonl

    history = History.load(options.history)
    whole("--seed", options.seed, 0, LARGEST_SEED)
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
