"""An item: a situation, its options, and what every option upholds or violates."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from progressgym.core.dimensions import DIMENSIONS
from progressgym.core.errors import UserError, unknown

WORLDVIEW = "worldview"
"""Main dimension of an item whose options are worldviews: it measures four dimensions at once."""
SEVERAL = "several"
"""Main dimension of an item that weighs one dimension against another: each option upholds one of its own."""
MAINS: tuple[str, ...] = (*DIMENSIONS[:15], WORLDVIEW, SEVERAL)
FIELDS = ("id", "main", "text", "options", "tags")
MIN_OPTIONS, MAX_OPTIONS = 2, 4


@dataclass(kw_only=True, frozen=True)
class Item:
    """One question.

    Raises:
        UserError: no text where one is needed, a wrong number of options or tags, an unknown dimension, a tag other than
            -1, 0, 1.

    >>> item = Item(id="x", main="promise", text="I said I would come.", options=("I go.", "I stay."),
    ...             tags=({"promise": 1}, {"promise": -1, "pleasure": 1}))
    >>> item.upholding_first
    True
    """

    id: str
    """Unique within its instrument."""
    main: str
    """The dimension it was written for, `worldview` or `several`."""
    text: str
    """The situation, ending before the decision. An item of `several` may have none (""): its options are whole deeds."""
    options: tuple[str, ...]
    """K = 2 to 4 options."""
    tags: tuple[Mapping[str, int], ...]
    """A mapping for every option: dimension -> +1 upholds, -1 violates; what is not named is 0."""

    def __post_init__(self) -> None:
        """Check everything that a file can get wrong."""
        where = f"item {self.id!r}"
        if self.main not in MAINS:
            raise unknown(f"main dimension of {where}", self.main, MAINS)
        if not self.id or not (self.text.strip() or (self.main == SEVERAL and not self.text)):
            raise UserError(f"{where} needs an id and a text")
        if not MIN_OPTIONS <= len(self.options) <= MAX_OPTIONS:
            raise UserError(f"{where} has {len(self.options)} options; {MIN_OPTIONS} to {MAX_OPTIONS} are possible")
        if not all(option.strip() for option in self.options):
            raise UserError(f"{where} has an empty option")
        if len(self.tags) != len(self.options):
            raise UserError(f"{where} has {len(self.options)} options and {len(self.tags)} tags; one tag object each")
        for tags in self.tags:
            for dimension, tag in tags.items():
                if dimension not in DIMENSIONS:
                    raise unknown(f"dimension in the tags of {where}", dimension, DIMENSIONS)
                if tag not in (-1, 0, 1) or isinstance(tag, bool):
                    raise UserError(f"{where} tags {dimension} with {tag!r}; a tag is -1, 0 or 1")

    @property
    def upholding_first(self) -> bool:
        """True when the first option upholds the main dimension more than any other option does."""
        strengths = [tags.get(self.main, 0) for tags in self.tags]
        return strengths[0] == max(strengths) > min(strengths)

    def to_record(self) -> dict[str, Any]:
        """The item as one JSON object."""
        return {
            "id": self.id,
            "main": self.main,
            "text": self.text,
            "options": list(self.options),
            "tags": [dict(tags) for tags in self.tags],
        }

    @classmethod
    def from_record(cls, record: Any, where: str) -> Item:
        """Read a JSON object.

        Args:
            record: what a JSON parser returned.
            where: file and line, for the error.

        Raises:
            UserError: a missing or unknown field, a value of the wrong type, or what an item refuses.
        """
        if not isinstance(record, dict) or set(record) != set(FIELDS):
            content = ", ".join(map(str, record)) if isinstance(record, dict) else type(record).__name__
            raise UserError(f"{where}: an item has exactly the fields {', '.join(FIELDS)}; found {content}")
        options, tags = record["options"], record["tags"]
        if not all(isinstance(record[field], str) for field in ("id", "main", "text")):
            raise UserError(f"{where}: id, main and text are strings")
        if not isinstance(options, list) or not all(isinstance(option, str) for option in options):
            raise UserError(f"{where}: options is a list of strings")
        if not isinstance(tags, list) or not all(isinstance(tag, dict) for tag in tags):
            raise UserError(f"{where}: tags is a list of objects, one for every option")
        try:
            return cls(
                id=record["id"], main=record["main"], text=record["text"], options=tuple(options), tags=tuple(tags)
            )
        except UserError as error:
            raise UserError(f"{where}: {error}") from None
