"""The sepsis simulator as a Gymnasium environment."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
from numpy.typing import NDArray

from progressgym.core.errors import UserError, unknown
from progressgym.envs.known_steps import KnownSteps
from progressgym.envs.sepsis.drawing import draw_patient
from progressgym.envs.sepsis.dynamics import HORIZON, LEVELS, NORMAL, OBSERVED, VARIABLES, action_name, build, table
from progressgym.envs.sepsis.mdp import TabularMDP

OBSERVATIONS = ("levels", "index")


class SepsisSimulatorEnv(KnownSteps, gym.Env[Any, np.int64]):
    """
    Treat a patient with sepsis: three treatments to give or withhold, four vital signs to bring back to normal.

    ## Description
    The simulator of Oberst and Sontag (Counterfactual Off-Policy Evaluation with Gumbel-Max Structural Causal Models,
    ICML 2019), restated from its published rules with exact dynamics: `env.unwrapped.mdp` holds the transition
    tensor, so that a policy's return is computed, not estimated. Whether the patient has diabetes, which changes how
    treatments act, is not observed. It is a model to experiment with, not medical advice.

    ## Action Space
    `Discrete(8)`: every combination of treatments, 4 * antibiotics + 2 * ventilation + vasopressors.

    ## Observation Space
    | `observation` | space | meaning |
    |---|---|---|
    | `"levels"` | `MultiDiscrete([3, 3, 2, 5, 2, 2, 2])` | heart rate, blood pressure (low, normal, high), oxygen (low, normal), glucose (2 is normal), then antibiotics, vasopressors, ventilation (off, on) |
    | `"index"` | `Discrete(720)` | the same as one number |

    ## Rewards
    +1 when all vital signs are normal and every treatment is off, -1 when three or more are abnormal, else 0.

    ## Starting State
    An untreated patient: heart rate and pressure low, normal or high with probabilities .25, .5, .25, oxygen low with
    .2, glucose mostly normal (with diabetes mostly high); one in five has diabetes. Nobody begins dead or well.

    ## Episode End
    1. Termination: the patient is well.
    2. Termination: the patient is dead.
    3. Truncation: after `horizon` steps.

    ## Information
    | key | meaning |
    |---|---|
    | `state` | index of the observed state, 0 to 719 |

    ## Arguments
    ```pycon
    >>> import gymnasium as gym, progressgym
    >>> env = gym.make("ProgressGym/SepsisSimulator-v0", glucose="published")
    >>> observation, info = env.reset(seed=0)
    >>> env.unwrapped.mdp.transitions.shape
    (8, 1440, 1440)

    ```

    | argument | default | meaning |
    |---|---|---|
    | `glucose` | `"corrected"` | `"published"` keeps a fault of the published code: without diabetes a normal glucose that should rise falls |
    | `observation` | `"levels"` | or `"index"` |
    | `horizon` | `20` | steps after which an episode is cut off |

    ## Version History
    * v0: initial version
    """

    metadata: dict[str, Any] = {"render_modes": ["ansi", "rgb_array"], "render_fps": 4}  # noqa: RUF012 (Gymnasium declares it as an instance variable)

    def __init__(
        self,
        glucose: str = "corrected",
        *,
        observation: str = "levels",
        horizon: int = HORIZON,
        render_mode: str | None = None,
    ) -> None:
        if observation not in OBSERVATIONS:
            raise unknown("kind of observation", str(observation), OBSERVATIONS)
        if isinstance(horizon, bool) or not isinstance(horizon, int) or horizon < 1:
            raise UserError(f"horizon is {horizon!r}; use a whole number of steps, 1 or more")
        if render_mode is not None and render_mode not in self.metadata["render_modes"]:
            raise unknown("render mode", str(render_mode), self.metadata["render_modes"])
        self.mdp: TabularMDP = build(glucose)
        """The exact process; states 0 to 719 without diabetes, 720 to 1439 with it."""
        self.steps = horizon
        self.render_mode = render_mode
        self._levels = observation == "levels"
        self._table = table()
        self._cumulative_start = np.cumsum(self.mdp.initial)
        self._state, self._step = -1, 0
        self.action_space = gym.spaces.Discrete(self.mdp.actions)
        self.observation_space: gym.Space[Any] = (
            gym.spaces.MultiDiscrete(list(LEVELS)) if self._levels else gym.spaces.Discrete(OBSERVED)
        )

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        """Admit a patient."""
        super().reset(seed=seed)
        self._state, self._step = self._draw(self._cumulative_start), 0
        return self._observe(), self._info()

    def step(self, action: np.int64) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        """Treat for one step.

        Raises:
            UserError: no such action.
            gymnasium.error.ResetNeeded: the episode is over or has not begun.
        """
        if self._state < 0 or self._step >= self.steps or self.mdp.terminal[self._state]:
            raise gym.error.ResetNeeded("the episode is over: call reset() before the next step()")
        if not self.action_space.contains(action):
            raise UserError(f"there is no action {action!r}; use 0 to {self.mdp.actions - 1}")
        self._state = self._draw(np.cumsum(self.mdp.transitions[int(action), self._state]))
        self._step += 1
        terminated = bool(self.mdp.terminal[self._state])
        truncated = not terminated and self._step >= self.steps
        return self._observe(), float(self.mdp.arrival[self._state]), terminated, truncated, self._info()

    def render(self) -> str | NDArray[np.uint8] | None:
        """The patient in words for `ansi`, as bars for `rgb_array`."""
        if self.render_mode is None or (self.render_mode == "ansi" and self._state < 0):
            return None
        if self._state < 0:
            return draw_patient("no patient yet", (), (), limit=2.0)
        levels = self._table[self._state % OBSERVED]
        on = 4 * levels[4] + 2 * levels[6] + levels[5]
        if self.render_mode == "rgb_array":
            title = f"step {self._step}: {action_name(int(on))}"
            return draw_patient(title, VARIABLES[:4], (levels[:4] - np.array(NORMAL)).tolist(), limit=2.5)
        vitals = ", ".join(f"{name} {level}" for name, level in zip(VARIABLES[:4], levels[:4].tolist(), strict=True))
        return f"step {self._step}: {vitals}; {action_name(int(on))}"

    def _draw(self, cumulative: NDArray[np.float64]) -> int:
        """A state from cumulative probabilities."""
        at = np.searchsorted(cumulative, self.np_random.random() * cumulative[-1], side="right")
        return int(min(at, self.mdp.states - 1))

    def _observe(self) -> Any:
        seen = self._state % OBSERVED
        return self._table[seen].copy() if self._levels else np.int64(seen)

    def _info(self) -> dict[str, Any]:
        return {"state": self._state % OBSERVED}
