"""The price of inconvenience: for how much money somebody waits, walks or is patient, by offers.

Acceptance p of an offer follows the logarithm of the reward r in euros,

    logit p = b0 + b1 log10 r,     log10 price = -b0 / b1,

fitted for each phrasing and quantity (`progressgym.instruments.indifference`). The value is log10 of the price of an hour, a
kilometre, a week: the mean over phrasings, with their interval. After Cedro et al. (2025, arXiv 2506.17367), with nine rewards,
half of them round numbers, in place of 21, and scenarios of our own. Flags:

* `monotone`: share of steps to a higher reward after which no less is accepted;
* `freebie`: mean acceptance of money for nothing at all (quantity 0);
* `round_dent`: how much less 10 and 100 euros are accepted than the mean of the two rewards beside them;
* `phrasing_spread`: standard deviation of log10 price over phrasings, mean over kinds.

Where acceptance does not rise with the reward, or the price lies outside 0.1 to 1,000 euros, the kind is not fit. A price is
no value of the 19: none is covered.

Legend of shapes: S scenarios (kinds x phrasings), Q quantities of each, R rewards.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from progressgym.core.answers import Floats
from progressgym.core.arguments import check_fields
from progressgym.core.errors import UserError, unknown
from progressgym.instruments.ask import ReadingConfig, ask
from progressgym.instruments.choosers import Coherent
from progressgym.instruments.estimates import interval_of
from progressgym.instruments.fitness import examined
from progressgym.instruments.indifference import dents, indifference_point, rising
from progressgym.instruments.measures.bank import shipped_bank
from progressgym.instruments.protocol import Planting, Question, Reading

NAME = "inconvenience"
KINDS = ("wait", "walk", "delay")
REWARDS = 10.0 ** np.linspace(-1, 3, 9)
"""(R,) in euros: 0.1 to 1,000, every second a power of ten."""
ROUND = (4, 6)
"""Places of 10 and 100 euros."""
QUANTITIES = 4
"""Q of every scenario: none, a little, the one that has a price, much."""
PRICED = 2
CONFIG = ReadingConfig(
    framings=(" I have made up my mind:", " My answer:"), neutral_context="Somebody makes me an offer.", temperature=0.5
)


@dataclass(kw_only=True, frozen=True)
class Scenario:
    """An offer in one phrasing."""

    id: str
    kind: str
    prompt: str
    accept: str
    """With `{quantity}` and `{reward}`."""
    decline: str
    """With `{quantity}` and `{reward}`, so that both options speak of the same offer."""
    quantities: tuple[float, ...]
    """Q rising numbers, the first of them 0."""

    def __post_init__(self) -> None:
        """Check what a file can get wrong."""
        if self.kind not in KINDS:
            raise unknown("kind of inconvenience", self.kind, KINDS)
        if not all("{quantity}" in text and "{reward}" in text for text in (self.accept, self.decline)):
            raise UserError("both answers need {quantity} and {reward}")
        if len(self.quantities) != QUANTITIES or self.quantities[0] != 0 or min(np.diff(self.quantities)) <= 0:
            raise UserError(f"quantities are {QUANTITIES} rising numbers that begin with 0")
        if not self.prompt.strip():
            raise UserError("a scenario needs a prompt")

    def options(self, quantity: float, reward: float) -> tuple[str, str]:
        """Take the offer, or leave it."""
        filled = {"quantity": f"{quantity:g}", "reward": f"{reward:.2f} euros"}
        return self.accept.format(**filled), self.decline.format(**filled)


@dataclass(kw_only=True, frozen=True)
class Inconvenience:
    """For how much money somebody waits an hour, walks a kilometre, or is patient for a week."""

    mode: str = "cloze"
    """How a language model is asked, see `progressgym.instruments.ask`."""

    def __post_init__(self) -> None:
        """Check fields."""
        check_fields(self)

    @property
    def name(self) -> str:
        """With the mode, where it is not the default."""
        return NAME if self.mode == "cloze" else f"{NAME}?mode={self.mode}"

    @property
    def dimensions(self) -> tuple[str, ...]:
        """log10 of prices in euros."""
        return KINDS

    @property
    def scenarios(self) -> tuple[Scenario, ...]:
        """S of them."""
        return shipped_bank(NAME, Scenario)

    def questions(self) -> tuple[Question, ...]:
        """Every quantity for every reward, rewards changing fastest."""
        return tuple(
            Question(id=f"{one.id}: {quantity:g} for {reward:.2f}", prompt=one.prompt, options=one.options(quantity, reward))
            for one in self.scenarios
            for quantity in one.quantities
            for reward in REWARDS
        )

    def read(self, respondent: Any) -> Reading:
        """Make every offer."""
        asked = ask(respondent, self.questions(), config=CONFIG, mode=self.mode)
        kinds = [one.kind for one in self.scenarios]
        accepted = asked.answers[:, 0].reshape(len(kinds), QUANTITIES, len(REWARDS))
        points = [indifference_point(np.log10(REWARDS), row) for row in accepted[:, PRICED]]
        prices = np.array([point.at for point in points])
        members = np.array([[kind == name for name in KINDS] for kind in kinds])
        values, interval = interval_of(np.where(np.isfinite(prices), prices, np.nan), members)
        spreads = [prices[rows].std(ddof=1) for rows in members.T if np.isfinite(prices[rows]).all()]
        flags = {
            "monotone": float(rising(accepted[:, 1:]).mean()),
            "freebie": float(accepted[:, 0].mean()),
            "round_dent": float(dents(accepted, ROUND).mean()),
        } | ({"phrasing_spread": float(np.mean(spreads))} if spreads else {})
        reasons = {name: _fault([points[place].code for place in np.flatnonzero(rows)]) for name, rows in zip(KINDS, members.T, strict=True)}
        odd = [name for name, why in reasons.items() if why]
        values[[name in odd for name in KINDS]] = np.nan
        interval[:, [name in odd for name in KINDS]] = np.nan
        reading = Reading.of(
            asked,
            self,
            values=values,
            interval=interval,
            flags=flags,
            unfit={name: reasons[name] for name in odd},
            tables={"accepted": accepted.reshape(-1, len(REWARDS)), "log10_price": prices[:, None]},
        )
        return examined(reading, np.repeat(members, QUANTITIES * len(REWARDS), axis=0))

    def planted(self) -> Planting:
        """Somebody whose hour costs 5 euros, whose kilometre 2, whose week 20, and whose price grows with the quantity."""
        base = {"wait": np.log10(5.0), "walk": np.log10(2.0), "delay": np.log10(20.0)}
        worth = {
            one.options(quantity, reward)[0]: np.log10(reward) - base[one.kind] - np.log10(max(quantity, 1e-6) / one.quantities[PRICED])
            for one in self.scenarios
            for quantity in one.quantities
            for reward in REWARDS
        }
        return Planting(
            respondent=Coherent(utility=lambda text: float(worth.get(text, 0.0)), temperature=0.25), values=base, within=0.04
        )


def _fault(codes: Sequence[str]) -> str:
    """Why a kind has no price: what most phrasings have against it; "" where each has one."""
    bad = [code for code in codes if code]
    return max(set(bad), key=bad.count) if bad else ""
