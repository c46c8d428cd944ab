"""Splits: a fixed history with its items divided anew, for averages over what is asked and what is scored.

`gss-v1?split=3` is the same human with the same answers; which items preferences are elicited with and which ones agents
are scored on is drawn anew by `balanced_split`. Split 0 is the one that the questionnaire comes with. What an agent
reaches on one split depends on which items happened to be scored: a benchmark averages over many.

Halves of an odd questionnaire differ in size by one, so odd splits swap them: over splits every item has its turn.
Copies of one item, as resampled histories have them, must not be in both halves: these have no other splits.
"""

from __future__ import annotations

import os
from dataclasses import replace
from functools import lru_cache

from progressgym.core.bounds import LARGEST_SEED, whole
from progressgym.core.errors import UserError
from progressgym.core.ids import Scalar, format_id, parse_id
from progressgym.histories.history import RESAMPLED, SYNTHETIC, History
from progressgym.instruments.questionnaire import Questionnaire
from progressgym.instruments.split import balanced_split

KEY = "split"


def parse_split(text: str) -> tuple[str, int]:
    """A history's id without its split, and the split.

    Raises:
        UserError: a split that is no whole number, or of a history that can have none.

    >>> parse_split("gss-v1?split=3"), parse_split("gss-v1"), parse_split("synthetic:linear?seed=1&split=2")
    (('gss-v1', 3), ('gss-v1', 0), ('synthetic:linear?seed=1', 2))
    """
    if f"{KEY}=" not in text.partition("?")[2] or os.path.exists(text):
        return text, 0
    asked = parse_id(text)
    rest: dict[str, Scalar] = dict(asked.arguments)
    if KEY not in rest:
        return text, 0
    split = whole(f"split of history {asked.name!r}", rest.pop(KEY), 0, LARGEST_SEED)
    if asked.name.startswith(RESAMPLED):
        raise UserError(f"{text!r}: a resampled history holds items twice, and no other split may divide copies")
    if asked.name.startswith(SYNTHETIC) and "seed" not in rest:
        raise UserError(f"{text!r} names a family and not one history; give it a seed to divide its items")
    return format_id(asked.name, **rest), split


def split_id(text: str, split: int) -> str:
    """The id of a history's split.

    >>> split_id("gss-v1", 3), split_id("gss-v1", 0), split_id("synthetic:linear?seed=1", 2)
    ('gss-v1?split=3', 'gss-v1', 'synthetic:linear?seed=1&split=2')
    """
    return f"{text}{'&' if '?' in text else '?'}{KEY}={split}" if split else text


def with_split(history: History, split: int) -> History:
    """The same answers, items divided anew; the history itself for split 0."""
    if split == 0:
        return history
    return replace(history, name=split_id(history.name, split), instrument=_divided(history.instrument, split))


@lru_cache(maxsize=64)
def _divided(instrument: Questionnaire, split: int) -> Questionnaire:
    """An instrument with the halves of another split."""
    first, second = balanced_split(instrument.items, seed=split)
    elicitation, evaluation = (second, first) if split % 2 else (first, second)
    name = split_id(instrument.name, split)
    return replace(instrument, name=name, elicitation=elicitation, evaluation=evaluation)
