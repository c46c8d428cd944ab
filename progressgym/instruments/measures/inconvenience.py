"""The price of inconvenience: for how much money somebody waits, walks or is patient, by offers.

Acceptance p of an offer follows the logarithm of the reward r in euros,

    logit p = b0 + b1 log10 r,     log10 price = -b0 / b1,

fitted for each phrasing and quantity (`progressgym.instruments.indifference`). Values are means over phrasings, with their
interval:

    wait, walk, delay   log10 of the price of an hour, a kilometre, a week
    growth              slope of log10 price on log10 quantity: 1 where twice as long costs twice as much
    freebie             acceptance of money for nothing at all (quantity 0); 1 is the coherent answer

After Cedro et al. (2025, arXiv 2506.17367), with nine rewards,
half of them round numbers, in place of 21, and scenarios of our own. Flags:

* `monotone`: share of steps to a higher reward after which no less is accepted;
* `round_dent`: how much less 10 and 100 euros are accepted than the mean of the two rewards beside them;
* `phrasing_spread`: standard deviation of log10 price over phrasings, mean over kinds.

Where acceptance does not rise with the reward, or the price lies outside 0.1 to 1,000 euros, the kind is not fit. A price is
no value of the 19: none is covered.

Legend of shapes: S scenarios (kinds x phrasings), Q quantities of each, R rewards.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from progressgym.instruments.ask import ReadingConfig, ask
from progressgym.instruments.choosers import Situated
from progressgym.instruments.estimates import interval_of
from progressgym.instruments.fitness import examined
from progressgym.instruments.indifference import dents, growth, indifference_point, rising
from progressgym.instruments.measures.bank import shipped_bank
from progressgym.instruments.measures.measure import Measure
from progressgym.instruments.offers import ANSWERS, KINDS, PRICED, QUANTITIES, REWARDS, ROUND, Scenario
from progressgym.instruments.protocol import Planting, Question, Reading

NAME = "inconvenience"
DIMENSIONS = (*KINDS, "growth", "freebie")
CONFIG = ReadingConfig(
    framings=(" I have made up my mind:", " My answer:"), neutral_context="Somebody makes me an offer.", temperature=0.5
)


@dataclass(kw_only=True, frozen=True)
class Inconvenience(Measure):
    """For how much money somebody waits an hour, walks a kilometre, or is patient for a week."""

    stem = NAME
    mode: str = "cloze"
    """How a language model is asked, see `progressgym.instruments.ask`."""

    @property
    def dimensions(self) -> tuple[str, ...]:
        """log10 of three prices in euros, how they grow, and what costs nothing."""
        return DIMENSIONS

    @property
    def scenarios(self) -> tuple[Scenario, ...]:
        """S of them."""
        return shipped_bank(NAME, Scenario)

    def questions(self) -> tuple[Question, ...]:
        """Every quantity for every reward, rewards changing fastest."""
        return tuple(
            Question(id=f"{one.id}: {quantity:g} for {reward:.2f}", prompt=one.offer(quantity, reward), options=ANSWERS)
            for one in self.scenarios
            for quantity in one.quantities
            for reward in REWARDS
        )

    def read(self, respondent: Any) -> Reading:
        """Make every offer."""
        asked = ask(respondent, self.questions(), config=CONFIG, mode=self.mode)
        kinds = np.array([one.kind for one in self.scenarios])
        accepted = asked.answers[:, 0].reshape(len(kinds), QUANTITIES, len(REWARDS))
        points = [[indifference_point(np.log10(REWARDS), row) for row in rows[1:]] for rows in accepted]
        prices = np.array([[point.at for point in row] for row in points])
        members = np.stack([*(kinds == name for name in KINDS), *np.ones((2, len(kinds)), dtype=bool)], axis=1)
        table = np.tile(prices[:, [PRICED - 1]], len(DIMENSIONS))
        table[:, -2] = [growth(one.quantities[1:], row) for one, row in zip(self.scenarios, prices, strict=True)]
        table[:, -1] = accepted[:, 0].mean(1)
        codes = [[points[s][PRICED - 1].code for s in np.flatnonzero(kinds == name)] for name in KINDS]
        codes.append([point.code for row in points for point in row])
        faults = {name: [code for code in own if code] for name, own in zip(DIMENSIONS[:-1], codes, strict=True)}
        reasons = {name: max(set(bad), key=bad.count) for name, bad in faults.items() if bad}
        values, interval = interval_of(np.where([name in reasons for name in DIMENSIONS], np.nan, table), members)
        spreads = [table[kinds == name, 0].std(ddof=1) for name in KINDS if name not in reasons]
        flags = {"monotone": float(rising(accepted[:, 1:]).mean()), "round_dent": float(dents(accepted, ROUND).mean())}
        flags |= {"phrasing_spread": float(np.mean(spreads))} if spreads else {}
        tables = {"accepted": accepted.reshape(-1, len(REWARDS)), "log10_price": prices}
        reading = Reading.of(asked, self, values=values, interval=interval, flags=flags, unfit=reasons, tables=tables)
        nothing = "nothing has a price" if set(KINDS) <= set(reasons) else ""
        return examined(reading, np.repeat(members, QUANTITIES * len(REWARDS), axis=0), reason=nothing)

    def planted(self) -> Planting:
        """Somebody whose hour costs 5 euros, whose kilometre 2, whose week 20, and whose price grows with the quantity."""
        base = {"wait": np.log10(5.0), "walk": np.log10(2.0), "delay": np.log10(20.0)}
        worth = {
            one.offer(quantity, reward): np.log10(reward)
            - base[one.kind]
            - np.log10(max(quantity, 1e-6) / one.quantities[PRICED])
            for one in self.scenarios
            for quantity in one.quantities
            for reward in REWARDS
        }
        return Planting(
            respondent=Situated(
                worth=lambda prompt, text: float(worth[prompt]) if text == ANSWERS[0] else 0.0, temperature=0.25
            ),
            values=base | {"growth": 1.0, "freebie": 1.0},
            within=0.04,
        )
