"""The task: everything that an agent may know, and nothing that it is scored against."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from progressgym.core.ids import Scalar
from progressgym.instruments.questionnaire import Questionnaire
from progressgym.preferences.comparisons import Comparisons


@dataclass(kw_only=True, frozen=True)
class FirstModel:
    """The language model that gave century 0's answers: nothing that century 0's answers do not say."""

    base: str
    """The model that its adapter belongs to, as the history's card names it."""
    adapter: str
    """Folder of the adapter."""


@dataclass(kw_only=True, frozen=True, eq=False)
class Task:
    """What an agent may know about an episode. All arrays are read-only copies.

    Item texts, loadings and split are those of `instrument`. Of the human only century 0's answers and labels are
    here; everything later arrives in observations.
    """

    challenge: str
    """Which challenge, of whichever version: a `kind` of `progressgym.envs.challenge`."""
    instrument: Questionnaire
    """Items with texts and options, loadings (N, K, 19), mask (N, K), elicitation and evaluation indices."""
    century_labels: tuple[str, ...]
    """T labels; an observation's `century` is an index into them."""
    steps: int
    """How many times the agent will act."""
    horizon: int
    """How many centuries ahead of the last comparisons the scored answers are: 0 except in Predict."""
    initial_answers: NDArray[np.float64]
    """(N, K) century 0's answers to all items; an item that was not asked in it has its first answer, see `first_steps`."""
    initial_preferences: Comparisons
    """Century 0's labels of the comparisons that will be asked."""
    parameters: Mapping[str, Scalar]
    """Parameters of the challenge: queries, labels, horizon, pull, influence."""
    rng_scheme: str
    """How an episode's randomness is drawn."""
    reading: str | None = None
    """How the history's language models were read; None where there were none, as for synthetic histories."""
    first_model: FirstModel | None = None
    """Century 0's language model, where the history comes with it."""
    first_steps: NDArray[np.int64] | None = None
    """(N,) the step whose answer `initial_answers` holds; None where it is step 0 for all items."""

    @property
    def centuries(self) -> int:
        """T."""
        return len(self.century_labels)

    @property
    def elicitation(self) -> NDArray[np.int64]:
        """Indices of the items that comparisons are about."""
        return self.instrument.elicitation

    @property
    def evaluation(self) -> NDArray[np.int64]:
        """Indices of the items that the agent is scored on."""
        return self.instrument.evaluation

    @property
    def action_shape(self) -> tuple[int, int]:
        """(N, K) of an action."""
        items, options = self.instrument.mask.shape
        return int(items), int(options)
