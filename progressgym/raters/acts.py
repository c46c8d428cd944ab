"""Acts and purposes of our own, by which a moral rater learns, and minimal pairs by which it is checked.

Words of each list are divided into two halves. A rater that learned from one half is checked on the other, where it has met none of
the acts and none of the purposes.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from progressgym.core.dimensions import DIMENSIONS
from progressgym.core.errors import UserError
from progressgym.core.reading import parse_json
from progressgym.core.rows import csv_rows

BAD, DISCRETIONARY, GOOD = -1, 0, 1
RULES = DIMENSIONS[:10]
"""The ten common rules (Gert), which are Delphi's too."""
SHIPPED = "acts-v1"


@dataclass(kw_only=True, frozen=True)
class Act:
    """One labelled text."""

    text: str
    label: int
    """-1 bad, 0 discretionary, 1 good."""
    breaks: tuple[str, ...] = ()
    """Rules that it breaks, excused or not."""
    half: int = -1
    """Of the words, 0 or 1; -1 where it has words of both."""


@dataclass(kw_only=True, frozen=True)
class Minimal:
    """An act, the same with a purpose that excuses it, and with one that does not."""

    plain: str
    excused: str
    idle: str
    half: int


@lru_cache(maxsize=1)
def _words() -> dict[str, Any]:
    path = files("progressgym.data").joinpath("raters", SHIPPED, "acts.json")
    words: dict[str, Any] = parse_json(path.read_text(encoding="utf-8"), SHIPPED)
    return words


def _halves(name: str, half: int) -> list[Any]:
    """Every second word of a list."""
    return list(_words()[name][half::2])


@lru_cache(maxsize=1)
def shipped_acts() -> tuple[Act, ...]:
    """All texts of both halves, in a fixed order."""
    acts = []
    for half in (0, 1):
        idle, excuses, sinister = (_halves(name, half) for name in ("idle", "excuses", "sinister"))
        for harm, rules in _halves("harms", half):
            rules_of = tuple(rules)
            acts.append(Act(text=harm, label=BAD, breaks=rules_of, half=half))
            acts += [Act(text=f"{harm} {why}", label=BAD, breaks=rules_of, half=half) for why in idle]
            acts += [Act(text=f"{harm} {why}", label=DISCRETIONARY, breaks=rules_of, half=half) for why in excuses]
        for deed in _halves("helps", half):
            acts.append(Act(text=deed, label=GOOD, half=half))
            acts += [Act(text=f"{deed} {why}", label=GOOD, half=half) for why in idle]
            acts += [Act(text=f"{deed} {why}", label=BAD, half=half) for why in sinister]
        for deed in _halves("neutrals", half):
            acts.append(Act(text=deed, label=DISCRETIONARY, half=half))
            acts += [Act(text=f"{deed} {why}", label=DISCRETIONARY, half=half) for why in idle]
    return tuple(acts)


def minimal_pairs() -> list[Minimal]:
    """Every act that breaks a rule, with one purpose of each kind, of the same half."""
    pairs = []
    for half in (0, 1):
        idle, excuses = _halves("idle", half), _halves("excuses", half)
        for n, (harm, _) in enumerate(_halves("harms", half)):
            excuse, pretext = excuses[n % len(excuses)], idle[n % len(idle)]
            pairs.append(Minimal(plain=harm, excused=f"{harm} {excuse}", idle=f"{harm} {pretext}", half=half))
    return pairs


def read_acts(path: Path) -> tuple[Act, ...]:
    """Labelled texts of a comma-separated file: columns text, label (-1 bad, 0, 1 good).

    Raises:
        UserError: the first mistake, with its line; labels that are all the same.
    """
    acts: list[Act] = []
    for line, row in csv_rows(path, ("text", "label")):
        if row["label"] not in ("-1", "0", "1"):
            raise UserError(f"{path.name}, line {line}: label is {row['label']!r}; -1 (bad), 0 or 1 (good) is expected")
        if not row["text"].strip():
            raise UserError(f"{path.name}, line {line}: text is empty")
        acts.append(Act(text=row["text"], label=int(row["label"]), half=len(acts) % 2))
    if len({act.label for act in acts}) < 2:
        raise UserError(f"{path.name}: all {len(acts)} labels are {acts[0].label}; two kinds or more are needed")
    return tuple(acts)
