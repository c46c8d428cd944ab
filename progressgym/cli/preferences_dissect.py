"""`progressgym preferences dissect`: which properties of an answer weigh for whom."""

from __future__ import annotations

import json
import math
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from progressgym.cli.shared import Json, Number, Real, option
from progressgym.core.errors import UserError
from progressgym.core.streams import print_json
from progressgym.scores.similarity import optional

if TYPE_CHECKING:
    from progressgym.preferences.dissect import Audit, Dissection, Floats

EXAMPLES = """
progressgym preferences dissect --history histsmol-v1
progressgym preferences dissect --data my-pairs.csv
progressgym preferences dissect --history gss-v1 --data my-pairs.csv --json
"""


@dataclass(kw_only=True, frozen=True)
class Options:
    """Regress preferences on the properties of what is compared: a weight of each property for each judge, and who weighs alike.

    A file has columns one_NAME and two_NAME for every property, `preferred` (1 or 2), and `judge` where there are several. Of
    a history every century is a judge, the properties are the 19 dimensions and length.
    """

    data: Annotated[str, option("FILE", "Comma-separated pairs, packed or not.")] = ""
    history: Annotated[str, option("H", "A history, whose centuries are the judges.")] = ""
    scale: Real = 0.1
    """Of the Laplace prior; smaller leaves more properties out."""
    least: Number = 100
    """Pairs that a judge in a file must have to be shown beside all together."""
    resamples: Number = 200
    """Of the bootstrap."""
    seed: Number = 0
    """Of what is drawn."""
    json: Json = False


def run(options: Options) -> int:
    """Dissect."""
    from progressgym.core.bounds import whole
    from progressgym.histories.history import History
    from progressgym.preferences import dissect as by

    if not options.data and not options.history:
        raise UserError("nothing to dissect: give --data FILE, --history H, or both")
    for name, value, least, most in (("least", options.least, 1, 10**6), ("resamples", options.resamples, 0, 10**4)):
        whole(name, value, least, most)
    whole("seed", options.seed, 0, 10**9)
    sources = [by.of_file(Path(options.data), options.least)] if options.data else []
    sources += [by.of_history(History.load(options.history))] if options.history else []
    records: list[dict[str, Any]] = []
    for judged in sources:
        results = {
            who: by.dissect(
                y, x, judged.properties, scale=options.scale, resamples=options.resamples, seed=options.seed
            )
            for who, (y, x) in judged.judges.items()
        }
        audits = {
            who: by.manipulation_audit(y, x, judged.properties, scale=options.scale, seed=options.seed)
            for who, (y, x) in judged.judges.items()
        }
        similarity = by.judge_similarity(list(results.values()))
        records.append(_record(results, audits, similarity))
        if not options.json:
            print("\n".join(_lines(results, audits, similarity)) + "\n")
        few = [who for who, one in results.items() if one.pairs < by.WANTED]
        if few:
            print(f"progressgym: warning: fewer than {by.WANTED} pairs: {', '.join(few)}", file=sys.stderr)
    if options.json:
        print_json(json.dumps(records, indent=2, allow_nan=False))
    return 0


Audits = dict[str, "tuple[Audit, ...]"]


def _lines(results: dict[str, Dissection], audits: Audits, similarity: Floats) -> list[str]:
    names = next(iter(results.values())).properties
    width = max(map(len, (*names, *results, "judges alike")))
    lines = [f"{'weight [95 %]':<{width}}" + "".join(f"  {who:>20}" for who in results)]
    for place, name in enumerate(names):
        cells = [_cell(one.weights[place], *one.interval[:, place]) for one in results.values()]
        lines.append(f"{name:<{width}}" + "".join(f"  {cell:>20}" for cell in cells))
    lines.append(f"{'pairs':<{width}}" + "".join(f"  {one.pairs:>20}" for one in results.values()))
    lines += ["", "what having more of the judge's top and bottom property wins, on pairs that did not choose it:"]
    for who, pair in audits.items():
        said = [f"{one.property} {one.gain:+.3f} ± {one.standard_error:.3f} of {one.pairs}" for one in pair]
        lines.append(f"{who:<{width}}  {'; '.join(said) or 'nothing weighs'}")
    if len(results) > 1:
        lines += ["", f"{'judges alike':<{width}}" + "".join(f"  {who[:6]:>6}" for who in results)]
        for who, row in zip(results, similarity.tolist(), strict=True):
            lines.append(f"{who:<{width}}" + "".join(f"  {'–' if math.isnan(x) else format(x, '.2f'):>6}" for x in row))
    return lines


def _cell(weight: float, low: float, high: float) -> str:
    weight, low, high = (round(float(x), 2) + 0.0 for x in (weight, low, high))  # no "-0.00"
    return f"{weight:.2f} [{low:.2f}, {high:.2f}]"


def _record(results: dict[str, Dissection], audits: Audits, similarity: Floats) -> dict[str, Any]:
    return {
        "properties": list(next(iter(results.values())).properties),
        "judges": {
            who: {
                "weights": one.weights.tolist(),
                "interval": [[optional(x) for x in edge] for edge in one.interval.tolist()],
                "pairs": one.pairs,
                "audit": [asdict(each) for each in audits[who]],
            }
            for who, one in results.items()
        },
        "similarity": [[optional(x) for x in row] for row in similarity.tolist()],
    }
