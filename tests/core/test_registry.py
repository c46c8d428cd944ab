"""Ids and their arguments: one grammar, one checker, whatever is named."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from progressgym.core.arguments import Count, Named, OneOf, Positive, Whole, arguments_of, check_fields, check_value
from progressgym.core.errors import UserError
from progressgym.core.ids import format_id, parse_id
from progressgym.core.registry import Entry, Registry

HERE = "tests.core.test_registry"


def line(*, slope: Positive = 1.0, knots: Count = 2) -> tuple[float, int]:
    return slope, knots


def flat() -> str:
    return "flat"


SHAPES = Registry(
    "shape",
    (
        Entry(name="line", summary="straight", target=f"{HERE}:line"),
        Entry(name="steep", summary="straight up", target=f"{HERE}:line", defaults={"slope": 9.0}),
        Entry(name="bend", summary="with one knot", target=f"{HERE}:line", fixed={"knots": 1}),
        Entry(name="flat", summary="", target=f"{HERE}:flat"),
    ),
    group="progressgym.tests",
    row=Entry,
)


@dataclass(kw_only=True, frozen=True)
class Base:
    """What others share."""

    size: Whole = 0
    name: str = "x"


@dataclass(kw_only=True, frozen=True)
class Drawing(Base):
    """A drawing."""

    shape: Annotated[str, Named(SHAPES)] = "line"
    colour: Annotated[str, OneOf("colour", ("red", "blue"))] | None = None
    dashed: bool = False
    every: str | int = "all"
    mode: Literal["fast", "slow"] = "fast"
    weight: float = 0.0
    tags: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        check_fields(self)


@dataclass(kw_only=True, frozen=True)
class Pair:
    """Two ids within, one of which may be missing."""

    first: Annotated[str, Named(SHAPES)] = "flat"
    second: Annotated[str, Named(SHAPES)] | None = None


@dataclass(kw_only=True, frozen=True)
class Needy:
    """Takes an argument without default."""

    what: str


DRAWINGS = Registry(
    "drawing",
    (
        Entry(name="drawing", summary="", target=f"{HERE}:Drawing"),
        Entry(name="needy", summary="", target=f"{HERE}:Needy"),
        Entry(name="pair", summary="", target=f"{HERE}:Pair"),
        Entry(name="thing", summary="", target=f"{HERE}:HERE"),
    ),
    group="progressgym.tests",
    row=Entry,
)


def test_arguments_are_the_fields_that_an_id_can_spell() -> None:
    assert list(arguments_of(Drawing)) == ["size", "name", "shape", "colour", "dashed", "every", "mode", "weight"]
    assert list(arguments_of(line)) == ["slope", "knots"] and arguments_of(flat) == {}


def test_an_entry_is_made_with_its_own_arguments() -> None:
    assert SHAPES.make("line") == (1.0, 2) and SHAPES.make("line?slope=3") == (3.0, 2)
    assert SHAPES.make("steep") == (9.0, 2) and SHAPES.make("steep?slope=2") == (2.0, 2)
    assert SHAPES.make("bend") == (1.0, 1) and SHAPES.make("flat") == "flat"


def test_arguments_of_an_id_within_stand_beside_it() -> None:
    """Flat or nested, in any order: one id, one thing."""
    wanted = Drawing(shape="line?slope=3", size=2)
    for text in ("drawing?shape=line&slope=3&size=2", "drawing?slope=3&size=2", "drawing?size=2&shape=line?slope=3"):
        assert DRAWINGS.make(text) == wanted
    assert DRAWINGS.check("drawing?shape=line?slope=3&size=2") == "drawing?shape=line&size=2&slope=3"


def test_an_id_within_may_be_missing() -> None:
    assert DRAWINGS.make("pair") == Pair() and DRAWINGS.make("pair?second=line&slope=2") == Pair(second="line?slope=2")


def test_a_name_that_looks_like_a_number_is_a_name() -> None:
    assert DRAWINGS.make("drawing?name=17").name == "17" and DRAWINGS.make("drawing?name=true").name == "true"
    assert DRAWINGS.make("drawing?every=17").every == 17 and DRAWINGS.make("drawing?weight=2").weight == 2.0


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("drawin", "unknown drawing 'drawin' (did you mean 'drawing'?); known: drawing, needy, pair, thing"),
        ("drawing?sise=1", "unknown argument of drawing 'drawing' 'sise' (did you mean 'size'?); known: size, name"),
        ("drawing?size=-1", "size is -1; use a whole number from 0 to 1000000"),
        ("drawing?size=1.5", "size is 1.5; use a whole number from 0 to 1000000"),
        ("drawing?size=true", "size is True; use a whole number from 0 to 1000000"),
        ("drawing?dashed=1", "dashed is 1; use true or false"),
        ("drawing?colour=rod", "unknown colour 'rod' (did you mean 'red'?); known: red, blue"),
        ("drawing?mode=fst", "unknown mode 'fst' (did you mean 'fast'?); known: fast, slow"),
        ("drawing?weight=nan", "weight of 'drawing' is no finite number"),
        ("drawing?weight=heavy", "weight is 'heavy'; a number is expected"),
        ("drawing?shape=lin", "unknown shape 'lin' (did you mean 'line'"),
        ("drawing?shape=flat&slope=2", "unknown argument of drawing 'drawing' 'slope'"),
        ("drawing?slope=0", "slope is 0; a positive number is expected"),
        ("drawing?shape=line?slope=1&slope=2", "is given twice"),
        ("drawing?shape=bend&knots=2", "unknown argument of drawing 'drawing' 'knots'"),
        ("drawing?tags=a", "unknown argument of drawing 'drawing' 'tags'"),
        ("drawing?size", "cannot read the arguments"),
        ("drawing?size=1&size=1", "an argument is given twice"),
        ("pair?first=line&second=steep&slope=2", "slope is an argument of second 'steep' and of another one"),
        ("pair?slope=2", "unknown argument of drawing 'pair' 'slope'"),
        ("thing", "drawing 'thing' is a str, not a class or function"),
        ("needy", "drawing 'needy' needs what; write needy?what=..."),
    ],
)
def test_what_is_wrong_is_said_in_one_line(text: str, message: str) -> None:
    with pytest.raises(UserError) as caught:
        DRAWINGS.make(text)
    assert message in str(caught.value) and "\n" not in str(caught.value)


def test_nothing_takes_no_arguments() -> None:
    with pytest.raises(UserError, match="shape 'flat' takes no arguments, got 'slope'"):
        SHAPES.check("flat?slope=1")


def test_fields_are_checked_in_python_as_in_ids() -> None:
    for wrong in ({"size": -1}, {"colour": "green"}, {"dashed": "no"}, {"shape": "lin"}, {"every": 1.5}):
        values: dict[str, Any] = wrong
        with pytest.raises(UserError):
            Drawing(**values)


def test_ones_own_code_is_named_by_module_and_class() -> None:
    assert SHAPES.make(f"{HERE}:line?slope=2") == (2.0, 2)
    for text, message in [
        (f"{HERE}:lines", "has no class 'lines'"),
        ("nowhere:line", "no module 'nowhere' for shape 'nowhere:line'"),
    ]:
        with pytest.raises(UserError, match=message):
            SHAPES.make(text)
    assert not SHAPES.offers("nowhere:line") and SHAPES.offers(f"{HERE}:line?slope=2")


@given(st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text()))
def test_a_checked_number_is_one(value: object) -> None:
    try:
        check_value("scale", value, Positive)
    except UserError:
        return
    assert isinstance(value, (int, float)) and not isinstance(value, bool) and 0 < value < math.inf


@given(
    st.fixed_dictionaries({}, optional={"size": st.integers(0, 9), "slope": st.integers(1, 9), "dashed": st.booleans()})
)
def test_checking_again_changes_nothing(arguments: dict[str, Any]) -> None:
    once = DRAWINGS.check(format_id("drawing", **arguments))
    assert DRAWINGS.check(once) == once and parse_id(once).arguments == arguments
