"""Do instruments agree over the steps of a history? Planted agreement is found, noise is not."""

from __future__ import annotations

import numpy as np
import pytest

from progressgym.core.answers import Floats
from progressgym.core.dimensions import DIMENSIONS
from progressgym.histories.series import Series
from progressgym.histories.validity.convergence import convergence

LABELS = tuple(f"C{n:03}" for n in range(9))


def series(name: str, on19: Floats, labels: tuple[str, ...] = LABELS) -> Series:
    return Series(
        instrument=name,
        labels=labels,
        dimensions=DIMENSIONS,
        values=on19,
        interval=np.stack([on19, on19]),
        unfit=({},) * len(labels),
        on19=on19,
    )


def test_instruments_that_read_the_same_agree_and_noise_does_not() -> None:
    rng = np.random.default_rng(0)
    path = rng.normal(size=(9, 19)).cumsum(0)
    partly = 3.0 * path + 0.5 * rng.normal(size=path.shape)
    partly[:, 10:] = np.nan
    noise = rng.normal(size=path.shape).cumsum(0)
    pairs = {
        (one.first, one.second): one
        for one in convergence([series("a", path), series("b", partly), series("c", noise)])
    }
    agreed, chance = pairs["a", "b"], pairs["a", "c"]
    assert agreed.traits == 10 and agreed.convergent > 0.9 and abs(agreed.discriminant) < 0.3 and agreed.p < 0.01
    assert chance.traits == 19 and chance.p > 0.05 and abs(chance.convergent) < 0.4


def test_what_cannot_be_compared_is_left_out() -> None:
    path = np.random.default_rng(1).normal(size=(9, 19))
    two = np.where(np.arange(19) < 2, path, np.nan)
    still = np.ones((9, 19))
    later = series("later", path, tuple(f"D{n}" for n in range(9)))
    assert convergence([series("a", path), series("two", two), series("still", still), later]) == []
    short = series("s", path[:2], LABELS[:2])
    assert convergence([short, short]) == []
    gap = path.copy()
    gap[3, :4] = np.nan
    assert convergence([series("a", path), series("gap", gap)])[0].traits == 15
    assert convergence([series("a", path), series("a2", path)])[0].convergent == pytest.approx(1.0)
