"""`progressgym history survey`: from a repeated survey's counts, or a panel's people, to histories that environments can use."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from tyro.conf import Positional

from progressgym.cli.shared import Real, option
from progressgym.core.errors import UserError
from progressgym.core.files import read_json

EXAMPLES = """
progressgym history survey counts.csv items.csv --out runs/survey
progressgym history survey counts.csv items.csv --years 5 --start 1981 --complete --out runs/survey
progressgym history survey counts.csv items.csv --design-effect 1.5 --card card.json --out runs/survey
progressgym bench --history runs/survey
progressgym history survey items.csv --panel panel.csv --out runs/panel
progressgym bench --history 'people?panel=runs/panel&community=0' --challenges follow,predict
"""


@dataclass(kw_only=True, frozen=True)
class Options:
    """Make a history of how many people gave which answer in which year.

    COUNTS is a CSV file with the columns variable, year, answer, count and, where weights are known, weighted and squares;
    ITEMS says for every question what it asks, which answers count for which option, and what an option upholds or
    violates. docs/surveys.md describes both. The questionnaire is saved beside the answers.

    With --panel the file holds who gave which answer in which wave instead of counts, and the folder also makes histories
    of single people and of groups: docs/people.md.
    """

    out: Annotated[str, option("DIR", "Folder of the history.")]
    counts: Annotated[Positional[str], option("COUNTS.csv")] = ""
    """How many people gave which answer in which year; with --panel left out."""
    items: Annotated[Positional[str], option("ITEMS.csv")] = ""
    """The questions, their options, and the answers that count for them; with --panel those of gss-v1 by default."""
    panel: Annotated[str, option("FILE")] = ""
    """Who gave which answer: a CSV file with the columns person, wave, item, answer and any traits."""
    years: Annotated[int, option("N", "Years a step; with 1 every year of the survey is a step.")] = 1
    start: Annotated[int | None, option("YEAR")] = None
    """First year of the first step; by default the survey's first year."""
    complete: Annotated[bool, option(text="Leave out questions that were not asked in every step.")] = False
    design_effect: Real = 1.0
    """How many people of this sample are worth one of a simple random sample."""
    questionnaire: Annotated[str, option("NAME", "Name of the questionnaire; by default that of the folder.")] = ""
    card: Annotated[str, option("FILE")] = ""
    """JSON object with further entries of the card: title, source, licence, limits."""


def run(options: Options) -> int:
    """Read, check, save."""
    if options.panel:
        return _panel(options)
    if not options.items:
        raise UserError("two files are expected, COUNTS.csv and ITEMS.csv; or one of a panel, --panel FILE")
    from progressgym.histories.survey import Steps, survey_history

    history = survey_history(
        options.counts,
        options.items,
        name=Path(options.out).resolve().name,
        instrument=options.questionnaire or None,
        steps=Steps(width=options.years, start=options.start),
        complete=options.complete,
        design_effect=options.design_effect,
        card=read_json(options.card) if options.card else None,
    )
    history.save(options.out)
    asked, items = int(history.asked.sum()), len(history.instrument)
    print(f"{len(history)} steps, {history.labels[0]} to {history.labels[-1]}, {items} items, written to {options.out}")
    if not history.complete:
        print(f"{asked} of {history.asked.size} answers: what was not asked in a step is not compared and not scored")
    return 0


def _panel(options: Options) -> int:
    """A panel: its people together as a history, and each of them."""
    from progressgym.histories.panel import Panel
    from progressgym.histories.survey import SHIPPED_QUESTIONS

    unused = {"--years": options.years != 1, "--start": options.start is not None, "--complete": options.complete}
    unused |= {"--design-effect": options.design_effect != 1.0, "--card": options.card != ""}
    for name in [name for name, given in unused.items() if given] + ["a second file"] * (options.items != ""):
        raise UserError(
            f"{name} is for counts; a panel's steps are its waves, and its one file beside FILE is ITEMS.csv"
        )
    questions = options.counts or SHIPPED_QUESTIONS
    panel = Panel.read(options.panel, questions, name=options.questionnaire or Path(options.out).resolve().name)
    panel.save(options.out)
    given = int((panel.choices >= 0).sum())
    print(
        f"{len(panel)} people, {len(panel.waves)} waves, {given} answers to {len(panel.instrument)} items, written to {options.out}"
    )
    first = panel.people[0]
    print(f"{int(panel.new.sum())} of them are new: people?panel={options.out}&person={first} is the history of one")
    traits = [f"{trait}:{value}" for trait, values in panel.traits.items() for value in sorted(set(values) - {""})]
    if traits:
        print(f"groups: {', '.join(traits[:12])}{' ...' if len(traits) > 12 else ''}")
    return 0
