"""Coevolve with a human who is a language model and is really fine-tuned."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from progressgym.core.answers import softmax_options
from progressgym.core.errors import UserError
from progressgym.envs.base import DEFAULT_HISTORY
from progressgym.envs.coefficients import FITTED_INFLUENCE, FITTED_PULL
from progressgym.envs.coevolve import CoevolveEnv
from progressgym.envs.episode import Episode
from progressgym.histories.source import HistorySpec
from progressgym.instruments.questionnaire import Questionnaire

if TYPE_CHECKING:
    from progressgym.histories.live import LiveHuman

Floats = NDArray[np.float64]
CENTURY_EPOCHS, AGENT_EPOCHS = 1, 2


class CoevolveLiveEnv(CoevolveEnv):
    """
    The assistant's answers train the very human whom it learns from.

    ## Description
    `ProgressGym/Coevolve-v0` without its formula: the human is the language model of the history's first century. In
    each step it is fine-tuned for one epoch on the next real century's answers, then for two epochs on the assistant's,
    as in PG-Coevolve of ProgressGym (arXiv 2406.20087), and its answers are read anew. What a lesson is, is said in
    docs/model-tier.md. A step trains and reads a language model, so on a CPU it takes minutes.

    ## Action Space
    `Box(-20, 20, (N, K), float32)`, as in `ProgressGym/Coevolve-v0`; the answers to all items count.

    ## Observation Space
    As in `ProgressGym/Coevolve-v0`.

    ## Rewards
    As in `ProgressGym/Coevolve-v0`, for the live human. `pull` and `influence` are used only for what the human is
    compared with: the paths beside an assistant that stays at century 0 (`gain`) and without any (`displacement`).

    ## Starting State
    As in `ProgressGym/Coevolve-v0`.

    ## Episode End
    1. Termination: the human has met the last century, after T - 1 steps. Never truncated.

    ## Information
    As in `ProgressGym/Coevolve-v0`.

    ## Arguments
    Those of `ProgressGym/Coevolve-v1`, on a history that comes with its adapters, and

    | argument | default | meaning |
    |---|---|---|
    | `tuning` | `"lora"` | `"lora"` trains an adapter, `"full"` all weights |
    | `rows` | `64` | rows of an epoch; 0 takes every option of every item |
    | `learning_rate` | by tuning | peak learning rate of a lesson |
    | `device` | `"auto"` | where the human computes |
    | `checkpoints` | `None` | folder that keeps every finished lesson; the same episode goes on from there |

    ## Version History
    * v0: initial version
    """

    def __init__(
        self,
        history: HistorySpec = DEFAULT_HISTORY,
        *,
        pull: float = FITTED_PULL,
        influence: float = FITTED_INFLUENCE,
        tuning: str = "lora",
        rows: int = 64,
        learning_rate: float | None = None,
        device: str = "auto",
        checkpoints: str | Path | None = None,
        instrument: Questionnaire | str | None = None,
        queries: str | int = "all",
        labels: str = "probability",
        reward: str = "utility",
        text: bool = False,
        scores: bool = True,
        render_mode: str | None = None,
    ) -> None:
        from progressgym.histories.live import HumanRecipe

        super().__init__(
            history,
            pull=pull,
            influence=influence,
            instrument=instrument,
            queries=queries,
            labels=labels,
            reward=reward,
            text=text,
            scores=scores,
            render_mode=render_mode,
        )
        if self._source.fixed is None:
            raise UserError("a live human needs one history that comes with its models, not a distribution")
        self._recipe = HumanRecipe(tuning=tuning, rows=rows, learning_rate=learning_rate)
        self._device = device
        self._checkpoints = None if checkpoints is None else Path(checkpoints)
        self._human: LiveHuman | None = None

    def _begin(self, episode: Episode) -> None:
        from progressgym.histories.live import LiveHuman

        if self._human is None:
            self._human = LiveHuman(episode.history, self._recipe, device=self._device, checkpoints=self._checkpoints)
        self._human.begin(int(self.np_random.random() * 2**31))
        super()._begin(episode)

    def _next_human(self, agent: Floats, n: int) -> Floats:
        """The human after a lesson from the next century and one from the assistant: (N, K) logits."""
        if self._human is None:
            raise UserError("call reset() before step()")
        self._human.learn(self.episode.history.answers[n + 1].astype(np.float64), epochs=CENTURY_EPOCHS)
        self._human.learn(softmax_options(agent, self._instrument.mask), epochs=AGENT_EPOCHS)
        return self._human.logits
