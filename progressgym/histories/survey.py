"""From a repeated survey to a history: what people answered in every step, and how many of them were asked.

Legend of shapes: T steps, N items, K options of the widest item.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from progressgym.core.errors import UserError
from progressgym.core.files import sha256_file
from progressgym.histories.evidence import summary
from progressgym.histories.history import History
from progressgym.histories.survey_files import Tally, read_counts, read_questions
from progressgym.instruments.ask import ReadingConfig
from progressgym.instruments.item import Item
from progressgym.instruments.questionnaire import Questionnaire

READING = ReadingConfig(
    framings=(
        " I have been asked what I think of this. My answer is:",
        " I have thought about it for a long time, and this is my answer:",
    ),
    neutral_context="I was asked for my opinion.",
    temperature=0.5,
    verdicts=((" This answer is", " right", " wrong"), (" I find this answer", " good", " bad")),
)
"""How a language model is asked the questions of a survey."""
SHIPPED_QUESTIONS = Path(str(files("progressgym.data").joinpath("surveys", "gss", "items.csv")))
"""The questions of `gss-v1` and `gss-annual-v1`."""
STARTS = 500
"""Random beginnings of the search for two halves: a survey's questions are few and uneven, so a good split is rare."""


@dataclass(kw_only=True, frozen=True)
class Steps:
    """How years become steps."""

    width: int = 1
    """Years a step; 1: every year in which anything was asked is a step of its own."""
    start: int | None = None
    """First year of the first step; by default the first year of the survey."""

    def __post_init__(self) -> None:
        """Check the width."""
        if self.width < 1:
            raise UserError(f"a step of {self.width} years; use 1 or more")

    def of(self, years: Sequence[int]) -> dict[str, tuple[int, ...]]:
        """Label -> years of the survey in that step, oldest first.

        Raises:
            UserError: a year before the start, or a step of several years in which nothing was asked.

        >>> Steps(width=5, start=1972).of([1973, 1976, 1977])
        {'1972-76': (1973, 1976), '1977': (1977,)}
        """
        years = sorted(set(years))
        if self.width == 1 and self.start is None:
            return {str(year): (year,) for year in years}
        start = years[0] if self.start is None else self.start
        if years[0] < start:
            raise UserError(f"the survey begins in {years[0]}, before the first step of {start}")
        groups_of: dict[str, tuple[int, ...]] = {}
        for first in range(start, years[-1] + 1, self.width):
            last = min(first + self.width - 1, years[-1])
            inside = tuple(year for year in years if first <= year <= last)
            label = _label(first, last)
            if not inside and self.width > 1:
                raise UserError(f"nothing was asked in {label}; use wider steps or another first year")
            if inside:
                groups_of[label] = inside
        return groups_of


def _label(first: int, last: int) -> str:
    """A stretch of years in short.

    >>> _label(1972, 1976), _label(1997, 2001), _label(2024, 2024)
    ('1972-76', '1997-2001', '2024')
    """
    if first == last:
        return str(first)
    return f"{first}-{last % 100:02d}" if first // 100 == last // 100 else f"{first}-{last}"


def survey_history(
    counts: Path | str,
    questions: Path | str,
    *,
    name: str,
    instrument: str | None = None,
    steps: Steps | None = None,
    complete: bool = False,
    design_effect: float = 1.0,
    card: Mapping[str, Any] | None = None,
) -> History:
    """Make a history of two files; see `progressgym.histories.survey_files`.

    Args:
        counts: people per question, year and answer.
        questions: the items, and which answers count for which option.
        name: of the history.
        instrument: name of the questionnaire that the questions make; by default that of the history.
        steps: how years become steps; by default every year is one.
        complete: leave out questions that were not asked in every step.
        design_effect: how many people of this sample are worth one of a simple random sample.
        card: further entries of the card: title, source, licence.

    Raises:
        UserError: the first mistake in a file, fewer than two steps, no question left.
    """
    if not 1.0 <= design_effect < float("inf"):
        raise UserError(f"design effect {design_effect:g}; a number from 1 on is expected")
    asked = read_questions(questions)
    tallies = read_counts(counts, asked)
    years = (steps or Steps()).of([year for _, year in tallies])
    if len(years) < 2:
        raise UserError(f"{Path(counts).name} covers {len(years)} step ({', '.join(years)}); a history needs 2 or more")
    items = [question.item for question in asked]
    if complete:
        items = [item for item in items if all(any((item.id, y) in tallies for y in ys) for ys in years.values())]
    if not items:
        raise UserError(
            f"{Path(counts).name}: no question was asked in every step; use wider steps, or leave out complete"
        )
    own = Questionnaire.from_items(items, name=instrument or name, version="1", config=READING, starts=STARTS)
    answers, people = _arrays(own, tallies, list(years.values()), design_effect)
    made = {
        "counts_sha256": sha256_file(counts),
        "questions_sha256": sha256_file(questions),
        "years": {label: list(inside) for label, inside in years.items()},
        "answers": {label: round(float(row.sum())) for label, row in zip(years, people, strict=True)},
        "design_effect": design_effect,
        "only_asked_in_every_step": complete,
    }
    return History(
        name=name,
        labels=tuple(years),
        answers=answers,
        instrument=own,
        people=people,
        card={**(card or {}), "survey": made, **_evidence(answers, own)},
    )


def _evidence(answers: NDArray[np.float32], instrument: Questionnaire) -> dict[str, Any]:
    """The evidence for a card; none where items are missing or so few that halves of them would not be alike."""
    if np.isnan(answers).any() or (instrument.option_counts - 1).sum() <= len(instrument.dimensions):
        return {}
    return {"evidence": summary(answers[None].astype(np.float64), instrument)}


def _arrays(
    instrument: Questionnaire,
    tallies: Mapping[tuple[str, int], Tally],
    steps: Sequence[Sequence[int]],
    design_effect: float,
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Answers (T, N, K) and effective numbers of people (T, N) of the pooled years of every step."""
    answers = np.full((len(steps), *instrument.mask.shape), np.nan)
    people = np.zeros(answers.shape[:2])
    for t, years in enumerate(steps):
        for i, item in enumerate(instrument.items):
            counts = [tallies[item.id, year] for year in years if (item.id, year) in tallies]
            if counts:
                answers[t, i], people[t, i] = _pooled(counts, item, answers.shape[2])
    return answers.astype(np.float32), (people / design_effect).astype(np.float32)


def _pooled(tallies: Sequence[Tally], item: Item, width: int) -> tuple[NDArray[np.float64], float]:
    """Shares (K,) of the options over several years, and how many people of equal weight that is worth (Kish)."""
    weighted = np.sum([tally.weighted for tally in tallies], axis=0)
    shares = np.zeros(width)
    shares[: len(item.options)] = weighted / weighted.sum()
    if any(tally.squares is None for tally in tallies):
        return shares, float(np.sum([tally.people for tally in tallies]))
    return shares, float(weighted.sum() ** 2 / np.sum([tally.squares for tally in tallies]))
