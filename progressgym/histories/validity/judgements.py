"""People's judgement of deeds: a table that the user keeps, never part of this package.

`actions.csv` of the MoRT study has the form (Schramowski et al. 2022, Nature Machine Intelligence 4; 234 people judged 116
actions): columns `action` (in the infinitive, without "to"), `yes`, `no` (how many said that it is fine to do).
"""

from __future__ import annotations

import csv
import io
import os
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from progressgym.core.answers import Floats
from progressgym.core.errors import UserError
from progressgym.core.reading import read_text

FILE = "actions.csv"
FEWEST = 20
_COUNT = re.compile(r"[0-9]{1,9}")


@dataclass(kw_only=True, frozen=True, eq=False)
class Judgements:
    """Deeds and the share of people who find them fine."""

    actions: tuple[str, ...]
    shares: Floats
    """(A,) between 0 and 1."""
    people: int
    """Most people who judged one deed."""


def find_judgements(given: str | Path | None) -> Path | None:
    """The table's file: what is given (a file, or a folder that holds it), else below `PROGRESSGYM_SHARED`; or None.

    Raises:
        UserError: something is given, and is not there.
    """
    shared = os.environ.get("PROGRESSGYM_SHARED", "")
    if not given:
        usual = Path(shared) / "real" / "mort" / FILE
        return usual if shared and usual.is_file() else None
    path = Path(given) / FILE if Path(given).is_dir() else Path(given)
    if not path.is_file():
        raise UserError(f"{given} is no table of judgements, and no folder with {FILE}")
    return path


def read_judgements(path: Path) -> Judgements:
    """Read the table.

    Raises:
        UserError: a column is missing, a count is none, nobody judged a deed, or there are fewer than twenty deeds.
    """
    try:
        rows = list(csv.DictReader(io.StringIO(read_text(path))))
    except csv.Error as error:
        raise UserError(f"{path} is no CSV table: {error}") from None
    if not rows or not {"action", "yes", "no"} <= set(rows[0]):
        raise UserError(f"{path} needs columns action, yes and no, and rows below them")
    actions, counts = [], []
    for number, row in enumerate(rows, 2):
        action, *numbers = (str(row[name] or "").strip() for name in ("action", "yes", "no"))
        if not action or not all(_COUNT.fullmatch(text) for text in numbers) or not any(map(int, numbers)):
            raise UserError(f"{path} line {number}: expected an action and how many said yes and no to it")
        actions.append(action)
        counts.append([int(text) for text in numbers])
    if len(actions) < FEWEST or len(set(actions)) < len(actions):
        raise UserError(f"{path} holds {len(actions)} actions; {FEWEST} different ones or more are needed")
    table = np.array(counts, dtype=np.float64)
    return Judgements(actions=tuple(actions), shares=table[:, 0] / table.sum(1), people=int(table.sum(1).max()))
