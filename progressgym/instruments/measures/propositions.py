"""Our propositions: sentences to agree or disagree with, each on one axis of the worldview compass."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from progressgym.core.dimensions import index_of
from progressgym.core.errors import UserError, unknown

NAME = "worldview-compass"
AXES = ("economic", "social")


@dataclass(kw_only=True, frozen=True)
class Proposition:
    """A sentence to agree with."""

    id: str
    text: str
    axis: str
    sign: int
    """Which way agreement points on its axis: 1 or -1."""
    tags: Mapping[str, int]
    """Dimensions that agreement upholds (1) or violates (-1)."""

    def __post_init__(self) -> None:
        """Check what a file can get wrong."""
        if not (self.id and self.text.strip()):
            raise UserError("a proposition needs an id and a text")
        if self.axis not in AXES:
            raise unknown("axis", self.axis, AXES)
        for name in self.tags:
            index_of(name)
        if self.sign not in (-1, 1) or not set(self.tags.values()) <= {-1, 1}:
            raise UserError("sign and tags are 1 or -1")
