"""Tables: what an episode's steps look up, for one history that all environments share or one a row.

Every table has a leading axis of length 1 (shared) or B (a row for every environment); broadcasting does the rest.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from progressgym.envs.arrays import Array, Arrays

Tables = dict[str, Array]
Index = int | NDArray[np.int64]
"""Where in its episode every row is: one number when all are at the same step, else one a row."""


def pick(arrays: Arrays, table: Array, index: Index) -> Array:
    """The entries of a table (1 or B, steps, ...) at an index: (1 or B, ...)."""
    if isinstance(index, int):
        return table[:, index]
    row: Any = arrays.index(np.arange(len(index))) if len(table) > 1 else 0
    return table[row, arrays.index(index)]


def part(tables: Tables, rows: slice) -> Tables:
    """The entries of some rows; what all rows share stays shared."""
    return {name: table if len(table) == 1 else table[rows] for name, table in tables.items()}


def install(arrays: Arrays, tables: Tables, new: Tables, rows: NDArray[np.int64], total: int) -> None:
    """Put the tables of some rows, or of all, in their place.

    Args:
        arrays: back end.
        tables: of all rows; changed.
        new: of the rows, leading axis 1 or len(rows).
        rows: which.
        total: B.
    """
    # References are put in place, nothing is copied: the usual case is that all episodes end together.
    if len(rows) == total:
        tables.update(new)
        return
    where = arrays.index(rows)
    for key, value in new.items():
        current = tables[key]
        # A table of the one fixed history: resetting a few rows changes nothing in it.
        if value is current:
            continue
        # From here on rows differ (another history was asked for in some), so the shared entry is spread first.
        if len(current) == 1:
            current = arrays.copy(arrays.xp.broadcast_to(current, (total, *current.shape[1:])))
        current[where] = value
        tables[key] = current


def agreed(steps: NDArray[np.int64]) -> int | None:
    """The step that all rows have reached, None when they differ."""
    first = int(steps[0])
    return first if bool((steps == first).all()) else None
