"""What an answer in text is paid: rewards whose optimum is the human's own distribution (docs/environments/text.md).

With p the human's choice probabilities of an item and q those that an agent states, the quadratic score (Brier 1950, up to a
constant of p) is

    S(q, p) = 2 p.q - q.q,

largest where q = p. An agent that draws one letter states no q: it *has* one, its policy. The gradient of S by the policy is
E[(2 p[c] - 2 q[c]) grad log q(c)], and the share of the *other* samples of a group is an unbiased estimate of q[c] that does
not depend on c. So the reward of a letter in its group,

    r(c) = 2 p[c] - 2 (share of the others that chose c),

has the distribution as its optimum. Paying p[c] alone has the mode.

Legend of shapes: G completions of one prompt, B questions, K options.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from progressgym.core.errors import UserError

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
UNREAD = -1.0
"""Quadratic score of what cannot be read: the least that any answer gets, that of a certain answer nobody gives."""
UNREAD_IN_GROUP = -2.0
"""Leave-one-out reward of the same: an answer nobody gives that all others of the group gave too."""
STILL = 1e-12
"""Less movement than this, as a sum of squares, is rounding: then there is nothing to explain."""


def quadratic(stated: ArrayLike, human: ArrayLike) -> Floats:
    """S(q, p) = 2 p.q - q.q of stated (..., K) and human (..., K) probabilities: (...), from -1 to 1.

    >>> quadratic([0.5, 0.5], [0.8, 0.2]).round(3).item(), quadratic([0.8, 0.2], [0.8, 0.2]).round(3).item()
    (0.5, 0.68)
    """
    q, p = np.asarray(stated, dtype=np.float64), np.asarray(human, dtype=np.float64)
    score: Floats = (q * (2.0 * p - q)).sum(-1)
    return score


def brier(stated: Floats, read: Bools, human: Floats) -> Floats:
    """Quadratic scores (B,) of a completion's answers (B, K): `UNREAD` where they were not read, NaN where nothing is scored."""
    return np.where(read | np.isnan(human[:, 0]), quadratic(stated, human), UNREAD)


def leave_one_out(stated: Floats, read: Bools, human: Floats) -> Floats:
    """Rewards (G,) of a group: 2 p.q_g - 2 q_g.(mean of the other q), the mean over questions.

    Of letters, q_g is 1 at the letter and this is 2 p[c] - 2 (share of the others that chose c).

    Args:
        stated: (G, B, K) answers, rows of 0 where they were not read.
        read: (G, B).
        human: (B, K).

    Raises:
        UserError: a group of one, which has no others.

    >>> letters = np.eye(2)[[0, 0, 1]][:, None]
    >>> leave_one_out(letters, np.ones((3, 1), dtype=bool), np.array([[0.5, 0.5]])).tolist()
    [0.0, 0.0, 1.0]
    """
    if len(stated) < 2:
        raise UserError("a group of one completion has no others to be compared with; draw at least 2 of every prompt")
    others = (stated.sum(0) - stated) / (len(stated) - 1)
    paid = (2.0 * stated * (human - others)).sum(-1)
    rewards: Floats = np.where(read, paid, UNREAD_IN_GROUP).mean(-1)
    return rewards


def explained(own: ArrayLike, static: ArrayLike, human: ArrayLike) -> float:
    """Drift explained, 1 - sum |own - human|^2 / sum |static - human|^2 of values (n, D), at least -1.

    0 where the human has not moved: see `progressgym.scores.explained` for the figure with its interval.
    """
    truth = np.asarray(human, dtype=np.float64)
    error, whole = (float(((np.asarray(one) - truth) ** 2).sum()) for one in (own, static))
    return max(1.0 - error / whole, -1.0) if whole > STILL else 0.0
