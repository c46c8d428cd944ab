"""Skill: how much of the way from never learning to the truth an agent went."""

from __future__ import annotations

import math

IDENTIFIED = 1e-6
"""Skill is not identified when the reference's lead over `static` may be this small."""


def skill(utility: float, static: float, reference: float, lead_bound: float | None = None) -> float | None:
    """(U - U_static) / (U_ref - U_static); 0 = never updates, 1 = the reference.

    Args:
        utility: the agent's utility, the sum over an episode's steps (mean over seeds).
        static: utility of answering as in century 0 for ever.
        reference: utility of the truth.
        lead_bound: lower 2.5 % bound of U_ref - U_static; the difference itself when None.

    Returns:
        The skill, or None ("not identified", never ranked) when the lead may be no more than 1e-6 or when a utility
        is not a finite number.

    >>> skill(7.5, 7.0, 8.0), skill(1.0, 1.0, 1.0)
    (0.5, None)
    """
    lead = reference - static
    bound = lead if lead_bound is None else lead_bound
    if not all(map(math.isfinite, (utility, static, reference, bound))):
        return None
    if bound <= IDENTIFIED or lead <= IDENTIFIED:
        return None
    return (utility - static) / lead
