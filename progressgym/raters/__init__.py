"""Raters: whoever gives texts shares of a scale, and what is read of models by them."""

from typing import TYPE_CHECKING

from progressgym.core.faces import lazy

if TYPE_CHECKING:
    from progressgym.raters.crowd import Crowd
    from progressgym.raters.delphi import Delphi
    from progressgym.raters.protocol import RATERS, Rater, make_rater, ratings
    from progressgym.raters.reward import RaterReward
    from progressgym.raters.verdict import Verdict
    from progressgym.raters.written import Written

__all__ = [
    "RATERS",  # raters, by name
    "Crowd",  # which share of people would call it right, and why
    "Delphi",  # a moral rater, repaired by ten rules
    "Rater",  # rates texts
    "RaterReward",  # rewards what a model writes by a rater
    "Verdict",  # what a language model says of a deed
    "Written",  # what a model writes, as a rater sees it
    "make_rater",  # the rater of an id
    "ratings",  # probabilities (B, K), checked
]
__getattr__ = lazy(
    __name__,
    {
        "crowd": "Crowd",
        "delphi": "Delphi",
        "reward": "RaterReward",
        "protocol": "RATERS Rater make_rater ratings",
        "verdict": "Verdict",
        "written": "Written",
    },
)
