"""Follow and Predict: the human goes its own way, the agent is compared with where it is or will be."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from progressgym.core.answers import keep_items
from progressgym.envs.base import ProgressEnv
from progressgym.envs.challenge import Challenge
from progressgym.envs.episode import Episode
from progressgym.envs.step_scores import Target, describe, scalar_gain, similarity
from progressgym.preferences.comparisons import draw_asked, probabilities
from progressgym.scores.utilities import Utility, utility_of


@dataclass(kw_only=True, frozen=True)
class Tracking(Challenge):
    """Utility of step n = sim(v_n, h_{n + horizon}); the agent is what is scored."""

    headline = "explained"

    @property
    def utility(self) -> Utility:
        """Similarity to the century `horizon` ahead."""
        return utility_of(self.horizon)


class TrackingEnv(ProgressEnv):
    """Utility of step n = sim(v_n, h_{n + horizon}); a subclass sets the horizon."""

    _horizon = 0

    @property
    def steps(self) -> int:
        """Steps of an episode: T - 1 - horizon."""
        return self._source.centuries - 1 - self._horizon

    @property
    def horizon(self) -> int:
        """Centuries between the last comparisons and the scored answers."""
        return self._horizon

    def _learn(self, episode: Episode) -> None:
        answers = episode.history.answers[1 : 1 + self.steps]
        self._preferred = probabilities(answers, self._chooser.pairs)
        if not episode.history.complete:
            self._targets = self._targets_where_asked(episode)
            return
        human = episode.timeline.values
        static = self._values(self._static_action(episode))
        self._targets = [Target.of(human[t], human[0], similarity(static, human[t])) for t in self.compared]

    def _targets_where_asked(self, episode: Episode) -> list[Target]:
        """Targets of a history with missing answers: the human now and at first, on what is scored in each step."""
        history, static = episode.history, self._full_answers(self._static_action(episode))
        targets = []
        for t in self.compared:
            compared = (history.last_known[t], history.first_answers, static)
            now, start, still = (self._on(history.scored[t], answers) for answers in compared)
            targets.append(Target.of(now, start, similarity(still, now)))
        return targets

    def _on(self, scored: NDArray[np.bool_], answers: ArrayLike) -> NDArray[np.float64]:
        """Values (D,) of answers (N, K) on some of the rewarded items, relative to the strength of all of them."""
        on_scored = keep_items(answers, scored, self._instrument.mask)
        return self._instrument.values(on_scored, self.rewarded, check=False)

    def _begin(self, episode: Episode) -> None:
        every = len(episode.asked) == len(self._chooser.pairs)
        preferred = self._preferred if every else self._preferred[:, episode.asked]
        self._shown = draw_asked(preferred, self._label_kind, episode.label_uniforms(self._label_kind)[: self.steps])

    def _labels(self, index: int) -> NDArray[np.float32]:
        labels: NDArray[np.float32] = self._shown[index].copy()
        return labels

    def _century(self, index: int) -> int:
        return index + 1

    def _advance(self, action: Any) -> tuple[float, float, dict[str, Any]]:
        target = self._targets[self._step]
        history = self.episode.history
        if history.complete:
            values = self._values(action)
        else:
            values = self._on(history.scored[self.compared[self._step]], self._full_answers(action))
        utility = similarity(values, target.values, target.square)
        self._path.append(values)
        return utility, scalar_gain(utility, target.static), describe(values, target, utility, self._covered)
