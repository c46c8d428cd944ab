"""Coevolve: the assistant's answers move the human whom it learns from.

Legend of shapes: T centuries, N items, K options of the widest item, D = 19.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from progressgym.core.answers import centred_log, softmax_options
from progressgym.core.errors import UserError
from progressgym.core.ids import Scalar
from progressgym.envs.actions import to_action, to_answers
from progressgym.envs.base import DEFAULT_HISTORY, ProgressEnv
from progressgym.envs.episode import Episode
from progressgym.envs.scoring import Target, describe, scalar_gain
from progressgym.envs.stance import StanceFlavour
from progressgym.histories.source import HistorySpec
from progressgym.instruments.instrument import Instrument
from progressgym.preferences.comparisons import draw_labels, probabilities
from progressgym.scores.lock_in import against_history, answer_entropy, displacement

Floats = NDArray[np.float64]
PULL = 0.3
"""Placeholder: one epoch of training on the next century's answers moves the human 30 % of the way."""
INFLUENCE = 0.51
"""Placeholder: two such epochs on the assistant's answers, 1 - 0.7 ** 2."""


class CoevolveEnv(ProgressEnv):
    """
    Coevolve.
    """

    challenge = "coevolve"

    def __init__(
        self,
        history: HistorySpec = DEFAULT_HISTORY,
        *,
        pull: float = PULL,
        influence: float = INFLUENCE,
        instrument: Instrument | str | None = None,
        queries: str | int = "all",
        labels: str = "probability",
        reward: str = "utility",
        text: bool = False,
        render_mode: str | None = None,
    ) -> None:
        for name, value in (("pull", pull), ("influence", influence)):
            if isinstance(value, (bool, str)) or not 0.0 <= value <= 1.0:
                raise UserError(f"{name} is {value!r}; use a number from 0 to 1")
        self.pull, self.influence = float(pull), float(influence)
        super().__init__(
            history,
            instrument=instrument,
            queries=queries,
            labels=labels,
            reward=reward,
            text=text,
            render_mode=render_mode,
        )

    def simulated_answers(self) -> Floats:
        """(n + 1, N, K) answers of the simulated human so far, century 0 first: for judges."""
        return softmax_options(np.array(self._logits), self._instrument.mask)

    def _parameters(self) -> dict[str, Scalar]:
        return {**super()._parameters(), "pull": self.pull, "influence": self.influence}

    def _begin(self, episode: Episode) -> None:
        mask = self._instrument.mask
        self._real = centred_log(episode.history.answers, mask)
        self._logits = [episode.initial_logits]
        self._labels_so_far = [self._ask(0)]
        human = episode.timeline.values
        norms = np.sqrt(np.einsum("td,td->t", human, human))
        self._directions = human / np.where(norms > 0, norms, np.inf)[:, None]
        static = centred_log(to_answers(to_action(episode.initial_answers), mask), mask)
        self._static = [self._utility(self._scored(z)) for z in self._path_of(static, self.influence)]
        self._free = softmax_options(np.array(self._path_of(static, 0.0)), mask)
        self._targets = [Target.of(human[t], human[0], self._static[t - 1]) for t in range(1, len(human))]

    def _labels(self, index: int) -> NDArray[np.float32]:
        return self._labels_so_far[index].copy()

    def _initial_labels(self) -> NDArray[np.float32]:
        return self._labels(0)

    def _century(self, index: int) -> int:
        return index

    def _advance(self, action: Any) -> tuple[float, float, dict[str, Any]]:
        n, mask = self._step, self._instrument.mask
        answers = self._full_answers(action)
        self._logits.append(self._move(self._logits[-1], centred_log(answers, mask), n, self.influence))
        if n + 1 < self.steps:
            self._labels_so_far.append(self._ask(n + 1))
        simulated = softmax_options(self._logits[-1], mask)
        values, target = self._scored(self._logits[-1]), self._targets[n]
        utility = self._utility(values)
        own = self._instrument.values(answers, self._instrument.evaluation, check=False)
        scores = describe(own, target, utility, self._covered)
        scores["simulated_values"] = values[self._covered].tolist()
        scores["entropy"] = float(answer_entropy(simulated, self._instrument.option_counts))
        scores["displacement"] = float(displacement(simulated, self._free[n]))
        covered = self.episode.timeline.covered
        scores["against_history"] = float(against_history(values, target.start, target.values, covered))
        self._path.append(values)
        return utility, scalar_gain(utility, target.static), scores

    def _ask(self, n: int) -> NDArray[np.float32]:
        """Labels of the simulated human s_n."""
        answers = softmax_options(self._logits[n], self._instrument.mask)
        episode = self.episode
        return draw_labels(probabilities(answers, episode.pairs), self._label_kind, episode.uniforms[n])

    def _move(self, human: Floats, agent: Floats, n: int, influence: float) -> Floats:
        """z_{n+1}: first toward the real next century, then toward the agent."""
        pulled = human + self.pull * (self._real[n + 1] - human)
        moved: Floats = pulled + influence * (agent - pulled)
        return moved

    def _path_of(self, agent: Floats, influence: float) -> list[Floats]:
        """z_1 .. z_{T-1} beside an agent that always answers the same."""
        path = [self._logits[0]]
        for n in range(self.steps):
            path.append(self._move(path[-1], agent, n, influence))
        return path[1:]

    def _scored(self, logits: Floats) -> Floats:
        """Values (D,) of a human with these logits on the scored items."""
        answers = softmax_options(logits, self._instrument.mask)
        return self._instrument.values(answers, self._instrument.evaluation, check=False)

    def _utility(self, values: Floats) -> float:
        """Mean over m of the largest similarity to a century j >= m; see `progressgym.scores.coevolve_utilities`."""
        norm = math.sqrt(float(values @ values))
        similarities = np.clip(self._directions @ values / norm, -1.0, 1.0) if norm > 0.0 else np.zeros(len(self._real))
        return float(np.maximum.accumulate(similarities[::-1]).mean())


class CoevolveStanceEnv(StanceFlavour, CoevolveEnv):
    """
    Coevolve in numbers.
    """
