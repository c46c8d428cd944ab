"""Considerations: what an item's options uphold and violate, as short reasons in plain words.

A reason says of one option that it upholds or violates one dimension, without naming the dimension. Debates show them
as evidence.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files

from progressgym.core.dimensions import DIMENSIONS
from progressgym.core.errors import UserError
from progressgym.core.files import read_json
from progressgym.instruments.item import Item

NAME = "considerations-v1"
KINDS = ("upholds", "violates")
PER_TAG = 4
"""Reasons for every dimension and kind."""


@dataclass(kw_only=True, frozen=True)
class Consideration:
    """One reason for or against one option of an item."""

    option: int
    """Which option it is about."""
    dimension: str
    """What it speaks of, without naming it."""
    sign: int
    """+1: the option upholds the dimension; -1: it violates it."""
    text: str
    """The reason, one sentence."""


@lru_cache(maxsize=1)
def reasons() -> Mapping[tuple[str, int], tuple[str, ...]]:
    """(dimension, sign) -> the sentences.

    >>> reasons()["promise", -1][0]
    'A word was given, and it is broken.'
    """
    from pathlib import Path

    record = read_json(Path(str(files("progressgym.data").joinpath("considerations", f"{NAME}.json"))))
    return {
        (dimension, 1 if kind == "upholds" else -1): tuple(record["reasons"][dimension][kind])
        for dimension in DIMENSIONS
        for kind in KINDS
    }


def considerations(item: Item, first: int, second: int, count: int = 8) -> tuple[Consideration, ...]:
    """What there is to be said about two options of an item.

    Every tag of the two options gets one reason, the options in turn, then every tag a second one, and so on, until
    there are enough. Tags beyond `count` are not spoken of.

    Args:
        item: the dilemma.
        first: an option.
        second: another option.
        count: how many.

    Raises:
        UserError: the options have too few tags.
    """
    tags = [[(k, d, s) for d, s in item.tags[k].items() if s] for k in (first, second)]
    longest = max(map(len, tags))
    turns = [tags[side][i] for i in range(longest) for side in (0, 1) if i < len(tags[side])]
    said = [
        Consideration(option=k, dimension=d, sign=s, text=reasons()[d, s][turn])
        for turn in range(PER_TAG)
        for k, d, s in turns
    ]
    if len(said) < count:
        raise UserError(
            f"item {item.id!r}: options {first} and {second} have {len(turns)} tags, enough for {len(said)} "
            f"considerations; {count} are needed"
        )
    return tuple(said[:count])
