"""`progressgym history validate`: what the models of a history are worth."""

from __future__ import annotations

import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated

from tyro.conf import Positional

from progressgym.cli.options import listed
from progressgym.cli.shared import Device, Json, Questionnaire, option
from progressgym.cli.validity import publish
from progressgym.cli.values_history import instruments_check
from progressgym.core.files import check_writable
from progressgym.core.ids import safe_name

EXAMPLES = """
progressgym history validate histsmol-v1
progressgym history validate histsmol-v1 --people ./mort/actions.csv --out runs/validity/mine
progressgym history validate runs/hist --seeds runs/hist-seed1 --json
progressgym history validate histsmol-v1 --instruments all
"""


@dataclass(kw_only=True, frozen=True)
class Options:
    """Check a history's models against people, laws, a survey and themselves; a failing check is printed as failing.

    What the models answer is kept, so an interrupted report goes on, and a second one takes seconds.
    """

    history: Annotated[Positional[str], option("HISTORY", "Shipped name, or folder of a history or build with models.")]
    people: Annotated[str, option("FILE")] = ""
    """Table of people's judgements (columns action, yes, no), such as the MoRT study's; by default below PROGRESSGYM_SHARED."""
    seeds: Annotated[str, option("BUILD,...", "The same models trained with other seeds; they are asked, too.")] = ""
    instrument: Questionnaire = "moral19-v1"
    every: Annotated[int, option("N", "Ask every so manieth item of each dimension; 1 asks all.")] = 3
    instruments: Annotated[str, option("I,...", "Ask these, too (all: every one), and check whether they agree.")] = ""
    device: Device = "auto"
    out: Annotated[str, option("DIR", "Folder for the report; runs/validity/HISTORY by default.")] = ""
    json: Json = False


def run(options: Options) -> int:
    """Ask, check, print, write."""
    from progressgym.histories.validity.run import history_models, known_seeds, make_asking, validate_models
    from progressgym.instruments.registry import load_questionnaire

    asking = make_asking(load_questionnaire(options.instrument), options.people, every=options.every)
    models = history_models(options.history, options.device)
    seeds = [history_models(other, options.device) for other in listed(options.seeds)]
    name = Path(options.history).name
    out = check_writable(Path(options.out) if options.out else Path("runs") / "validity" / safe_name(name))
    report = validate_models(
        name,
        models,
        asking,
        others=known_seeds(options.history, list(models), asking),
        seeds=seeds,
        progress=lambda what: print(what, file=sys.stderr, flush=True),
    )
    if options.instruments:
        check = instruments_check(options.history, listed(options.instruments), options.device)
        report = replace(report, checks=(*report.checks, check))
    return publish(report, out, as_json=options.json)
