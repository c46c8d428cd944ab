"""A report on every item of a history's questionnaire: difficulty, discrimination, drift, agreement, form.

For an item and a step, x is how far the answer upholds the item's main dimension, from -1 to 1 where two options are
opposites (items about worldviews: how far from even the answer is; they have no single dimension). With several training
seeds answers are averaged over them first, and agreement is that of each seed's item with the other seeds' rest.

* **difficulty**: mean of x over steps; 1 or -1: everybody agrees, and the item can tell nobody apart.
* **discrimination**: standard deviation of the log-odds over steps.
* **drift**: x of the last step minus x of the first.
* **agreement**: correlation over steps of x with the mean x of the other items of its dimension.
* **form**: upholding option minus violating option in words and in mean log frequency of its words (within the
  questionnaire itself). Over all items: does the choice follow form rather than content?

An item **fails** when it goes against the rest of its dimension (agreement below 0), or hardly moves with anything
(discrimination below a tenth of the median), or has no room to move (|difficulty| above .9).

Legend of shapes: S seeds, T steps, N items, K options.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from progressgym.core.answers import Floats, centred_log
from progressgym.core.dimensions import index_of
from progressgym.core.errors import UserError
from progressgym.histories.validity.check import bootstrap, correlation, permutation
from progressgym.instruments.item import Item
from progressgym.instruments.questionnaire import Questionnaire

NO_ROOM = 0.9
HARDLY = 0.1
FEWEST_STEPS = 4
_WORD = re.compile(r"[a-z']+")


@dataclass(kw_only=True, frozen=True)
class ItemRow:
    """What is known of one item."""

    id: str
    main: str
    difficulty: float
    discrimination: float
    drift: float
    agreement: float | None
    """None for items about worldviews, and for the only item of a dimension."""
    words: float | None
    """Upholding minus violating option, in words; None where an item has more than two options."""
    frequency: float | None
    """The same in mean log frequency."""
    fails: tuple[str, ...]
    """Why it fails; empty when it does not."""


@dataclass(kw_only=True, frozen=True)
class Form:
    """Whether choices follow the form of options: a correlation over items of two options."""

    what: str
    value: float
    low: float
    high: float
    p: float
    """Two-sided."""
    items: int


def item_rows(seeds: Floats, instrument: Questionnaire) -> tuple[ItemRow, ...]:
    """A row an item.

    Args:
        seeds: (S, T, N, K) complete answers.
        instrument: what was asked.

    Raises:
        UserError: fewer than four steps, or answers that are missing.
    """
    if seeds.shape[1] < FEWEST_STEPS or np.isnan(seeds).any():
        raise UserError(f"an item report needs {FEWEST_STEPS} steps or more in which every item was asked")
    upheld = np.array([_upheld(answers, instrument) for answers in seeds])  # (S, T, N)
    logits = centred_log(seeds.mean(0), instrument.mask)
    moves = np.sqrt(logits.var(0).sum(-1) / instrument.mask.sum(-1))
    agreements = _agreements(upheld, instrument.items)
    frequency = _frequencies(instrument.items)
    least = HARDLY * float(np.median(moves))
    mean = upheld.mean(0)
    rows = []
    for i, item in enumerate(instrument.items):
        difficulty, agreement = float(mean[:, i].mean()), agreements[i]
        reasons = {
            "against its dimension": agreement is not None and agreement < 0,
            "hardly moves": float(moves[i]) < least,
            "no room": abs(difficulty) > NO_ROOM,
        }
        form = _form(item, instrument.loadings[i], frequency)
        rows.append(
            ItemRow(
                id=item.id,
                main=item.main,
                difficulty=difficulty,
                discrimination=float(moves[i]),
                drift=float(mean[-1, i] - mean[0, i]),
                agreement=agreement,
                words=None if form is None else form[0],
                frequency=None if form is None else form[1],
                fails=tuple(reason for reason, holds in reasons.items() if holds),
            )
        )
    return tuple(rows)


def form_checks(rows: Sequence[ItemRow]) -> list[Form]:
    """Correlation of how far items are upheld with what the upholding option has more of: words, frequent words."""
    two = [row for row in rows if row.words is not None and row.frequency is not None]
    upheld = np.array([row.difficulty for row in two])
    drift = np.array([row.drift for row in two])
    measures = {
        "length in words": np.array([row.words for row in two], dtype=np.float64),
        "frequency of words": np.array([row.frequency for row in two], dtype=np.float64),
    }
    return [
        _followed(f"{name} and {outcome}", measure, values)
        for outcome, values in (("choice", upheld), ("drift", drift))
        for name, measure in measures.items()
    ]


def _followed(what: str, measure: Floats, values: Floats) -> Form:
    low, high = bootstrap(len(values), lambda rows: correlation(measure[rows], values[rows]), what)
    value = float(correlation(measure, values))
    p = permutation(len(values), lambda rows: np.abs(correlation(measure[rows], values)), what)
    return Form(what=what, value=value, low=low, high=high, p=p, items=len(values))


def _upheld(answers: Floats, instrument: Questionnaire) -> Floats:
    """(T, N) x of every step and item."""
    rows = []
    for i, item in enumerate(instrument.items):
        if item.main in instrument.dimensions:
            weights = instrument.loadings[i, :, instrument.dimensions.index(item.main)]
            rows.append(answers[:, i] @ weights / weights.max())
        else:
            count = len(item.options)
            rows.append((answers[:, i].max(-1) - 1 / count) / (1 - 1 / count))
    return np.stack(rows, -1)


def _agreements(upheld: Floats, items: Sequence[Item]) -> list[float | None]:
    """Correlation over steps with the rest of the dimension; across seeds where there are several."""
    seeds = range(len(upheld))
    pairs = [(a, b) for a in seeds for b in seeds if a != b] or [(0, 0)]
    mains = np.array([item.main for item in items])
    agreements: list[float | None] = []
    for i, item in enumerate(items):
        rest = np.flatnonzero((mains == item.main) & (np.arange(len(items)) != i))
        if item.main == "worldview" or not len(rest):
            agreements.append(None)
            continue
        agreements.append(float(np.mean([correlation(upheld[a, :, i], upheld[b][:, rest].mean(-1)) for a, b in pairs])))
    return agreements


def _frequencies(items: Sequence[Item]) -> dict[str, float]:
    """Log of how often each word stands in the questionnaire."""
    counts = Counter(word for item in items for text in (item.text, *item.options) for word in _words(text))
    return {word: math.log(count) for word, count in counts.items()}


def _form(item: Item, loadings: NDArray[np.float64], frequency: dict[str, float]) -> tuple[float, float] | None:
    """Upholding minus violating option, in words and mean log frequency."""
    if len(item.options) != 2 or item.main == "worldview":
        return None
    good = int(loadings[:2, index_of(item.main)].argmax())
    up, down = _words(item.options[good]), _words(item.options[1 - good])
    return len(up) - len(down), _mean(up, frequency) - _mean(down, frequency)


def _mean(words: Sequence[str], frequency: dict[str, float]) -> float:
    return sum(frequency[word] for word in words) / max(len(words), 1)


def _words(text: str) -> list[str]:
    return _WORD.findall(text.lower())


def to_record(row: ItemRow) -> dict[str, Any]:
    """A row of a table; empty where nothing is known."""
    numbers = ("difficulty", "discrimination", "drift", "agreement", "words", "frequency")
    columns = {name: None if getattr(row, name) is None else round(getattr(row, name), 4) for name in numbers}
    return {"id": row.id, "main": row.main, **columns, "fails": "; ".join(row.fails)}
