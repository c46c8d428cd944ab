"""The gate: what an entry reaches in public must be what it reaches in private.

The public truth ships with the package, so a public score can be bought by knowing it; a private one cannot. Both are
shown side by side with the interval of their difference. Where public is above private by more than that interval, the two
disagree, and on a board with a gate the entry deserves there no more than never learning.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

from progressgym.leaderboard.records import GroupScore
from progressgym.scores.records import IntervalRecord


def gap(public: GroupScore | None, private: GroupScore | None) -> IntervalRecord | None:
    """Public minus private headline with its 95 % interval, for independent errors; None where one is not there."""
    one = None if public is None else public.ranked
    two = None if private is None else private.ranked
    if one is None or two is None:
        return None
    mid = one.mid - two.mid
    low = mid - math.hypot(one.mid - one.low, two.high - two.mid)
    high = mid + math.hypot(one.high - one.mid, two.mid - two.low)
    return IntervalRecord(low=low, mid=mid, high=high)


def disagrees(interval: IntervalRecord | None) -> bool:
    """Whether public is above private by more than chance."""
    return interval is not None and interval.low > 0


def disagreements(public: Iterable[GroupScore], private: Iterable[GroupScore]) -> list[str]:
    """A sentence for every group in which public and private disagree."""
    public_scores = {score.id: score for score in public}
    sentences = []
    for score in private:
        apart = gap(public_scores.get(score.id), score)
        if apart is not None and disagrees(apart):
            sentences.append(
                f"public above private in {score.id}: by {apart.mid:.2f}, interval {apart.low:.2f} to {apart.high:.2f}"
            )
    return sentences
