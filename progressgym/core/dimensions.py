"""The 19 value dimensions and the centuries: the two fixed axes of everything that follows.

Order and grouping are those of the value embedding of ProgressGym (arXiv 2406.20087, section 4 of its code):
Gert's ten moral rules, five moral foundations, four worldviews.
"""

from __future__ import annotations

from progressgym.core.errors import unknown

DIMENSIONS: tuple[str, ...] = (
    "death",
    "pain",
    "disable",
    "freedom",
    "pleasure",
    "deceive",
    "cheat",
    "promise",
    "law",
    "duty",
    "care",
    "fairness",
    "loyalty",
    "authority",
    "purity",
    "traditional",
    "modern",
    "postmodern",
    "integrated",
)
GROUPS: dict[str, slice] = {
    "basic": slice(0, 5),
    "social": slice(5, 10),
    "foundations": slice(10, 15),
    "worldview": slice(15, 19),
}
WORLDVIEWS: slice = GROUPS["worldview"]
CENTURIES: tuple[str, ...] = tuple(f"C{number:03d}" for number in range(13, 22))


def index_of(dimension: str) -> int:
    """Position of a dimension on the value axis.

    >>> index_of("care")
    10
    """
    if dimension not in DIMENSIONS:
        raise unknown("dimension", dimension, DIMENSIONS)
    return DIMENSIONS.index(dimension)


def century(year: int) -> int:
    """Century of a year as `year // 100 + 1` (the convention of the HistText corpus).

    >>> century(1221), century(1300), century(2024)
    (13, 14, 21)
    """
    return year // 100 + 1


def century_label(number: int) -> str:
    """Label of a century.

    >>> century_label(13)
    'C013'
    """
    return f"C{number:03d}"
