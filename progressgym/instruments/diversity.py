"""How varied answers are: the same numbers for a model, a century, a person and a thousand people.

    modal share  m_i = max_k p_i[k]
    entropy      h_i = -sum_k p_i[k] log p_i[k] / log K_i, between 0 (always the same) and 1 (everything equally often)

A question whose modal share is .99 or more has a "correct answer": whoever is asked again says the same again. That is the
sign by which the answers of a language model were told from those of people (Park et al., "Diminished diversity-of-thought
in a standard large language model", arXiv 2302.07267); the paper speaks of zero or near-zero variation, the .99 is ours.

Legend of shapes: N questions, K options of the widest one.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from progressgym.core.answers import Bools, Floats

CORRECT = 0.99
"""Modal share from which a question has a "correct answer"."""


@dataclass(kw_only=True, frozen=True, eq=False)
class Diversity:
    """How varied the answers to N questions are."""

    entropy: Floats
    """(N,) normalised by the number of options; NaN of a question with a single one."""
    modal: Floats
    """(N,) largest shares."""

    @property
    def correct(self) -> Bools:
        """(N,) True where there is a "correct answer"."""
        correct: Bools = self.modal >= CORRECT
        return correct

    @property
    def flags(self) -> dict[str, float]:
        """Means over questions, and how many questions have a "correct answer"."""
        entropy = self.entropy[~np.isnan(self.entropy)]
        return {
            "modal_share": float(self.modal.mean()),
            "entropy": float(entropy.mean()) if len(entropy) else float("nan"),
            "correct_answers": float(self.correct.sum()),
        }


def diversity(answers: ArrayLike, counts: ArrayLike) -> Diversity:
    """How varied answers are.

    Args:
        answers: (N, K) choice probabilities, or shares of people.
        counts: (N,) options of each question.

    >>> varied = diversity([[0.5, 0.5, 0.0], [1.0, 0.0, 0.0]], [2, 3])
    >>> varied.entropy.tolist(), varied.correct.tolist()
    ([1.0, 0.0], [False, True])
    """
    shares, size = np.asarray(answers, dtype=np.float64), np.asarray(counts, dtype=np.float64)
    bits = -(shares * np.log(np.where(shares > 0, shares, 1.0))).sum(-1)
    widest = np.where(size > 1, np.log(np.maximum(size, 2.0)), np.nan)
    return Diversity(entropy=np.abs(bits / widest), modal=shares.max(-1))
