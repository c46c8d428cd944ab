"""`progressgym preferences norms`: what a majority accepts, what every camp accepts, and what is contested."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from tyro.conf import Positional

from progressgym.cli.shared import Json, option
from progressgym.core.streams import print_json

EXAMPLES = """
progressgym preferences norms people.csv --camp party
progressgym preferences norms panel06.csv.gz --wave 1 --json
"""


@dataclass(kw_only=True, frozen=True)
class Options:
    """Negotiate norms among camps of people: each has a veto.

    The file has one row a person, a column that names the camp, and one column a norm: 1 holds it, 0 does not, 0.5 is between.
    """

    people: Annotated[Positional[str], option("FILE", "Comma-separated, packed or not.")]
    camp: Annotated[str, option("COLUMN", "Which column names the camp.")] = "polviews3"
    wave: Annotated[str, option("W", "Only rows of this wave, so that nobody is counted twice.")] = ""
    json: Json = False


def run(options: Options) -> int:
    """Negotiate."""
    from progressgym.preferences.norms import read_camps

    camps = read_camps(Path(options.people), options.camp, options.wave)
    outcomes, apart = camps.outcomes(), dict(zip(camps.norms, camps.told_apart().tolist(), strict=True))
    if options.json:
        shares = {
            norm: {"pooled": pooled, **dict(zip(camps.camps, column, strict=True)), "told_apart": apart[norm]}
            for norm, pooled, column in zip(camps.norms, camps.pooled.tolist(), camps.shares.T.tolist(), strict=True)
        }
        print_json(json.dumps({"outcomes": outcomes, "shares": shares}, indent=2, allow_nan=False))
        return 0
    print(f"{len(camps.norms)} norms, camps {', '.join(camps.camps)}")
    for name, norms in outcomes.items():
        sure = sum(apart[norm] for norm in norms)
        print(
            f"\n{name}: {len(norms)} ({sure} with every camp two standard errors from one half)\n  {', '.join(norms)}"
        )
    vetoed = [norm for norm in outcomes["pooled majority"] if norm not in outcomes["every camp"]]
    print(f"\na majority, and a veto: {', '.join(vetoed) or 'none'}")
    return 0
