"""What a preference model is good for besides training: picking the best of n, with a guard or without, and filtering.

    worth of a thing   the mean of the model's margins of it over every thing it stands beside

which is its reward less the others' mean where there is a reward, and also ranks what a circular model says. After Zang et al.
2025 (InternLM-XComposer2.5-Reward, arXiv 2501.12368: one reward, three uses) and Correa 2024 (Dynamic Normativity, arXiv
2406.11039: the best of what the guard lets through, else a refusal).

Legend of shapes: B prompts, n candidates of each, d features.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from progressgym.core.errors import UserError
from progressgym.preferences.models.protocol import PreferenceModel
from progressgym.preferences.pairs import Pairs

Floats = NDArray[np.float64]
REFUSED = -1


@dataclass(kw_only=True, frozen=True, eq=False)
class Picked:
    """One candidate a prompt, or none."""

    choice: NDArray[np.int64]
    """(B,) number of the candidate, `REFUSED` where the guard let none through."""
    worth: Floats
    """(B, n) of all candidates."""
    passed: NDArray[np.bool_]
    """(B, n) what the guard let through."""

    @property
    def refused(self) -> NDArray[np.bool_]:
        """(B,) where nothing is given."""
        refused: NDArray[np.bool_] = self.choice == REFUSED
        return refused

    def of(self, numbers: ArrayLike) -> Floats:
        """The picked candidates' entries of (B, n) numbers, NaN where nothing was given."""
        table = np.asarray(numbers, dtype=np.float64)
        picked: Floats = np.take_along_axis(table, np.maximum(self.choice, 0)[:, None], 1)[:, 0]
        return np.where(self.refused, np.nan, picked)


def worth(model: PreferenceModel, things: ArrayLike, user: int = 0) -> Floats:
    """Worth (B, n) or (n,) of things (B, n, d) or (n, d), each beside those of its own row.

    Args:
        model: fitted.
        things: features.
        user: by whom, for models that know users.

    Raises:
        UserError: other shapes, or margins that are not finite.
    """
    features = np.asarray(things, dtype=np.float64)
    if features.ndim not in (2, 3) or not features.size:
        raise UserError(f"things have shape {features.shape}; (n, d) or (prompts, n, d) is expected")
    rows = features if features.ndim == 3 else features[None]
    prompts, n, d = rows.shape
    left, right = np.repeat(rows, n, axis=1).reshape(-1, d), np.tile(rows, (1, n, 1)).reshape(-1, d)
    margins = np.asarray(model.margin(Pairs.of(left, right, group=user)), dtype=np.float64)
    if margins.shape != (len(left),) or not np.isfinite(margins).all():
        raise UserError(f"{type(model).__name__} gives no {len(left)} finite margins")
    table: Floats = margins.reshape(prompts, n, n).mean(2)
    return table if features.ndim == 3 else table[0]


def best_of_n(model: PreferenceModel, candidates: ArrayLike, user: int = 0) -> Picked:
    """The candidate of largest worth; the first of equals.

    Args:
        model: fitted.
        candidates: (B, n, d).
        user: by whom, for models that know users.
    """
    return guarded_best_of_n(model, candidates, np.zeros(np.shape(candidates)[:2]), threshold=0.0, user=user)


def guarded_best_of_n(
    model: PreferenceModel, candidates: ArrayLike, risk: ArrayLike, *, threshold: float, user: int = 0
) -> Picked:
    """The candidate of largest worth among those that a guard lets through; a refusal where it lets none.

    What the guard lets through has no violation *as the guard sees it*: measure violations by something else.

    Args:
        model: fitted.
        candidates: (B, n, d).
        risk: (B, n) what a guard says of each, the larger the worse.
        threshold: the largest risk that it lets through.
        user: by whom, for models that know users.

    Raises:
        UserError: other shapes, or a risk or threshold that is NaN.
    """
    if np.ndim(candidates) != 3:
        raise UserError(f"candidates have shape {np.shape(candidates)}; (prompts, n, d) is expected")
    table, risks = worth(model, candidates, user), np.asarray(risk, dtype=np.float64)
    if risks.shape != table.shape or np.isnan(risks).any() or math.isnan(threshold):
        raise UserError(f"risk has shape {risks.shape} and threshold {threshold}; numbers {table.shape} are expected")
    passed = risks <= threshold
    choice = np.where(passed, table, -np.inf).argmax(1)
    return Picked(choice=np.where(passed.any(1), choice, REFUSED), worth=table, passed=passed)


def best_of_n_divergence(n: int) -> float:
    """How far the best of n lies from plain sampling, in nats: log n - (n - 1) / n, at most (Beirami et al. 2024, 2401.01879).

    >>> round(best_of_n_divergence(4), 3), best_of_n_divergence(1)
    (0.636, 0.0)
    """
    if n < 1:
        raise UserError(f"the best of {n}; 1 or more is expected")
    return math.log(n) - (n - 1) / n


def filtered(model: PreferenceModel, pairs: Pairs, quantile: float) -> Pairs:
    """The pairs whose label the model supports more than it does the weakest share's; weak ones are doubtful or hard.

    Args:
        model: fitted, best to other pairs: what it has learned by heart it supports.
        pairs: of weight above 0.
        quantile: the share that is left out, from 0 to 1.

    Raises:
        UserError: a quantile out of its range.
    """
    if not 0.0 <= quantile < 1.0:
        raise UserError(f"quantile is {quantile}; the share that is left out is from 0 to below 1")
    support = np.asarray(model.margin(pairs), dtype=np.float64) * np.where(pairs.target >= 0.5, 1.0, -1.0)
    order = np.argsort(support, kind="stable")
    return pairs[np.sort(order[int(quantile * len(pairs)) :])]
