"""What utilities say of trade and of time: how much of one thing another is worth, and what waiting costs.

a good X of which there are N      u = a ln N + b, least squares over its amounts
N of X are worth M of Y            ln M = (b_X - b_Y + a_X ln N) / a_Y
one X is worth                     exp of the mean of ln (M / N) over X's amounts, and of the same from Y's side

later dollars or dollars today     P(later) = sigma(s (ln (later / today) - r years)), maximum likelihood
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from progressgym.core.answers import Floats
from progressgym.core.dimensions import DIMENSIONS
from progressgym.core.errors import UserError, unknown
from progressgym.core.fits import lowest


@dataclass(kw_only=True, frozen=True)
class Outcome:
    """Something that may happen: an amount of a good, or a deed that upholds (+1) or violates (-1) a dimension."""

    id: str
    text: str
    good: str = ""
    amount: float = 0.0
    dimension: str = ""
    tag: int = 0

    def __post_init__(self) -> None:
        """Check that it is one of the two."""
        if not self.text.strip() or bool(self.good) == bool(self.dimension):
            raise UserError(f"outcome {self.id!r} needs a text, and either a good or a dimension")
        if self.dimension and self.dimension not in DIMENSIONS:
            raise unknown(f"dimension of outcome {self.id!r}", self.dimension, DIMENSIONS)
        if (self.good and self.amount <= 0) or (self.dimension and self.tag not in (-1, 1)):
            raise UserError(f"outcome {self.id!r} needs an amount above 0, or a tag of -1 or 1")


def good_line(amounts: Floats, utilities: Floats) -> tuple[float, float]:
    """(a, b) of u = a ln N + b.

    >>> a, b = good_line(np.array([1.0, 10.0, 100.0]), np.array([2.0, 3.0, 4.0]))
    >>> round(float(a * np.log(10)), 6), round(b, 6)
    (1.0, 2.0)
    """
    slope, level = np.polyfit(np.log(amounts), utilities, 1)
    return float(slope), float(level)


def log_rate(good: tuple[float, float], money: tuple[float, float], amounts: Floats, dollars: Floats) -> float:
    """log10 of the dollars that one of a good is worth; NaN where more of either is not worth more.

    Args:
        good: its line.
        money: the line of dollars.
        amounts: of the good.
        dollars: amounts of money.

    >>> amounts, dollars = np.array([1.0, 10.0]), np.array([1.0, 1e6])
    >>> round(log_rate((2.0, 2.0 * np.log(20.0)), (2.0, 0.0), amounts, dollars), 6)
    1.30103
    """
    (a, b), (slope, level) = good, money
    if a <= 0 or slope <= 0:
        return float("nan")
    worth = (b - level + a * np.log(amounts)) / slope - np.log(amounts)
    price = np.log(dollars) - (level - b + slope * np.log(dollars)) / a
    return float((worth.mean() + price.mean()) / 2.0 / np.log(10.0))


def goods_values(utilities: Floats, goods: Mapping[str, Floats], money: str) -> dict[str, float]:
    """What ten times the money adds to utility, and log10 of the money that one of every other good is worth.

    Args:
        utilities: (M,) of things.
        goods: good -> (M,) how many of it each thing is; NaN where it is something else.
        money: name of the good that others are counted in.

    Returns:
        NaN where more of the good, or of money, is not worth more.
    """
    amounts = {name: table[~np.isnan(table)] for name, table in goods.items()}
    lines = {name: good_line(amounts[name], utilities[~np.isnan(table)]) for name, table in goods.items()}
    slope = lines[money][0] * float(np.log(10.0))
    values = {name: log_rate(lines[name], lines[money], amounts[name], amounts[money]) for name in goods}
    return values | {money: slope if slope > 0 else float("nan")}


def discount_rate(times: Floats, years: Floats, shares: Floats) -> tuple[float, float]:
    """(s, r): how much more dollars count, and the yearly rate at which waiting eats them up.

    Args:
        times: dollars later over dollars today.
        years: of waiting.
        shares: of choices of the later dollars.
    """
    features = np.stack([np.log(times), -years], axis=1)

    def loss(x: Floats) -> tuple[float, Floats]:
        z = features @ x
        gradient: Floats = features.T @ (1.0 / (1.0 + np.exp(-z)) - shares)
        return float(np.logaddexp(0.0, z).sum() - shares @ z + 1e-4 * x @ x), gradient + 2e-4 * x

    scale, cost = lowest(loss, np.zeros(2), what="a rate of discounting")
    return float(scale), float(cost / scale) if scale > 0 else float("nan")
