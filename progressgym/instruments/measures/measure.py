"""What the instruments of this folder have in common: their arguments are checked, and are part of their names."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import ClassVar

from progressgym.core.arguments import check_fields, defaults_of
from progressgym.core.ids import format_id


@dataclass(kw_only=True, frozen=True)
class Measure:
    """An instrument with arguments.

    Raises:
        UserError: an argument of the wrong kind.
    """

    stem: ClassVar[str]
    """Its name without arguments."""

    def __post_init__(self) -> None:
        """Check arguments."""
        check_fields(self)

    @property
    def name(self) -> str:
        """With the arguments that are not the default: another way of asking is another instrument in tables."""
        usual = defaults_of(type(self))
        given = {part.name: getattr(self, part.name) for part in fields(self)}
        return format_id(self.stem, **{name: value for name, value in given.items() if value != usual[name]})
