"""Time courses of the synthetic families: how a coordinate moves through the centuries.

Every family turns standard normal numbers, one set per coordinate, and a few uniform numbers that all coordinates
share (when a break happens, how fast a cycle turns) into courses that start at 0. The same family moves the stance of
the whole population and, with other numbers, each item's own part.

Legend of shapes: T centuries, C coordinates, R normal numbers a coordinate.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from progressgym.core.registry import Entry, Registry

Floats = NDArray[np.float64]
SHARED = 2
"""How many uniform numbers all coordinates share."""
SIDE_DRIFT = 0.2
"""An abrupt history also drifts a little before and after its break, relative to the break."""


@dataclass(kw_only=True, frozen=True)
class Family:
    """One kind of dynamics."""

    draws: Callable[[int], int]
    """T -> R."""
    courses: Callable[[Floats, Floats, int], Floats]
    """(normals (R, C), shared (SHARED,), T) -> courses (T, C), zero in century 0."""
    linear: bool = False
    """Whether courses are a product of some (T, R) with the normals: then many histories are made at once."""
    shared: bool = True
    """Whether courses depend on the shared numbers."""


def _time(centuries: int) -> Floats:
    courses: Floats = np.linspace(0.0, 1.0, centuries)[:, None]
    return courses


def _break_at(uniform: float, centuries: int) -> int:
    """A century in the middle half, where there is one."""
    first, last = max(1, centuries // 4), max(1, (3 * centuries) // 4)
    return min(first + int(uniform * (last - first + 1)), centuries - 1)


def _linear(z: Floats, shared: Floats, centuries: int) -> Floats:
    courses: Floats = _time(centuries) * z[0]
    return courses


def _quadratic(z: Floats, shared: Floats, centuries: int) -> Floats:
    u = _time(centuries)
    courses: Floats = u**2 * z[0] + 2.0 * u * (1.0 - u) * z[1]
    return courses


def _cyclic(z: Floats, shared: Floats, centuries: int) -> Floats:
    angle = 2.0 * np.pi * (0.6 + 0.6 * shared[0]) * _time(centuries)
    courses: Floats = np.sin(angle) * z[0] + 0.5 * (1.0 - np.cos(angle)) * z[1]
    return courses


def _abrupt(z: Floats, shared: Floats, centuries: int) -> Floats:
    after = np.arange(centuries)[:, None] >= _break_at(shared[0], centuries)
    courses: Floats = after * z[0] + SIDE_DRIFT * _time(centuries) * z[1]
    return courses


def _reversal(z: Floats, shared: Floats, centuries: int) -> Floats:
    turn = _break_at(shared[0], centuries)
    t = np.arange(centuries)[:, None]
    courses: Floats = np.where(t <= turn, t, 2 * turn - t) / turn * z[0]
    return courses


def _random_walk(z: Floats, shared: Floats, centuries: int) -> Floats:
    steps = np.concatenate([np.zeros((1, z.shape[1])), z])
    courses: Floats = steps.cumsum(0) / np.sqrt(max(centuries - 1, 1))
    return courses


# Draws are named, not lambdas: environments that hold a family can be pickled.
def _one(centuries: int) -> int:
    return 1


def _two(centuries: int) -> int:
    return 2


def _one_a_step(centuries: int) -> int:
    return max(centuries - 1, 1)


LINEAR = Family(draws=_one, courses=_linear, linear=True, shared=False)
QUADRATIC = Family(draws=_two, courses=_quadratic, linear=True, shared=False)
CYCLIC = Family(draws=_two, courses=_cyclic, linear=True)
ABRUPT = Family(draws=_two, courses=_abrupt, linear=True)
REVERSAL = Family(draws=_one, courses=_reversal, linear=True)
RANDOM_WALK = Family(draws=_one_a_step, courses=_random_walk, linear=True, shared=False)
PLURAL = Family(draws=_one, courses=_linear)

_HERE = "progressgym.histories.families"
FAMILIES = Registry(
    "synthetic family",
    (
        Entry("linear", "every coordinate moves at its own constant speed", f"{_HERE}:LINEAR"),
        Entry(
            "quadratic",
            "constant acceleration: speed and direction of every coordinate change smoothly",
            f"{_HERE}:QUADRATIC",
        ),
        Entry(
            "cyclic", "a swing of 0.6 to 1.2 periods, each coordinate with its own size and phase", f"{_HERE}:CYCLIC"
        ),
        Entry(
            "abrupt", "a jump in one century of the middle half, with a slow drift before and after", f"{_HERE}:ABRUPT"
        ),
        Entry("reversal", "a steady trend that turns back in one century of the middle half", f"{_HERE}:REVERSAL"),
        Entry(
            "random-walk", "independent steps: the last century is the best forecast there is", f"{_HERE}:RANDOM_WALK"
        ),
        Entry(
            "plural",
            "three groups with stances and linear drifts of their own, and weights that shift",
            f"{_HERE}:PLURAL",
        ),
    ),
    group="progressgym.families",
    row=Entry,
)
"""Names of families, each a `Family`: `synthetic:linear`."""


def family_of(name: str) -> Family:
    """The family of a name.

    Raises:
        UserError: no such family.
    """
    family: Family = FAMILIES.load(name)
    return family
