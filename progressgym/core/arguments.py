"""Arguments of things that are asked for by name: the fields of a dataclass, checked by their annotations.

An annotation says what a value may be, for ids and for Python alike, and says it once:

    beta_dpo: Positive = 1.0
    forecast: Whole = 0
    reference: Annotated[str, OneOf("reference", ("stage", "uniform"))] = "stage"
    loss: Annotated[str, Named(LOSSES)] = "sigmoid"        # a name of another registry, with arguments of its own

A dataclass calls `check_fields` in its `__post_init__`. Of a function, or of a class that is no dataclass, the
keyword-only parameters are the arguments.
"""

from __future__ import annotations

import dataclasses
import inspect
import math
import sys
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Protocol, Union, get_args, get_origin, get_type_hints

from progressgym.core.bounds import whole
from progressgym.core.errors import UserError, unknown
from progressgym.core.ids import Scalar, format_id, parse_id


def is_number(value: object) -> bool:
    """Whether a value is a finite number, and no bool."""
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def is_whole(value: object) -> bool:
    """Whether a value is a whole number, and no bool."""
    return isinstance(value, int) and not isinstance(value, bool)


@dataclass(frozen=True)
class Rule:
    """What an annotation asks of a value."""

    expected: str
    """What would be right, the end of the error."""
    accepts: Callable[[Any], bool]
    """Whether a value is right."""

    def check(self, name: str, value: object) -> None:
        """Refuse a wrong value."""
        if not self.accepts(value):
            raise UserError(f"{name} is {value!r}; {self.expected}")


@dataclass(frozen=True)
class OneOf:
    """One of a few names."""

    kind: str
    """What they are names of, for the error."""
    names: tuple[str, ...]

    def check(self, name: str, value: object) -> None:
        """Refuse an unknown name."""
        if value not in self.names:
            raise unknown(self.kind, str(value), self.names)


class Names(Protocol):
    """A registry, as far as arguments need it."""

    def check(self, text: str) -> str:
        """The id in order, or an error."""
        ...

    def arguments(self, name: str) -> Mapping[str, Any]:
        """Arguments of an entry and their annotations."""
        ...


@dataclass(frozen=True)
class Named:
    """An id of another registry, whose own arguments may stand beside it: `?reward=pal&k=3` gives `pal?k=3`.

    Of two arguments of one name the outer thing's is meant.
    """

    registry: Names

    def check(self, name: str, value: object) -> None:
        """Refuse an unknown name or argument."""
        self.registry.check(str(value))


@dataclass(frozen=True)
class Within:
    """A whole number with bounds: what a stranger asks for is never without end."""

    least: int
    most: int

    def check(self, name: str, value: object) -> None:
        """Refuse another number."""
        whole(name, value, self.least, self.most)


Positive = Annotated[
    float,
    Rule("a positive number is expected, at most 1e+06", lambda value: is_number(value) and 0 < value <= 1e6),
]
"""A number above 0: strengths, scales, rates."""
Whole = Annotated[int, Within(0, 10**6)]
"""0, 1, 2, ..."""
Count = Annotated[int, Within(1, 10**6)]
"""1, 2, ..."""
Steps = Annotated[int, Within(0, 100)]
"""Of a history, ahead or back; a polynomial of degree 100 says nothing about the next century."""
_MISSING = dataclasses.MISSING
_PLAIN: dict[Any, Rule] = {
    bool: Rule("use true or false", lambda value: isinstance(value, bool)),
    int: Rule("a whole number is expected", is_whole),
    float: Rule("a number is expected", is_number),
    str: Rule("a name is expected", lambda value: isinstance(value, str)),
}


@lru_cache(maxsize=256)
def arguments_of(target: Any) -> Mapping[str, Any]:
    """Names of the arguments that an id can give a class or function, each with its annotation.

    Only what an id can spell: bools, numbers, names, and annotations made of them.

    >>> def ridge(margins: object, *, beta: Positive = 1.0) -> None: ...
    >>> list(arguments_of(ridge))
    ['beta']
    """
    if inspect.isclass(target) and dataclasses.is_dataclass(target):
        named = {part.name: _hint(*_annotation(target, part.name)) for part in dataclasses.fields(target) if part.init}
    else:
        named = {part.name: _hint(part.annotation, function.__globals__) for part, function in _keywords(target)}
    return {name: hint for name, hint in named.items() if plain_type(hint) is not None}


def defaults_of(target: Any) -> dict[str, Any]:
    """Values of arguments that have a default."""
    if inspect.isclass(target) and dataclasses.is_dataclass(target):
        made = {p.name: p.default_factory() for p in dataclasses.fields(target) if p.default_factory is not _MISSING}
        return made | {p.name: p.default for p in dataclasses.fields(target) if p.default is not _MISSING}
    return {part.name: part.default for part, _ in _keywords(target) if part.default is not part.empty}


def _keywords(target: Any) -> list[tuple[inspect.Parameter, Any]]:
    """Keyword-only parameters of a function, or of a class's constructor."""
    function = target.__init__ if inspect.isclass(target) else target
    if not inspect.isfunction(function):
        return []
    parameters = inspect.signature(function).parameters.values()
    return [(part, function) for part in parameters if part.kind is part.KEYWORD_ONLY]


def _annotation(target: Any, name: str) -> tuple[Any, Mapping[str, Any]]:
    """The annotation of a field, and the names of the module that wrote it."""
    owner = next(kind for kind in target.__mro__ if name in vars(kind).get("__annotations__", {}))
    return vars(owner)["__annotations__"][name], vars(sys.modules[owner.__module__])


def _hint(annotation: Any, names: Mapping[str, Any]) -> Any:
    """An annotation as an object; None where it needs a name that is there for a type checker only."""
    holder = type("Holder", (), {"__annotations__": {"value": annotation}})
    try:
        return get_type_hints(holder, globalns=dict(names), include_extras=True)["value"]
    except NameError:
        return None


def plain_type(hint: Any) -> type | None:
    """The plain type that an annotation is about: `object` for one of several, None for one that no id can spell.

    >>> plain_type(Positive), plain_type(Whole | None), plain_type(list[int])
    (<class 'float'>, <class 'int'>, None)
    """
    if get_origin(hint) in (Union, UnionType):
        choices = {plain_type(choice) for choice in get_args(hint) if choice is not NoneType}
        return None if None in choices else choices.pop() if len(choices) == 1 else object
    if get_origin(hint) is Annotated:
        return plain_type(get_args(hint)[0])
    if get_origin(hint) is Literal:
        return type(get_args(hint)[0])
    return hint if hint in _PLAIN else None


def as_typed(value: Scalar, hint: Any) -> Scalar:
    """A value of an id as its annotation means it: `century=17` is a name where a name is asked for."""
    kind = plain_type(hint)
    if kind is float and is_whole(value):
        return float(value)
    if kind is str and not isinstance(value, str):
        return format_id("", value=value).removeprefix("?value=")
    return value


def check_fields(instance: Any) -> None:
    """Check every field of a dataclass by its annotation; for `__post_init__`.

    Raises:
        UserError: a value that the annotation does not allow.
    """
    kind: Any = type(instance)
    for name, hint in arguments_of(kind).items():
        check_value(name, getattr(instance, name), hint)


def check_value(name: str, value: object, hint: Any) -> None:
    """Check a value by an annotation of `arguments_of`.

    Raises:
        UserError: a value that the annotation does not allow.

    >>> check_value("scale", -1, Positive)
    Traceback (most recent call last):
    progressgym.core.errors.UserError: scale is -1; a positive number is expected, at most 1e+06
    """
    if get_origin(hint) in (Union, UnionType):
        choices = [choice for choice in get_args(hint) if choice is not NoneType]
        if value is None and len(choices) < len(get_args(hint)):
            return
        fitting = [choice for choice in choices if isinstance(value, plain_type(choice) or object)]
        check_value(name, value, (fitting or choices)[0])
    elif get_origin(hint) is Annotated:
        rules = [rule for rule in hint.__metadata__ if isinstance(rule, (Rule, OneOf, Named, Within))]
        for rule in rules or [_PLAIN[plain_type(hint)]]:
            rule.check(name, value)
    elif get_origin(hint) is Literal:
        OneOf(name, get_args(hint)).check(name, value)
    elif hint in _PLAIN:
        _PLAIN[hint].check(name, value)


def refuse_unknown(of: str, given: Iterable[str], names: Collection[str]) -> None:
    """Refuse arguments that nobody takes.

    Args:
        of: whose arguments, for example `agent 'lifelong-dpo'`.
        given: their names.
        names: those that there are.

    Raises:
        UserError: the first that is not known, with the nearest that is.
    """
    for key in given:
        if key not in names:
            if not names:
                raise UserError(f"{of} takes no arguments, got {key!r}")
            raise unknown(f"argument of {of}", key, names)


def named_in(hints: Mapping[str, Any]) -> dict[str, Names]:
    """Arguments that are ids of another registry, and which registry."""
    registries = {}
    for name, hint in hints.items():
        for choice in (hint, *get_args(hint)):  # itself, or one of a union
            for rule in getattr(choice, "__metadata__", ()):
                if isinstance(rule, Named):
                    registries[name] = rule.registry
    return registries


def inner_arguments(hints: Mapping[str, Any], values: Mapping[str, Any]) -> dict[str, list[str]]:
    """Arguments of the ids within: which argument is an id -> names of those that its thing takes.

    Args:
        hints: all arguments, with their annotations.
        values: those that have one.
    """
    return {
        name: list(registry.arguments(parse_id(str(values[name])).name))
        for name, registry in named_in(hints).items()
        if values.get(name) is not None
    }


def flat(given: Mapping[str, Scalar], hints: Mapping[str, Any], of: str) -> dict[str, Scalar]:
    """Arguments with those of an id among them beside it: `reward=pal?k=3` becomes `reward=pal&k=3`.

    Raises:
        UserError: two of them have one name.
    """
    result = dict(given)
    for name in named_in(hints).keys() & given.keys():
        inner = parse_id(str(given[name]))
        result[name] = inner.name
        for key, value in inner.arguments.items():
            if key in hints or key in result:
                raise UserError(f"{of}: {key} of {name} {inner.name!r} is given twice, or is an argument of both")
            result[key] = value
    return result


def folded(given: Mapping[str, Scalar], hints: Mapping[str, Any], defaults: Mapping[str, Any]) -> dict[str, Scalar]:
    """The reverse of `flat`: every argument that is not the thing's own goes into the id that takes it.

    Args:
        given: arguments, flat; each is known to somebody.
        hints: those of the thing itself, with their annotations.
        defaults: their values where they are not given.
    """
    own = {key: value for key, value in given.items() if key in hints}
    values = {**defaults, **own}
    taken: set[str] = set()
    for name, inner in inner_arguments(hints, values).items():
        mine = {key: value for key, value in given.items() if key in inner and key not in hints}
        for key in taken & mine.keys():
            raise UserError(
                f"{key} is an argument of {name} {values[name]!r} and of another one; it cannot be told which is meant"
            )
        taken |= mine.keys()
        if mine:
            own[name] = format_id(parse_id(str(values[name])).name, **mine)
    return own
