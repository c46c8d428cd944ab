"""Tractability as a Gymnasium environment: duties that do not all fit, one after the other, with what the best would be."""

from __future__ import annotations

from typing import Annotated, Any

import gymnasium as gym
import numpy as np
from numpy.typing import NDArray

from progressgym.core.arguments import Rule, Within, check_value, is_number
from progressgym.core.errors import UserError, unknown
from progressgym.envs.knapsack import SLACK, Choice, Knapsack, exact
from progressgym.envs.known_steps import KnownSteps

FREE, TAKEN, TOO_LONG = 1.0, 0.0, -1.0
Share = Annotated[
    float, Rule("a share of all hours is expected, above 0 and below 1", lambda x: is_number(x) and 0 < x < 1)
]


class TractabilityEnv(KnownSteps, gym.Env[NDArray[np.float32], np.int64]):
    """
    Choose among duties that do not all fit into the time there is, and see what choosing better would have taken.

    ## Description
    A planted knapsack: n duties, each with the hours that it takes and the good that it does, and hours for a share of
    them. Weighing every combination is exact and grows as 2^n; rules are cheap and lose some of the good. When an episode
    ends it says how much was lost, and how many partial choices an exact search expanded to know it. The problem stands
    for the thesis that consequences are mostly intractable to weigh (arXiv 2302.04218); it is ours, not the paper's.

    ## Action Space
    `Discrete(n + 1)`: do a duty, or stop (n). A duty that is done already or does not fit costs a step and changes nothing.

    ## Observation Space
    `Box((n + 1, 3))`: of every duty its good and its hours, both as shares of the largest possible (15 and 10), and 1 where
    it can be done, 0 where it is done, -1 where it no longer fits. The last row holds the hours left as a share of the budget
    at first, and of all hours, and 0.

    ## Rewards
    The good that a duty does, as a share of what the best choice does: an episode's sum is at most 1.

    ## Starting State
    Nothing is done. Hours are uniform on [1, 10], good is hours plus an urgency uniform on [0, 5].

    ## Episode End
    1. Termination: the agent stops.
    2. Termination: nothing more fits.
    3. Truncation: after 2 n steps.

    ## Information
    | key | meaning |
    |---|---|
    | `action_mask` | (n + 1,) 1 on actions that change something or stop |
    | `regret` | at the end: share of the best choice's good that was missed |
    | `nodes` | at the end: partial choices that the exact search expanded |

    ## Arguments
    ```pycon
    >>> import gymnasium as gym, progressgym
    >>> env = gym.make("ProgressGym/Tractability-v0", n=6)
    >>> observation, info = env.reset(seed=0)
    >>> observation.shape, int(info["action_mask"].sum())
    ((7, 3), 7)

    ```

    | argument | default | meaning |
    |---|---|---|
    | `n` | `10` | duties, 2 to 40 |
    | `budget` | `0.4` | hours there are, as a share of all hours |

    ## Version History
    * v0: initial version
    """

    metadata: dict[str, Any] = {"render_modes": ["ansi"], "render_fps": 4}  # noqa: RUF012 (Gymnasium declares it as an instance variable)

    def __init__(self, n: int = 10, *, budget: float = 0.4, render_mode: str | None = None) -> None:
        check_value("n", n, Annotated[int, Within(2, 40)])
        check_value("budget", budget, Share)
        if render_mode is not None and render_mode not in self.metadata["render_modes"]:
            raise unknown("render mode", str(render_mode), self.metadata["render_modes"])
        self.n, self.steps, self.render_mode, self._share = n, 2 * n, render_mode, budget
        self.problem: Knapsack | None = None
        """What is being chosen from; None before the first reset."""
        self._best: Choice | None = None
        self._over = True
        self.action_space = gym.spaces.Discrete(n + 1)
        self.observation_space = gym.spaces.Box(-1.0, 1.0, (n + 1, 3), np.float32)

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[NDArray[np.float32], dict[str, Any]]:
        """Plant a problem."""
        super().reset(seed=seed)
        self.problem = Knapsack.draw(self.n, self._share, self.np_random)
        self._best = exact(self.problem)
        self._done = np.zeros(self.n, dtype=bool)
        self._room, self._gained, self._step = self.problem.budget, 0.0, 0
        self._over = not self._fits().any()
        return self._observe(), self._info()

    def step(self, action: np.int64) -> tuple[NDArray[np.float32], float, bool, bool, dict[str, Any]]:
        """Do a duty, or stop.

        Raises:
            UserError: no such action.
            gymnasium.error.ResetNeeded: the episode is over or has not begun.
        """
        if self._over or self.problem is None or self._best is None:
            raise gym.error.ResetNeeded("the episode is over: call reset() before the next step()")
        if not self.action_space.contains(action):
            raise UserError(f"there is no action {action!r}; use 0 to {self.n}")
        self._step += 1
        reward = 0.0
        if action < self.n and self._fits()[action]:
            self._done[action] = True
            self._room -= float(self.problem.weights[action])
            reward = float(self.problem.values[action]) / self._best.value
            self._gained += reward
        terminated = int(action) == self.n or not self._fits().any()
        truncated = not terminated and self._step >= self.steps
        self._over = terminated or truncated
        return self._observe(), reward, terminated, truncated, self._info()

    def render(self) -> str | None:
        """What was done, and what is left, in words."""
        if self.render_mode is None or self.problem is None:
            return None
        return f"{int(self._done.sum())} of {self.n} duties done, {self._room:.1f} hours left"

    def _fits(self) -> NDArray[np.bool_]:
        """(n,) duties that can be done."""
        assert self.problem is not None
        fits: NDArray[np.bool_] = ~self._done & (self.problem.weights <= self._room + SLACK)
        return fits

    def _observe(self) -> NDArray[np.float32]:
        assert self.problem is not None
        status = np.where(self._done, TAKEN, np.where(self._fits(), FREE, TOO_LONG))
        duties = np.stack([self.problem.values / 15.0, self.problem.weights / 10.0, status], axis=1)
        room = max(self._room, 0.0)
        rest = [room / self.problem.budget, room / float(self.problem.weights.sum()), 0.0]
        return np.vstack([duties, rest]).astype(np.float32)

    def _info(self) -> dict[str, Any]:
        info: dict[str, Any] = {"action_mask": np.append(self._fits(), True).astype(np.int8)}
        if self._over and self._best is not None:
            info |= {"regret": max(0.0, 1.0 - self._gained), "nodes": self._best.compute}
        return info
