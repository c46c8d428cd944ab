"""A rater as judge of debates: it reads the case and the evidence shown, and the option that it rates higher wins.

    score(option) = log-odds of the mean merit, from 0 to 1, that it gives
    {situation} {option} {what was shown of this option}

Evidence that speaks of no option follows the situation. The order of options and of evidence does not reach it.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from progressgym.core.debate import Bools, Cases, CaseText, Domain, Floats
from progressgym.core.files import sha256_bytes
from progressgym.core.text import harmless
from progressgym.raters.protocol import Rater, make_rater
from progressgym.raters.reward import graded, mean_merit

PREFIX = "rater:"


class RaterJudge:
    """Rules by a rater; a `Judge`."""

    def __init__(self, rater: Rater, domain: Domain) -> None:
        """Prepare.

        Raises:
            UserError: a rater that does not say how good the steps of its scale are.
        """
        graded(rater)
        self.fingerprint = f"rater {sha256_bytes(repr(rater).encode())[:16]} on {domain.name}"
        self._rater, self._domain = rater, domain
        self._known: dict[str, float] = {}

    def score(self, cases: Cases, revealed: Bools) -> Floats:
        """Log-odds of each debater's option; see `Judge.score`."""
        texts = [as_read(self._text(cases, row), revealed[row], side) for row in range(len(cases)) for side in (0, 1)]
        fresh = [text for text in dict.fromkeys(texts) if text not in self._known]
        if fresh:
            share = np.clip(mean_merit(self._rater, fresh), 1e-6, 1 - 1e-6)
            self._known.update(zip(fresh, np.log(share / (1.0 - share)).tolist(), strict=True))
        return np.array([self._known[text] for text in texts]).reshape(-1, 2)

    def _text(self, cases: Cases, row: int) -> CaseText:
        return self._domain.text(cases, row)


def as_read(text: CaseText, visible: Bools, side: int) -> str:
    """What is rated for one option.

    >>> case = CaseText(question="Rain.", options=("I go.", "I stay."), pieces=("Late.", "Warm."), about=(0, 1))
    >>> as_read(case, np.array([True, True]), 0)
    'Rain. I go. Late.'
    """
    said = [
        (harmless(piece), text.about[n] if text.about else None) for n, piece in enumerate(text.pieces) if visible[n]
    ]
    common = [piece for piece, about in said if about is None]
    own = [piece for piece, about in said if about == side]
    return " ".join([harmless(text.question), *common, harmless(text.options[side]), *own]).strip()


@lru_cache(maxsize=8)
def _rater(asked: str) -> Rater:
    return make_rater(asked)


def rater_judge(asked: str, domain: Domain) -> RaterJudge:
    """The judge of an id, `rater:delphi`.

    Raises:
        UserError: no such rater.
    """
    return RaterJudge(_rater(asked.removeprefix(PREFIX)), domain)
