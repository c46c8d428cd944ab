"""The file of a panel: who gave which answer to which question in which wave, a line an answer.

    person,wave,item,answer,party
    7,2006,lie,wrong,left
    7,2008,lie,depends,left

`item` is an id of the file of questions (`survey_files`), `answer` as the survey calls it there. Waves are whole numbers, in
whose order they were held. Any further column is a trait of people, by which they can be grouped: what a person's first line
that says something about it says. As everywhere: every mistake is one error that names file and line.

Legend of shapes: P people, W waves, N items.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from progressgym.core.errors import did_you_mean
from progressgym.histories.survey_files import Question, Row, read_rows

COLUMNS = ("person", "wave", "item", "answer")
LONGEST = 100
"""Signs of a person's name or trait."""
_WAVE = re.compile(r"\d{1,9}")


@dataclass(kw_only=True, frozen=True, eq=False)
class Table:
    """What a file says."""

    people: tuple[str, ...]
    """P names, in the order in which they first appear."""
    waves: tuple[str, ...]
    """W labels, oldest first."""
    choices: NDArray[np.int8]
    """(P, W, N) number of the option chosen, -1 where there is none."""
    traits: Mapping[str, tuple[str, ...]]
    """Trait -> what each person has of it, "" where the file does not say."""


def read_panel(path: Path | str, questions: Sequence[Question]) -> Table:
    """Read a file of a panel.

    Raises:
        UserError: the first mistake, with file and line.
    """
    places = {question.item.id: number for number, question in enumerate(questions)}
    people: dict[str, int] = {}
    seen: dict[tuple[int, str, int], str] = {}
    answers: list[tuple[int, str, int, int]] = []
    traits: dict[str, dict[int, str]] = {}
    for row in read_rows(Path(path), COLUMNS, others=True):
        item, option = _answer(row, questions, places)
        person = people.setdefault(_name(row, "person"), len(people))
        key = (person, _wave(row), item)
        if key in seen:
            raise row.error(
                f"person {row['person']!r} answered {row['item']!r} in wave {key[1]} already in {seen[key]}"
            )
        seen[key] = row.line
        if option is not None:
            answers.append((*key, option))
        for trait in row.fields.keys() - set(COLUMNS):
            values = traits.setdefault(trait, {})
            if row[trait]:
                values.setdefault(person, _name(row, trait))
    waves = sorted({wave for _, wave, _ in seen}, key=int)
    choices = np.full((len(people), len(waves), len(questions)), -1, dtype=np.int8)
    for person, wave, item, option in answers:
        choices[person, waves.index(wave), item] = option
    every = range(len(people))
    return Table(
        people=tuple(people),
        waves=tuple(waves),
        choices=choices,
        traits={trait: tuple(values.get(person, "") for person in every) for trait, values in sorted(traits.items())},
    )


def _answer(row: Row, questions: Sequence[Question], places: Mapping[str, int]) -> tuple[int, int | None]:
    """Number of the item, and of the option that the answer counts for."""
    if row["item"] not in places:
        raise row.error(f"there is no item {row['item']!r}{did_you_mean(row['item'], places)}")
    item, answer = places[row["item"]], row["answer"]
    options = questions[item].options
    if answer not in options:
        near = did_you_mean(answer, options) or f"; it knows {', '.join(map(repr, options))}"[:300]
        raise row.error(f"item {row['item']!r} does not say what the answer {answer!r} counts for{near}")
    return item, options[answer]


def _name(row: Row, column: str) -> str:
    if not 0 < len(row[column]) <= LONGEST:
        raise row.error(f"{column} has {len(row[column])} signs; 1 to {LONGEST} are expected")
    return row[column]


def _wave(row: Row) -> str:
    """A wave's number without leading zeros, so that 01 and 1 are one."""
    if not _WAVE.fullmatch(row["wave"]):
        raise row.error(f"wave is {row['wave']!r}; a whole number is expected, such as 1 or 2006")
    return str(int(row["wave"]))
