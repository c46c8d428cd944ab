"""Coevolve for two agents, after PettingZoo: the human chooses too."""

from __future__ import annotations

import math
from typing import Any

import gymnasium as gym
import numpy as np
from numpy.typing import NDArray
from pettingzoo import AECEnv, ParallelEnv
from pettingzoo.utils.conversions import parallel_to_aec

from progressgym.core.errors import UserError, unknown
from progressgym.envs.base import DEFAULT_HISTORY
from progressgym.envs.coefficients import INFLUENCE, PULL
from progressgym.envs.coevolve import CoevolveStanceEnv
from progressgym.envs.stance_flavour import THETA_SCALE, D
from progressgym.histories.source import HistorySpec
from progressgym.instruments.questionnaire import Questionnaire

Floats = NDArray[np.float64]
Observation = NDArray[np.float32]
HUMAN_REWARDS = ("progress", "autonomy")


class CoevolveParallelEnv(ParallelEnv[str, Observation, NDArray[np.float32]]):  # type: ignore[misc]  # PettingZoo is untyped
    """
    Coevolve for two: the assistant moves the human, and the human chooses what to say and how far to be moved.

    ## Description
    The closed loop of `ProgressGym/CoevolveStance-v0`. There the human is a rule; here it is an agent. In each step
    both act at once. The assistant answers all items, as ever. The human decides how open it is to the assistant this
    time, and how it words its next answers: the comparisons that the assistant learns from are those of the human's
    answers shifted by a stance, so a human may exaggerate, hedge or keep its counsel. Real history pulls at the human
    whatever the two do.

    A human that is fully open and says what it thinks (`[1, 0, ..., 0]`) makes this `ProgressGym/CoevolveStance-v0`,
    number for number.

    The agents are `human` and `assistant`, and both live to the end.

    ## Action Space
    | agent | space | meaning |
    |---|---|---|
    | `assistant` | `Box(-1, 1, (19,), float32)` | stance of its answers around century 0's, theta = 2 * action |
    | `human` | `Box([0, -1, ...], [1, 1, ...], (20,), float32)` | entry 0: openness, the share of `influence` that it lets happen in this step; entries 1 to 19: stance by which its next stated answers differ from what it thinks, theta = 2 * action |

    Numbers outside are clipped; NaN and infinity raise `ValueError`.

    ## Observation Space
    Both `Box(-1, 1, (38 + T,), float32)`:

    | agent | entries 0 to 18 | 19 to 37 | 38 to 38 + T - 1 |
    |---|---|---|---|
    | `assistant` | evidence of the human's stated comparisons on each dimension | the same one step before | one-hot century |
    | `human` | its own values, on the evaluation items | the values of the assistant's last answers (at first: century 0's) | one-hot century |

    Neither sees the real human of a later century. `state()` is both observations, one after the other.

    ## Rewards
    | agent | reward of step n |
    |---|---|
    | `assistant` | utility or gain of `ProgressGym/CoevolveStance-v0`: how much the human resembles later centuries |
    | `human`, `human_reward="progress"` | the same: both work for progress |
    | `human`, `human_reward="autonomy"` | 1 - displacement: 1 where its answers are those that it would have come to alone, less by the mean total-variation distance from them |

    ## Starting State
    As in `ProgressGym/CoevolveStance-v0`; the human's first comparisons, those of century 0, are what it thinks.

    ## Episode End
    1. Termination of both: the simulated human has reached the last century, after T - 1 steps.
    2. Truncation of both: `max_cycles` steps, where that is fewer.

    ## Information
    Both infos hold `scores` as in `ProgressGym/CoevolveStance-v0`; the human's also `openness`, as it was taken.

    ## Arguments
    ```pycon
    >>> import pettingzoo, progressgym
    >>> env = pettingzoo.make("parallel", "ProgressGym/Coevolve-v0", history="synthetic:linear?seed=7")
    >>> observations, infos = env.reset(seed=0)
    >>> env.agents, observations["human"].shape
    (['human', 'assistant'], (47,))
    >>> rewards = env.step({agent: env.action_space(agent).sample() for agent in env.agents})[1]
    >>> sorted(rewards)
    ['assistant', 'human']

    ```

    | argument | default | meaning |
    |---|---|---|
    | `human_reward` | `"progress"` | `"progress"` or `"autonomy"` |
    | `max_cycles` | `None` | truncate after this many steps |

    and those of `ProgressGym/CoevolveStance-v0`, without `text`. `reset(options={"history": ...})` uses another history
    for one episode; other options are ignored, as PettingZoo's tests demand.

    ## Version History
    * v0: initial version, with placeholder coefficients
    """

    metadata: dict[str, Any] = {  # noqa: RUF012 (PettingZoo declares it as an instance variable)
        "name": "coevolve_v0",
        "render_modes": ["human", "rgb_array", "ansi"],
        "render_fps": 4,
        "is_parallelizable": True,
    }

    def __init__(
        self,
        history: HistorySpec = DEFAULT_HISTORY,
        *,
        human_reward: str = "progress",
        max_cycles: int | None = None,
        pull: float = PULL,
        influence: float = INFLUENCE,
        instrument: Questionnaire | str | None = None,
        queries: str | int = "all",
        labels: str = "probability",
        reward: str = "utility",
        render_mode: str | None = None,
    ) -> None:
        if human_reward not in HUMAN_REWARDS:
            raise unknown("reward of the human", str(human_reward), HUMAN_REWARDS)
        if max_cycles is not None and (isinstance(max_cycles, bool) or max_cycles < 1):
            raise UserError(f"max_cycles is {max_cycles!r}; use a whole number of steps, 1 or more, or None")
        self._loop = _Loop(
            history,
            pull=pull,
            influence=influence,
            instrument=instrument,
            queries=queries,
            labels=labels,
            reward=reward,
            render_mode=render_mode,
        )
        self.render_mode = render_mode
        self.max_cycles = max_cycles
        self._autonomy = human_reward == "autonomy"
        self._cycles = 0
        self.possible_agents = ["human", "assistant"]
        self.agents: list[str] = []
        size = 2 * D + self._loop.config.centuries
        low = np.array([0.0] + [-1.0] * D, dtype=np.float32)
        self._observation_spaces = {
            agent: gym.spaces.Box(-1.0, 1.0, (size,), dtype=np.float32) for agent in self.possible_agents
        }
        self._action_spaces = {
            "human": gym.spaces.Box(low, np.ones(D + 1, dtype=np.float32), dtype=np.float32),
            "assistant": gym.spaces.Box(-1.0, 1.0, (D,), dtype=np.float32),
        }
        self._human_values = np.zeros(D)
        self._assistant_values = np.zeros(D)
        self._observations: dict[str, Observation] = {}

    def observation_space(self, agent: str) -> gym.spaces.Box:
        """The observations of an agent; the same object each time."""
        return self._observation_spaces[agent]

    def action_space(self, agent: str) -> gym.spaces.Box:
        """The actions of an agent; the same object each time."""
        return self._action_spaces[agent]

    def reset(
        self, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[dict[str, Observation], dict[str, dict[str, Any]]]:
        """Begin an episode: observations and infos of both agents."""
        choice = {key: value for key, value in (options or {}).items() if key == "history"}
        self._loop.hear(1.0, np.zeros(D))
        evidence, info = self._loop.reset(seed=seed, options=choice)
        self.agents = list(self.possible_agents)
        self._cycles = 0
        self._human_values = self._assistant_values = self._loop.episode.timeline.values[0]
        self._observations = self._seen(evidence)
        return self._observed(), {"human": {**info, "openness": 1.0}, "assistant": dict(info)}

    def step(
        self, actions: dict[str, Any]
    ) -> tuple[
        dict[str, Observation],
        dict[str, float],
        dict[str, bool],
        dict[str, bool],
        dict[str, dict[str, Any]],
    ]:
        """Both act.

        Raises:
            UserError: an agent's action is missing, of the wrong shape or not finite.
            gymnasium.error.ResetNeeded: the episode is over or has not begun.
        """
        if not self.agents:
            raise gym.error.ResetNeeded("the episode is over or has not begun: call reset()")
        missing = [agent for agent in self.agents if agent not in actions]
        if missing:
            raise UserError(f"no action of {' and '.join(missing)}; both agents act in every step")
        openness = self._human_decides(actions["human"])
        evidence, reward, terminated, _, info = self._loop.step(actions["assistant"])
        self._cycles += 1
        truncated = not terminated and self.max_cycles is not None and self._cycles >= self.max_cycles
        scores = info["scores"]
        for name in ("simulated_values", "agent_values"):
            values = np.zeros(D)
            values[self._loop.config.covered] = scores[name]
            if name == "simulated_values":
                self._human_values = values
            else:
                self._assistant_values = values
        self._observations = self._seen(evidence)
        both = list(self.agents)
        rewards = {"human": 1.0 - scores["displacement"] if self._autonomy else reward, "assistant": reward}
        infos = {"human": {**info, "openness": openness}, "assistant": dict(info)}
        result = (
            self._observed(),
            rewards,
            dict.fromkeys(both, terminated),
            dict.fromkeys(both, truncated),
            infos,
        )
        if terminated or truncated:
            self.agents = []
        return result

    def state(self) -> Observation:
        """Both observations, the human's first."""
        return np.concatenate([self._observations[agent] for agent in self.possible_agents])

    @property
    def state_space(self) -> gym.spaces.Box:
        """Where `state` lives."""
        size = sum(math.prod(self.observation_space(agent).shape) for agent in self.possible_agents)
        return gym.spaces.Box(-1.0, 1.0, (size,), dtype=np.float32)

    def render(self) -> Any:
        """Draw the episode so far, as `ProgressGym/Coevolve-v0` does."""
        return self._loop.render()

    def close(self) -> None:
        """Close the window, when there is one. May be called twice."""
        self._loop.close()

    def _human_decides(self, action: Any) -> float:
        """Take the human's action to the loop: its openness as taken."""
        given = np.asarray(action, dtype=np.float64)
        if given.shape != (D + 1,):
            raise UserError(f"the human's action has shape {given.shape}, expected ({D + 1},)")
        if not math.isfinite(float(given @ given)):
            raise UserError("the human's action holds NaN or infinite numbers")
        openness = float(np.clip(given[0], 0.0, 1.0))
        self._loop.hear(openness, THETA_SCALE * np.clip(given[1:], -1.0, 1.0))
        return openness

    def _seen(self, evidence: Observation) -> dict[str, Observation]:
        values = np.concatenate([self._human_values, self._assistant_values])
        human = np.concatenate([np.clip(values, -1.0, 1.0), evidence[2 * D :]], dtype=np.float32, casting="same_kind")
        return {"human": human, "assistant": evidence}

    def _observed(self) -> dict[str, Observation]:
        return {agent: observation.copy() for agent, observation in self._observations.items()}


class _Loop(CoevolveStanceEnv):
    """The loop with a human that decides."""

    def hear(self, openness: float, statement: Floats) -> None:
        """What the human decides: its openness in the step to come, the stance of what it states after it."""
        self._openness, self._statement = openness, statement

    def _influence(self) -> float:
        return self.influence * self._openness

    def _stated(self, n: int) -> Floats:
        stated: Floats = self._logits[n] + self._shift()
        return stated

    def _shift(self) -> Floats:
        """(N, K) by which stated logits differ from what the human thinks."""
        shift: Floats = self._instrument.loadings @ self._statement
        return shift


def parallel_env(history: HistorySpec = DEFAULT_HISTORY, **arguments: Any) -> CoevolveParallelEnv:
    """The parallel environment, by PettingZoo's name for it; arguments as of `CoevolveParallelEnv`."""
    return CoevolveParallelEnv(history, **arguments)


def env(history: HistorySpec = DEFAULT_HISTORY, **arguments: Any) -> AECEnv[str, Any, Any]:
    """The same, agent after agent: the human acts, then the assistant, then the step is taken."""
    return parallel_to_aec(parallel_env(history, **arguments))
