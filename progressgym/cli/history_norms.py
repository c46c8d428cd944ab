"""`progressgym history norms`: which items of a history drifted more than chance, and how far."""

from __future__ import annotations

import json
from dataclasses import dataclass
from math import isnan
from typing import TYPE_CHECKING, Annotated, Any

from tyro.conf import Positional

from progressgym.cli.shared import Json, Number, option
from progressgym.core.errors import UserError
from progressgym.core.streams import print_json

if TYPE_CHECKING:
    from progressgym.histories.norms import NormScores
    from progressgym.scores.item_drift import NormDrift

EXAMPLES = """
progressgym history norms gss-v1
progressgym history norms gss-annual-v1 --movers 20
progressgym history norms histsmol-v1 --json
"""


@dataclass(kw_only=True, frozen=True)
class Options:
    """Say which items were judged otherwise in the end than in the beginning, at a false discovery rate of 5 %."""

    history: Annotated[Positional[str], option("HISTORY")]
    """Shipped name, folder, npz file, or synthetic id with a seed."""
    movers: Number = 10
    """How many of the items that drifted farthest are named."""
    json: Json = False


def run(options: Options) -> int:
    """Print them."""
    from progressgym.histories.history import History
    from progressgym.histories.norms import norm_scores

    if options.movers < 0:
        raise UserError(f"movers is {options.movers}; use 0 or more")
    history = History.load(options.history)
    measured = norm_scores(history)
    drift = measured.drift()
    if options.json:
        print_json(json.dumps(_record(history.name, measured, drift), indent=2, ensure_ascii=False, allow_nan=False))
        return 0
    fitted = sum(not isnan(change) for change in drift.change.tolist())
    print(
        f"{history.name}: {history.labels[0]} to {history.labels[-1]}, {len(history)} steps, {history.instrument.name}"
    )
    print(f"{len(drift.up)} of {fitted} items up, {len(drift.down)} down, at a false discovery rate of 5 %")
    if measured.errors is None:
        print("no sampling errors are known: an item's own scatter around its line is all that chance is judged by")
    mains = dict(zip(measured.names, measured.mains, strict=True))
    rows = drift.movers(options.movers)
    width = max((len(name) for name, *_ in rows), default=0)
    for name, change, error in rows:
        print(f"  {name:<{width}}  {change:+.3f} \u00b1 {error:.3f}  {mains[name]}")
    return 0


def _record(name: str, measured: NormScores, drift: NormDrift) -> dict[str, Any]:
    """The report as a JSON object; null for items with too few steps."""
    rows = zip(
        drift.names,
        measured.mains,
        drift.change.tolist(),
        drift.error.tolist(),
        drift.p.tolist(),
        drift.drifted.tolist(),
        strict=True,
    )
    return {
        "history": name,
        "up": list(drift.up),
        "down": list(drift.down),
        "items": [
            {"id": item, "main": main}
            | {
                key: None if isnan(value) else value
                for key, value in (("change", change), ("standard_error", error), ("p", p), ("drifted", drifted))
            }
            for item, main, change, error, p, drifted in rows
        ],
    }
