"""Config: what an environment was made for, in one place for its single and its vectorised form."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from progressgym.histories.source import HistorySource
from progressgym.instruments.questionnaire import Questionnaire
from progressgym.preferences.comparisons import DRAWN, PairChooser


@dataclass(kw_only=True, frozen=True, eq=False)
class EnvConfig:
    """Checked arguments of an environment, and what follows from them."""

    challenge: str
    """Which challenge, of whichever version: a `kind` of `progressgym.envs.challenge`."""
    source: HistorySource
    """Where histories come from."""
    chooser: PairChooser
    """What is asked."""
    every: bool
    """True when all pairs are asked."""
    label_kind: str
    """One of `preferences.comparisons.LABELS`."""
    rng_scheme: str
    """One of `preferences.comparisons.RNG_SCHEMES`."""
    gain: bool
    """True when the reward is the gain."""
    scores_in_infos: bool
    """True when infos hold scores."""
    rewarded: NDArray[np.int64]
    """Indices of the items that rewards and scores are about."""
    covered: NDArray[np.int64]
    """Indices of the dimensions that are scored."""
    steps: int
    """Steps of an episode."""
    compared: tuple[int, ...]
    """Centuries that the steps' values are compared with."""
    observed_centuries: tuple[int, ...]
    """Century of each observation of an episode."""

    @property
    def instrument(self) -> Questionnaire:
        """What is answered."""
        return self.source.instrument

    @property
    def centuries(self) -> int:
        """T."""
        return self.source.centuries

    @property
    def sampled(self) -> bool:
        """True when labels are drawn."""
        return self.label_kind in DRAWN
