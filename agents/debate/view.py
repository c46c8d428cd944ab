"""What a trained debater sees: the table, the case, and what its judge would say after each single further piece.

A debater argues before a judge whom it knows: it may ask what one more piece would do (as the greedy debater does), but
not what the other side would answer. What pieces do to a judge is alike from patient to patient, so a network that sees
it learns how to debate and not only what to show for the patients it was trained on.

Legend of shapes: B debates, N pieces, F numbers a piece says, A options.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from progressgym.core.debate import Bools, Cases, Domain, Ints, Judge
from progressgym.envs.debate.rules import look_ahead, margins, rule
from progressgym.envs.debate.vector import flat_observation, observation_width


def view_width(domain: Domain) -> int:
    """W = N (F + 3) + 2 A + 2: `VectorDebate.width`, then the N + 1 margins of `debater_view`."""
    return observation_width(domain, True) + domain.pieces + 1


def debater_view(
    judge: Judge, cases: Cases, revealed: Bools, sides: Ints, turns_left: float, decisions: int
) -> NDArray[np.float32]:
    """What debaters see, as one row of numbers.

    Args:
        judge: before whom they argue.
        cases: B cases.
        revealed: (B, N).
        sides: (B,) whose eyes.
        turns_left: share of the turns to come, 1 at the start.
        decisions: A.

    Returns:
        (B, W): `flat_observation` with both options, then the debater's own lead after each piece (N) and now (1).

    Raises:
        UserError: a judge that gives no finite scores.
    """
    flat = flat_observation(cases, revealed, sides, turns_left, decisions, True)
    own = np.where(sides == 0, 1.0, -1.0)[:, None]
    then, now = look_ahead(judge, cases, revealed), margins(rule(judge, cases, revealed))[:, None]
    return np.concatenate([flat, own * then, own * now], axis=1, dtype=np.float32)
