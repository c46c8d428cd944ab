"""Skill with its 95 % interval, from a joint bootstrap of items and seeds (`progressgym.scores.resampling`).

**What is estimated.** Skill as defined, on a questionnaire of this length: R = (E U - E U_static) / (E U_ref -
E U_static), the expectations over draws of N items from the items' population and over seeds, given the history.
Cosines of finitely many items are attenuated, and an agent whose errors are noise loses more than the reference, so R
differs from the skill on an endless questionnaire. `SkillEstimate.item_bias` estimates that difference to first order.

**Why not percentiles, BCa or the basic interval.** Resampled items carry the items' noise twice, so the resamples are
shifted against the estimate by about the estimate's own bias again, often by more than their spread: percentile
intervals then exclude their own estimate. BC and BCa (Efron 1987, JASA 82) read that shift off as the share of resamples
below the estimate and assume it small beside the spread; where the share is near 0 or 1 the corrected percentiles run
into the last few resamples (measured coverage of nominal 95 %: 19 to 96 %). The basic interval (reflected quantiles) excludes its
own estimate whenever the percentile interval does, and reflecting a lead that is positive and skewed puts resamples
where they cannot be.

**What is used instead.** Percentiles whose bias is removed: each utility difference X is resampled as X^ + (X_b -
mean(X_b)), centred on the estimate, with the spread and the skew of the resamples. A ratio R is inside when 0 is inside
the interval of Y - R L, with Y = U - U_static and L = U_ref - U_static (the argument of Fieller 1954); where resampled
leads are positive that is whether R is between the 2.5 % and 97.5 % quantiles of Y_b / L_b. A resample without a lead
cannot bound skill: it counts as unbounded on the side of its numerator and is never left out.

**When there is something to rank.** A distance between centuries that is only the noise of the items is positive too, so
percentiles of L never reach 0. The bound that decides is the bias-corrected normal one (Davison & Hinkley 1997, eq. 5.6):
(2 L^ - mean(L_b)) - 1.96 sd(L_b). Skill is None unless it is above 1e-6, and unless fewer than 2.5 % of the resamples have no
lead, so that the interval is finite.

Coverage, false alarms and power on synthetic data with known truth: `docs/statistics.md`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from progressgym.scores.resampling import RESAMPLES, Panel
from progressgym.scores.skill import IDENTIFIED, skill
from progressgym.scores.utilities import Utility

Floats = NDArray[np.float64]
LEVEL = 0.95
NORMAL_QUANTILE = 1.959963984540054
FEW_SEEDS = 5
"""Below this many seeds an interval deserves a warning."""


@dataclass(kw_only=True, frozen=True)
class Interval:
    """A number with its 95 % bootstrap interval."""

    low: float
    """2.5 % bound."""
    mid: float
    """The estimate on the data as they are; never outside of its bounds."""
    high: float
    """97.5 % bound."""


@dataclass(kw_only=True, frozen=True)
class SkillEstimate:
    """What one agent reached on one challenge and history."""

    skill: Interval | None
    """None when the reference's lead over static is not identified; then there is nothing to rank."""
    item_bias: float | None
    """How much `skill.mid` exceeds (negative: falls short of) the skill on an endless questionnaire, to first order."""
    utility: Interval
    """The agent's utility, sum over steps, mean over seeds."""
    static: float
    """U_static."""
    reference: float
    """U_ref."""
    lead: Interval
    """U_ref - U_static; the lower bound is the lower one of the centred and the bias-corrected interval."""
    seeds: int
    """How many seeds the agent was run with."""
    runs: tuple[float, ...]
    """(S,) a run's own (U - U_static) / (mean lead); their mean is `skill.mid`. Empty when not identified."""


def bootstrap_skill(
    *,
    agent: ArrayLike,
    static: ArrayLike,
    reference: ArrayLike,
    human: ArrayLike,
    masses: ArrayLike,
    utility: Utility,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> SkillEstimate:
    """Skill, utility and the reference's lead with 95 % intervals, for a single agent; see `Panel.draw`.

    Args:
        agent: (S, n, N, D) item contributions of the agent's answers.
        static: (S or 1, n, N, D) of answering as in century 0.
        reference: (S or 1, n, N, D) of the truth.
        human: (S or 1, T, N, D) of the human path.
        masses: (N, D).
        utility: for example `follow_utilities`.
        resamples: B.
        seed: of the resampling.

    Raises:
        UserError: arrays that do not fit each other.
    """
    path = np.asarray(agent, dtype=np.float64)
    panel = Panel.draw(
        static=static,
        reference=reference,
        human=human,
        masses=masses,
        utility=utility,
        seeds=path.shape[0] if path.ndim else 0,
        resamples=resamples,
        seed=seed,
    )
    return estimate_skill(panel, panel.utilities(path))


def estimate_skill(panel: Panel, utilities: Floats) -> SkillEstimate:
    """Skill, utility and lead from the utilities of an agent on every resample.

    Args:
        panel: what the agent is compared with.
        utilities: (R, S or 1), see `Panel.utilities`.
    """
    u, u_draws = panel.mean(utilities)
    static, static_draws = panel.mean(panel.static)
    reference, reference_draws = panel.mean(panel.reference)
    gain, gains = u - static, u_draws - static_draws
    lead, leads = reference - static, reference_draws - static_draws
    bounds = centred_interval(lead, leads)
    identified = Interval(low=min(bounds.low, _corrected_low(lead, leads)), mid=lead, high=bounds.high)
    mid = skill(u, static, reference, identified.low)
    ratio, bias, runs = None, None, ()
    if mid is not None:
        ratio = ratio_interval(gain, gains, lead, leads)
        endless = 2 * lead - float(leads.mean())
        bias = mid - (2 * gain - float(gains.mean())) / endless if endless > IDENTIFIED else None
        own = np.broadcast_to(utilities[0] - panel.static[0], (panel.seeds,)) / lead
        runs = tuple(own.tolist())
    plain = centred_interval(u, u_draws)
    return SkillEstimate(
        skill=ratio,
        item_bias=bias,
        utility=Interval(low=max(plain.low, -panel.steps), mid=u, high=max(min(plain.high, panel.steps), u)),
        static=static,
        reference=reference,
        lead=identified,
        seeds=panel.seeds,
        runs=runs,
    )


def centred_interval(mid: float, draws: ArrayLike) -> Interval:
    """Percentile interval of the draws after moving their mean onto the estimate, which removes their bias.

    >>> centred_interval(1.0, [4.0, 5.0, 6.0])
    Interval(low=0.0, mid=1.0, high=2.0)
    """
    samples = np.asarray(draws, dtype=np.float64)
    low, high = tails(mid + (samples - samples.mean()))
    return Interval(low=min(low, mid), mid=mid, high=max(high, mid))


def ratio_interval(gain: float, gains: ArrayLike, lead: float, leads: ArrayLike) -> Interval:
    """Interval of gain / lead on centred resamples; see the module's text.

    Args:
        gain: numerator on the data.
        gains: (B,) numerator on the resamples.
        lead: denominator on the data, positive.
        leads: (B,) denominator on the same resamples. Those that come out without a lead count as unbounded.

    Returns:
        Bounds may be infinite when 2.5 % of the resamples or more have no lead.
    """
    top, bottom = np.asarray(gains, dtype=np.float64), np.asarray(leads, dtype=np.float64)
    numerator, denominator = gain + (top - top.mean()), lead + (bottom - bottom.mean())
    bounded = denominator > IDENTIFIED
    endless = np.where(numerator == 0.0, 0.0, np.copysign(np.inf, numerator))
    low, high = tails(np.where(bounded, numerator / np.where(bounded, denominator, 1.0), endless))
    mid = gain / lead
    return Interval(low=min(low, mid), mid=mid, high=max(high, mid))


def _corrected_low(mid: float, draws: Floats) -> float:
    """2.5 % bound of a difference corrected for its bias: distances that are all noise come out at or below 0.

    Distances that are only the noise of the items double when the items are drawn again, so 2 X^ - mean(X_b) is what
    remains of them on an endless questionnaire.
    """
    return 2 * mid - float(draws.mean()) - NORMAL_QUANTILE * float(draws.std())


def tails(samples: Floats) -> tuple[float, float]:
    """The order statistics that leave 2.5 % of the samples (rounded down) outside on either side."""
    ordered = np.sort(samples)
    outside = int(len(ordered) * (1 - LEVEL) / 2 + 1e-9)
    return float(ordered[outside]), float(ordered[len(ordered) - 1 - outside])
