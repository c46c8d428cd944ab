"""Histories by name: what ships, the synthetic families, and what installed packages and users' own modules make.

A history of somebody else's is a function (or a dataclass) that returns a `History`, with its arguments as keywords:

    [project.entry-points."progressgym.histories"]
    iceland = "my_package.sagas:iceland"                # History.load("iceland?century=C013")
"""

from __future__ import annotations

from progressgym.core.errors import UserError
from progressgym.core.files import read_json
from progressgym.core.registry import Entry, Registry
from progressgym.histories.families import FAMILIES
from progressgym.histories.history import (
    CARD_FILE,
    RESAMPLED,
    SYNTHETIC,
    History,
    shipped_folder,
    shipped_names,
    unknown_history,
)

INSTALLED = Registry(
    "history",
    (
        Entry(
            "moral-graph",
            "centuries in the order that votes call wiser, or the way to what they call wisest",
            "progressgym.histories.moral_graph:followed",
        ),
        Entry("people", "a person or a community of a panel, wave by wave", "progressgym.histories.people:people"),
    ),
    group="progressgym.histories",
    row=Entry,
)
"""Histories that code makes."""


def made_history(text: str) -> History:
    """A history that code makes, by the name of an installed package's or by `module:function`.

    Raises:
        UserError: no such history, an argument that it does not take, or something that is no history.
    """
    if not INSTALLED.offers(text):
        raise unknown_history(text)
    made = INSTALLED.make(text)
    if not isinstance(made, History):
        raise UserError(f"history {text!r} gives a {type(made).__name__}, not a History")
    return made


def entries() -> list[Entry]:
    """Rows of all names, for lists."""
    rows = []
    for name in shipped_names():
        card = shipped_folder(name) / CARD_FILE
        about = str(read_json(card).get("title", "")) if card.is_file() else ""
        rows.append(Entry(name, about.removeprefix(f"{name}: "), f"{__name__}:History"))
    rows += [
        Entry(SYNTHETIC + family, FAMILIES.summary(family), FAMILIES[family].target, origin=FAMILIES[family].origin)
        for family in FAMILIES
    ]
    rows += [
        Entry(
            f"{RESAMPLED}{name}?seed=0",
            f"{name} over items drawn anew, for intervals",
            "progressgym.histories.resampled:resampled_history",
        )
        for name in shipped_names()
    ]
    rows += [
        Entry(f"{name}?split=1", f"{name} with its items divided anew", "progressgym.histories.splits:with_split")
        for name in shipped_names()
    ]
    return [*rows, *INSTALLED.entries()]
