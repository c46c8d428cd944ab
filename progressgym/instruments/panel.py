"""Panels: several pairs of words and several leads in which a verdict is read, so that none of them is a constant.

A panel has a name, which is the reading's mode: `verdict-v2` for example. How its words and leads were chosen stands in
its card (`data/panels`). A name never changes its content.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from pathlib import Path

from progressgym.core.errors import UserError, unknown
from progressgym.core.reading import read_object

Pair = tuple[str, str]
PANELS = ("verdict-v2",)
"""Those that come with the package."""


@dataclass(kw_only=True, frozen=True)
class Panel:
    """Words and leads; each begins with a space."""

    name: str
    words: tuple[Pair, ...]
    """W pairs: approving, disapproving."""
    leads: tuple[str, ...]
    """L leads that follow a deed told in a sentence."""
    deed_leads: tuple[str, ...]
    """Leads that follow a bare deed: "To feed the hungry"."""
    replaces: tuple[str, ...] = ()
    """Leads of instruments that speak of a deed, too: the panel's stand in their place."""

    def __post_init__(self) -> None:
        """Check what a file can get wrong."""
        texts = [*self.leads, *self.deed_leads, *self.replaces, *(word for pair in self.words for word in pair)]
        if min(len(self.words), len(self.leads), len(self.deed_leads)) < 1 or not all(
            isinstance(text, str) and text.startswith(" ") and text.strip() for text in texts
        ):
            raise UserError(f"panel {self.name!r} needs words and leads, each a text that begins with a space")

    def leads_for(self, own: Sequence[str]) -> tuple[str, ...]:
        """The leads for a questionnaire: the panel's, unless it has leads of its own that do not speak of a deed.

        Args:
            own: leads of the questionnaire's verdicts. `people-v1` has " This answer is": its options are opinions.
        """
        return self.leads if set(own) <= set(self.replaces) else tuple(dict.fromkeys(own))

    def verdicts(self, leads: Sequence[str]) -> tuple[tuple[str, str, str], ...]:
        """(lead, approving, disapproving) of every lead and pair, V = L W of them, words changing fastest."""
        return tuple((lead, good, bad) for lead in leads for good, bad in self.words)

    @property
    def pair_names(self) -> tuple[str, ...]:
        """For example `good/bad`."""
        return tuple("/".join(word.strip() for word in pair) for pair in self.words)


@lru_cache(maxsize=4)
def load_panel(name: str) -> Panel:
    """A shipped panel.

    Raises:
        UserError: there is none of this name.
    """
    if name not in PANELS:
        raise unknown("panel", name, PANELS)
    path = Path(str(files("progressgym.data").joinpath("panels", f"{name}.json")))
    record = read_object(path, "a panel of words and leads")
    return Panel(
        name=name,
        words=tuple((good, bad) for good, bad in record["words"]),
        leads=tuple(record["leads"]),
        deed_leads=tuple(record["deed_leads"]),
        replaces=tuple(record["replaces"]),
    )
