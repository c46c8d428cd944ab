"""One registry for everything that has a name: agents, instruments, histories, debate domains, losses.

A row says what a name means: a summary and `module:Class`, which is imported when it is asked for and not before. Its
arguments are the fields of that dataclass (`progressgym.core.arguments`), given as in every id:

    lifelong-dpo?independent=true&reference=uniform

Others add rows without touching this package: an installed distribution with entry points in the registry's group, as in

    [project.entry-points."progressgym.agents"]
    sceptic = "my_package.sceptic:Sceptic"

and anything importable by its `module:Class` itself. A name that ships always means what shipped.
"""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import os
import re
import sys
import warnings
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import KW_ONLY, dataclass, field
from functools import lru_cache
from importlib.metadata import EntryPoint, entry_points
from typing import Any, Generic, TypeVar

from progressgym.core.arguments import (
    arguments_of,
    as_typed,
    check_value,
    defaults_of,
    flat,
    folded,
    inner_arguments,
    refuse_unknown,
)
from progressgym.core.errors import UserError, did_you_mean, unknown
from progressgym.core.ids import Scalar, VariantId, is_own, parse_id
from progressgym.core.targets import load_target

_NAME = re.compile(r"[\w][\w.+-]*")
OWN = "your own code"


@dataclass(frozen=True)  # rows of a table: the first three are its columns
class Entry:
    """One row of a registry."""

    name: str
    summary: str
    """What it is or does, for tables and help; empty where the target says it (`summary`, or the docstring's first line)."""
    target: str
    """`module:Class`, or a function."""
    _: KW_ONLY
    defaults: Mapping[str, Scalar] = field(default_factory=dict)
    """Arguments that differ from the target's own defaults; an id may give others."""
    fixed: Mapping[str, Scalar] = field(default_factory=dict)
    """Arguments that make the row what it is; an id cannot give them."""
    origin: str = ""
    """The installed distribution that it comes from, and its version; empty for what ships."""


Row = TypeVar("Row", bound=Entry)


class Registry(Generic[Row]):
    """Names of one kind of thing, what ships first, then what is installed."""

    def __init__(self, kind: str, shipped: Iterable[Row], *, group: str, row: type[Row]) -> None:
        """Lay out a table.

        Args:
            kind: what the names are names of, for errors: `agent`.
            shipped: rows of this package.
            group: of the entry points that add to it.
            row: the class of rows that are made for what is installed.
        """
        self.kind, self.group, self._row = kind, group, row
        self._shipped = {entry.name: entry for entry in shipped}

    def add(self, entry: Row) -> None:
        """Add a row, or put another in its place."""
        self._shipped[entry.name] = entry

    def remove(self, name: str) -> None:
        """Take a row of this package off."""
        del self._shipped[name]

    def names(self) -> list[str]:
        """All names, in the order of tables."""
        return [*self._shipped, *self._installed()]

    def entries(self) -> list[Row]:
        """All rows, in the order of tables. Nothing is imported."""
        return [*self._shipped.values(), *self._installed().values()]

    def shipped(self) -> list[Row]:
        """The rows of this package: what is installed beside it makes no difference."""
        return list(self._shipped.values())

    def __len__(self) -> int:
        return len(self.names())

    def __iter__(self) -> Iterator[str]:
        return iter(self.names())

    def __contains__(self, name: object) -> bool:
        return name in self._shipped or name in self._installed()

    def offers(self, text: str) -> bool:
        """Whether an id is of a known name, or of a `module:Class` whose module is there to be imported."""
        name = text.partition("?")[0]
        if name in self:
            return True
        return is_own(name) and importlib.util.find_spec(name.partition(":")[0].partition(".")[0]) is not None

    def __getitem__(self, name: str) -> Row:
        """The row of a name or of somebody's own `module:Class`.

        Raises:
            UserError: no such name.
        """
        if name in self._shipped:
            return self._shipped[name]
        installed = self._installed()
        if name in installed:
            return installed[name]
        if is_own(name):
            return self._row(name=name, summary=OWN, target=name, origin=OWN)
        raise unknown(self.kind, name, self.names())

    def load(self, name: str) -> Any:
        """The class or function of a name.

        Raises:
            UserError: no such name, or code that cannot be imported.
        """
        entry = self[name]
        if not entry.origin:
            return load_target(entry.target)
        if entry.origin != OWN:
            return load(entry.target, f"{self.kind} {name!r}", f"{entry.origin} is damaged")
        if os.getcwd() not in sys.path:
            sys.path.insert(0, os.getcwd())
        return load(entry.target, f"{self.kind} {name!r}", "run in the folder of its file")

    def summary(self, name: str) -> str:
        """What a name is or does: as its row says, or as the thing itself does, which is imported then."""
        entry = self[name]
        if entry.summary:
            return entry.summary
        target = self.load(name)
        return getattr(target, "summary", None) or (inspect.getdoc(target) or "").partition("\n")[0]

    def arguments(self, name: str) -> dict[str, Any]:
        """Arguments that an id of this name may give, with their annotations."""
        fixed = self[name].fixed
        target = self.load(name)
        return {key: hint for key, hint in arguments_of(target).items() if key not in fixed} if callable(target) else {}

    def flat(self, asked: VariantId) -> VariantId:
        """An id with the arguments of ids within it beside its own: `loss=x?at=2` becomes `loss=x&at=2`.

        Raises:
            UserError: no such name, or two arguments of one name.
        """
        hints, label = self.arguments(asked.name), f"{self.kind} {asked.name!r}"
        return VariantId(asked.name, flat(asked.arguments, hints, label))

    def argument_names(self, asked: VariantId) -> list[str]:
        """Names of all arguments that an id may give: its own, and those of the ids within it."""
        own = self.arguments(asked.name)
        inner = inner_arguments(own, self._values(asked.name) | asked.arguments)
        return [*own, *(key for arguments in inner.values() for key in arguments)]

    def read(self, asked: str | VariantId) -> VariantId:
        """An id with known name and arguments, those of ids within it beside its own; values are not checked.

        Raises:
            UserError: a malformed id, an unknown name or argument.
        """
        asked = self.flat(parse_id(asked) if isinstance(asked, str) else asked)
        refuse_unknown(f"{self.kind} {asked.name!r}", asked.arguments, self.argument_names(asked))
        return asked

    def settings(self, asked: str | VariantId) -> dict[str, Any]:
        """All arguments that an id gives, and those that its row does, as keywords of the target.

        Raises:
            UserError: as `read`, a value that the target's annotation does not allow, or an argument that is missing.
        """
        asked = self.read(asked)
        entry, hints = self[asked.name], self.arguments(asked.name)
        given = folded(asked.arguments, hints, self._values(asked.name))
        own = {}
        for key, value in given.items():
            own[key] = as_typed(value, hints[key])
            # A number is told as it was written, 0 and not 0.0.
            check_value(key, own[key] if isinstance(own[key], str) else value, hints[key])
        settings = {**entry.defaults, **own, **entry.fixed}
        for key in hints:
            if key not in settings and key not in self._values(asked.name):
                raise UserError(f"{self.kind} {asked.name!r} needs {key}; write {asked.name}?{key}=...")
        return settings

    def check(self, asked: str | VariantId) -> str:
        """The id with its arguments in order.

        Raises:
            UserError: as `settings`.
        """
        self.settings(asked)
        return str(self.read(asked))

    def make(self, asked: str | VariantId, **more: Any) -> Any:
        """Call the target of an id with its arguments.

        Args:
            asked: the id.
            more: keywords that no id gives.

        Raises:
            UserError: as `settings`, or what the target refuses.
        """
        asked = self.read(asked)
        target = self.load(asked.name)
        if not callable(target):
            raise UserError(f"{self.kind} {asked.name!r} is a {type(target).__name__}, not a class or function")
        settings = {**self.settings(asked), **more}
        try:
            inspect.signature(target).bind(**settings)
        except TypeError as error:
            raise UserError(f"{self.kind} {asked.name!r} cannot be made: {error}") from None
        return target(**settings)

    def _values(self, name: str) -> dict[str, Any]:
        target = self.load(name)
        return {**(defaults_of(target) if callable(target) else {}), **self[name].defaults}

    def _installed(self) -> dict[str, Row]:
        rows: dict[str, Row] = {}
        for point in _points(self.group, tuple(sys.path)):
            row = self._of(point)
            other = rows.get(row.name, self._shipped.get(row.name))
            if _NAME.fullmatch(row.name) is None or other is not None:
                owner = "is no name" if other is None else f"is a name of {other.origin or 'progressgym'}"
                warnings.warn(
                    f"{self.kind} {row.name!r} of {row.origin} {owner}; write {row.target} for it", stacklevel=3
                )
                continue
            rows[row.name] = row
        return rows

    def _of(self, point: EntryPoint) -> Row:
        """The row of an entry point; its summary is that of its distribution, so that nothing need be imported."""
        about = None if point.dist is None else point.dist.metadata
        summary = "" if about is None else about["Summary"] or ""
        origin = "an installed package" if point.dist is None else f"{point.dist.name} {point.dist.version}"
        return self._row(name=point.name, summary=summary, target=f"{point.module}:{point.attr}", origin=origin)


@lru_cache(maxsize=64)
def _points(group: str, path: tuple[str, ...]) -> tuple[EntryPoint, ...]:
    """Entry points of a group, as long as the path is the same."""
    return tuple(sorted(entry_points(group=group), key=lambda point: (point.name, point.value)))


def load(target: str, what: str, remedy: str) -> Any:
    """Import what somebody else's `module:Class` names.

    Args:
        target: `module:Class`.
        what: how to call it in errors.
        remedy: what to say where there is no such module.

    Raises:
        UserError: no such module or name, or an error inside of the module.
    """
    module_name, _, name = target.partition(":")
    try:
        module = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        if error.name is not None and module_name.split(".")[0] == error.name.split(".")[0]:
            raise UserError(f"no module {module_name!r} for {what}; {remedy}") from None
        raise UserError(f"{what}: its module needs {error.name!r}, which is not installed") from None
    except BaseException as error:  # noqa: BLE001  (a user's module may raise anything, SystemExit too)
        raise UserError(f"{what}: importing its module failed: {type(error).__name__}: {error}") from None
    member = vars(module).get(name)
    if member is None:
        names = [key for key, value in vars(module).items() if isinstance(value, type)]
        raise UserError(f"module {module_name!r} has no class {name!r}{did_you_mean(name, names)}")
    return member
