"""`progressgym history survey`: from counts of a repeated survey to a history that environments can use."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from tyro.conf import Positional

from progressgym.cli.shared import Real, option
from progressgym.core.files import read_json

EXAMPLES = """
progressgym history survey counts.csv items.csv --out runs/survey
progressgym history survey counts.csv items.csv --years 5 --start 1981 --complete --out runs/survey
progressgym history survey counts.csv items.csv --design-effect 1.5 --card card.json --out runs/survey
progressgym bench --history runs/survey
"""


@dataclass(kw_only=True, frozen=True)
class Options:
    """Make a history of how many people gave which answer in which year.

    COUNTS is a CSV file with the columns variable, year, answer, count and, where weights are known, weighted and squares;
    ITEMS says for every question what it asks, which answers count for which option, and what an option upholds or
    violates. docs/surveys.md describes both. The questionnaire is saved beside the answers.
    """

    counts: Annotated[Positional[str], option("COUNTS.csv", "How many people gave which answer in which year.")]
    items: Annotated[Positional[str], option("ITEMS.csv")]
    """The questions, their options, and the answers that count for them."""
    out: Annotated[str, option("DIR", "Folder of the history.")]
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
