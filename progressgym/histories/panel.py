"""A panel: the same people asked the same questions again, wave after wave.

On disk a panel is a folder: a history of all its people together, wave by wave (`progressgym.histories.history`), and beside
it `panel.npz`, who chose which option. It stays where its owner put it; nothing of it ships.

Every fifth person is *new*: histories are of new people only (`progressgym.histories.people`), and what may be known before
any of them has spoken, everybody's mean or a model of how people differ, comes from the first wave of the others.

Legend of shapes: P people, W waves, N items, K options of the widest item.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from progressgym.core.errors import UserError, did_you_mean
from progressgym.core.files import sha256_file, write_folder, write_npz
from progressgym.core.reading import read_npz, texts
from progressgym.histories.history import History
from progressgym.histories.panel_files import read_panel
from progressgym.histories.survey import READING, STARTS
from progressgym.histories.survey_files import read_questions
from progressgym.instruments.questionnaire import Questionnaire

Floats = NDArray[np.float64]
PANEL_FILE = "panel.npz"
KEYS = ("choices", "people", "waves", "traits", "values")
NO_ANSWER = -1
EVERY = 5
"""One person of so many is new."""


@dataclass(kw_only=True, frozen=True, eq=False)
class Panel:
    """Who chose which option, wave by wave.

    Raises:
        UserError: numbers that are no options of the items, fewer than two waves, too few people.
    """

    name: str
    """Of the folder, or `planted`."""
    people: tuple[str, ...]
    """P names."""
    waves: tuple[str, ...]
    """W labels, oldest first."""
    instrument: Questionnaire
    """What was asked."""
    choices: NDArray[np.int8]
    """(P, W, N) number of the option that a person chose in a wave, `NO_ANSWER` where they gave none."""
    traits: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Name of a trait -> what each of the P people has of it, "" where that is not known."""

    def __post_init__(self) -> None:
        """Check that everything fits."""
        shape = (len(self.people), len(self.waves), len(self.instrument))
        where = f"panel {self.name!r}"
        if self.choices.shape != shape or self.choices.dtype != np.int8:
            raise UserError(f"{where}: choices are {self.choices.dtype} {self.choices.shape}; int8 {shape} is expected")
        if (self.choices < NO_ANSWER).any() or (self.choices >= self.instrument.option_counts).any():
            raise UserError(f"{where}: a choice is no option of its item")
        if len(self.waves) < 2:
            raise UserError(f"{where} has {len(self.waves)} wave; people who are asked once make no history")
        if len(self.people) < 2 * EVERY:
            raise UserError(f"{where} has {len(self.people)} people; {2 * EVERY} are the least, one of {EVERY} is new")
        if len(set(self.people)) < len(self.people) or len(set(self.waves)) < len(self.waves):
            raise UserError(f"{where} names a person or a wave twice")
        if any(len(values) != len(self.people) for values in self.traits.values()):
            raise UserError(f"{where}: a trait is not known of as many people as there are")

    def __len__(self) -> int:
        return len(self.people)

    @property
    def new(self) -> NDArray[np.bool_]:
        """(P,) whose histories these are; the others are known beforehand."""
        new: NDArray[np.bool_] = np.arange(len(self)) % EVERY == 0
        return new

    @property
    def reference(self) -> NDArray[np.int8]:
        """(P - new, N) the first answers of those who are known beforehand."""
        first: NDArray[np.int8] = self.choices[~self.new, 0]
        return first

    def everyone(self) -> History:
        """All people together, wave by wave."""
        answers, people = tabulate(self.choices, self.instrument)
        card = {
            "panel": {
                "people": len(self),
                "answers": {w: int(n) for w, n in zip(self.waves, people.sum(1), strict=True)},
            }
        }
        return History(
            name=self.name, labels=self.waves, answers=answers, instrument=self.instrument, people=people, card=card
        )

    def save(self, folder: Path | str) -> None:
        """Write history and panel as one folder that is there wholly or not at all."""
        names = sorted(self.traits)
        with write_folder(folder) as staged:
            self.everyone().save(staged)
            write_npz(
                staged / PANEL_FILE,
                choices=self.choices,
                people=np.array(self.people),
                waves=np.array(self.waves),
                traits=np.array(names, dtype=np.str_),
                values=np.array([self.traits[name] for name in names], dtype=np.str_).reshape(len(names), len(self)),
            )

    @classmethod
    def load(cls, folder: Path | str) -> Panel:
        """Read a folder that `save` wrote; the last few are kept in memory.

        Raises:
            UserError: no such folder, or a damaged one.
        """
        file = Path(folder) / PANEL_FILE
        if not file.is_file():
            raise UserError(
                f"{str(folder)!r} is no panel: there is no {file}; use planted, or make one with progressgym history "
                "survey --panel FILE --out DIR"
            )
        return _loaded(Path(folder).resolve(), sha256_file(file))

    @classmethod
    def read(cls, path: Path | str, questions: Path | str, *, name: str) -> Panel:
        """Make a panel of two files; see `progressgym.histories.panel_files`.

        Args:
            path: who answered what, wave by wave.
            questions: the items, and which answers count for which option. Those that nobody answered are left out.
            name: of panel and questionnaire.

        Raises:
            UserError: the first mistake in a file, too few people or waves, no item that anybody answered.
        """
        asked = read_questions(questions)
        table = read_panel(path, asked)
        answered = (table.choices != NO_ANSWER).any((0, 1))
        if not answered.any():
            raise UserError(f"{Path(path).name}: nobody gave an answer that counts for an option")
        items = [question.item for question, present in zip(asked, answered, strict=True) if present]
        instrument = Questionnaire.from_items(items, name=name, version="1", config=READING, starts=STARTS)
        return cls(
            name=name,
            people=table.people,
            waves=table.waves,
            instrument=instrument,
            choices=table.choices[:, :, answered],
            traits=table.traits,
        )


def tabulate(choices: NDArray[np.int8], instrument: Questionnaire) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Shares and numbers of people.

    Args:
        choices: (P, W, N).
        instrument: whose options.

    Returns:
        (W, N, K) shares, NaN where nobody answered, and (W, N) how many did.
    """
    options = np.arange(instrument.mask.shape[1])
    counts = (choices[..., None] == options).sum(0).astype(np.float64)
    people = counts.sum(-1)
    with np.errstate(invalid="ignore"):
        shares = counts / people[..., None]
    return shares.astype(np.float32), people.astype(np.float32)


def panel_of(spec: str, seed: int = 0) -> Panel:
    """The panel that an id means.

    Args:
        spec: `planted`, or the folder of one of yours.
        seed: of the planted one.

    Raises:
        UserError: no such panel.
    """
    if spec == "planted":
        from progressgym.histories.planted_panel import planted_panel

        return planted_panel(seed)
    if not Path(spec).exists() and (near := did_you_mean(spec, ["planted"])):
        raise UserError(f"there is no panel {spec!r}{near}")
    return Panel.load(spec)


@lru_cache(maxsize=4)
def _loaded(folder: Path, digest: str) -> Panel:
    """The panel of a folder, by what is in it."""
    history, arrays = History.load(folder), read_npz(folder / PANEL_FILE, *KEYS)
    where = f"of {folder / PANEL_FILE}"
    names, values = texts(arrays["traits"], f"traits {where}"), arrays["values"]
    people = texts(arrays["people"], f"people {where}")
    if values.shape != (len(names), len(people)):
        raise UserError(f"values {where} have shape {values.shape}, {(len(names), len(people))} is expected")
    return Panel(
        name=history.name,
        people=tuple(people),
        waves=tuple(texts(arrays["waves"], f"waves {where}")),
        instrument=history.instrument,
        choices=arrays["choices"],
        traits={name: tuple(texts(row, f"values {where}")) for name, row in zip(names, values, strict=True)},
    )


def shares_of(choices: NDArray[np.int8], instrument: Questionnaire) -> Floats:
    """(N, K) the shares of one wave (P, N), as if one more person had answered who knows no preference."""
    shares, people = tabulate(choices[:, None], instrument)
    uniform = instrument.uniform()
    smooth: Floats = (np.nan_to_num(shares[0]) * people[0][:, None] + uniform) / (people[0][:, None] + 1.0)
    return smooth


def chosen(choices: NDArray[np.int8], options: int) -> NDArray[np.float32]:
    """(..., N, K) certain answers of choices (..., N), NaN where there is none."""
    answers: NDArray[np.float32] = (choices[..., None] == np.arange(options)).astype(np.float32)
    answers[choices == NO_ANSWER] = np.nan
    return answers


def people_named(panel: Panel, rows: NDArray[np.bool_], most: int = 3) -> Sequence[str]:
    """The first few of some people, for errors."""
    return [panel.people[row] for row in np.flatnonzero(rows)[:most]]
