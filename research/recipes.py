"""Whether the drift of the century models hangs on how they were trained: adapters of two seeds against all weights.

    python -m research.recipes docs/data/deeds19-v1 docs/data/deeds19-v1-full

Log-odds are those that `research.deeds_reading` and `research.full_replicate` kept. Of the centuries that all have, the table
of centuries by dimensions, double-centred, is compared: on the same deeds, and one half of the deeds against the other half.
Two seeds of one recipe say what there is to be reached.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from progressgym.core.dimensions import WORLDVIEWS
from progressgym.core.errors import UserError
from progressgym.instruments import Questionnaire
from research.deeds_reading import INSTRUMENT, deeds_of, judged, load

Floats = NDArray[np.float64]
SEEDS, FULL = ("0", "1"), "full"
FEWEST = 3
"""Of two centuries one drift is all that there is."""


def tables(scores: Mapping[str, Floats]) -> tuple[list[str], dict[str, Floats]]:
    """The centuries that all recipes have, and mean log-odds (T, B) of each recipe.

    Raises:
        UserError: fewer than three centuries.
    """
    read = {one: {label.partition(":")[2] for label in scores if label.startswith(f"{one}:")} for one in (*SEEDS, FULL)}
    common = sorted(set.intersection(*read.values()))
    if len(common) < FEWEST:
        raise UserError(f"{len(common)} centuries were read in both seeds and in all weights; {FEWEST} are needed")
    table = {one: np.array([scores[f"{one}:{century}"].mean(0) for century in common]) for one in read}
    return common, table | {"seeds": (table["0"] + table["1"]) / 2}


def compared(scores: Mapping[str, Floats]) -> dict[str, Any]:
    """Agreement of each pair of recipes: of the whole table, without the worldviews, without the first axis."""
    _, dimension, first = deeds_of(Questionnaire.load(INSTRUMENT))
    common, table = tables(scores)
    pairs = {
        "seed 0, seed 1": SEEDS,
        "seed 0, full": ("0", FULL),
        "seed 1, full": ("1", FULL),
        "both, full": ("seeds", FULL),
    }
    made: dict[str, Any] = {"centuries": common}
    for name, (one, other) in pairs.items():
        both = np.array([table[one], table[other]])
        parts = {
            "all": judged(both, dimension, first),
            "without the worldviews": judged(both, dimension, first, count=WORLDVIEWS.start),
            "without the first axis": judged(both, dimension, first, axis=False),
        }
        for part, found in parts.items():
            made[f"{name}: {part}"] = {key: value for key, value in found.items() if key.startswith("across")}
    return made


def main(arguments: Sequence[str] | None = None) -> int:
    """Print them."""
    parser = argparse.ArgumentParser(description="Agreement of century models across recipes of training.")
    parser.add_argument("scores", type=Path, nargs="+")
    given = parser.parse_args(arguments)
    scores = {label: table for folder in given.scores for label, table in load(folder).items()}
    print(json.dumps(compared(scores), indent=2))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
