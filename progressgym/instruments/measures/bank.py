"""The items of an instrument, where they lie and how they are read."""

from __future__ import annotations

from functools import lru_cache
from typing import TypeVar

from progressgym.core.records import read_records
from progressgym.instruments.storage import ITEMS, shipped_folder

T = TypeVar("T")


@lru_cache(maxsize=32)
def shipped_bank(name: str, kind: type[T]) -> tuple[T, ...]:
    """The items of `progressgym/data/instruments/NAME/items.jsonl`, in their order, read once.

    Args:
        name: of the folder, which holds `card.md` beside the items.
        kind: the frozen dataclass of an item, see `progressgym.core.records.read_records`.
    """
    return read_records(shipped_folder() / name / ITEMS, kind)
