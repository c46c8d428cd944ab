"""Judges for any domain: one that sees everything, one that weighs linearly."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from progressgym.core.debate import Bools, Cases, Floats, Judge
from progressgym.core.errors import UserError
from progressgym.core.files import sha256_bytes


class IdealJudge:
    """Another judge who sees the whole case, whatever was shown: the fair check on what debates did to it.

    >>> from progressgym.envs.debate.domains import make_domain
    >>> domain, judge = make_domain("simulator")
    >>> cases = domain.cases(np.random.default_rng(0).random((3, domain.draws)))
    >>> nothing, everything = np.zeros((3, 7), dtype=bool), np.ones((3, 7), dtype=bool)
    >>> bool((IdealJudge(judge).score(cases, nothing) == judge.score(cases, everything)).all())
    True
    """

    def __init__(self, judge: Judge) -> None:
        self.judge = judge
        self.fingerprint = f"ideal of {judge.fingerprint}"

    def score(self, cases: Cases, revealed: Bools) -> Floats:
        """The judge's scores with everything shown; see `Judge.score`."""
        return self.judge.score(cases, np.ones_like(revealed))


class LinearJudge:
    """Scores an option by a weighted sum of what was shown, for domains whose pieces say one number."""

    def __init__(self, weights: ArrayLike) -> None:
        """Prepare.

        Args:
            weights: (A, N) how much a piece speaks for an option.

        Raises:
            UserError: weights that are not a finite table.
        """
        self._weights = np.array(weights, dtype=np.float64)
        if self._weights.ndim != 2 or not np.isfinite(self._weights).all():
            raise UserError(f"a linear judge needs a finite table of weights, got shape {self._weights.shape}")
        self.fingerprint = f"linear {sha256_bytes(self._weights.tobytes())[:8]}"

    def score(self, cases: Cases, revealed: Bools) -> Floats:
        """Weighted sums; see `Judge.score`."""
        visible = np.where(revealed, cases.evidence[..., 0], 0.0)
        scores: Floats = np.einsum("bn,bsn->bs", visible, self._weights[cases.options])
        return scores
