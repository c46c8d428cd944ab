"""MAP tracking: the human's choices are stance differences, the stance moves a little every century.

    P(a over b) = sigma( (c_a - c_b) + scale * (Phi_a - Phi_b) . theta ),     theta_n ~ N(theta_{n-1}, I / prior)

The honest lifelong baseline: unlike DPO and RLHF it explains the human's preferences instead of adding them to what
the policy prefers already.
"""

from __future__ import annotations

from torch import Tensor

from progressgym.agents.align.newton import solve


def map_update(
    features: Tensor, offsets: Tensor, targets: Tensor, weights: Tensor, last: Tensor, *, prior: float
) -> Tensor:
    """The stance of highest posterior density given one century's comparisons.

    Args:
        features: (B, Q, D) scale * (Phi_a - Phi_b).
        offsets: (B, Q) c_a - c_b, the first century's log-odds.
        targets: (B, Q) probability that a is preferred.
        weights: (B, Q) of the comparisons.
        last: (B, D) the last stance.
        prior: precision of a century's move; larger is slower.

    Returns:
        theta (B, D).
    """
    return solve(features, offsets, targets, weights, last, prior)
