"""The ICU-Sepsis benchmark as a Gymnasium environment of numbers."""

from __future__ import annotations

from typing import Any, ClassVar

import gymnasium as gym
import numpy as np
from numpy.typing import NDArray

from progressgym.core.errors import UserError, unknown
from progressgym.envs.sepsis.drawing import draw_patient
from progressgym.envs.sepsis.tables import FEATURES, SURVIVAL, IcuTables, icu_tables

LIMIT = 16.0
BARS = 12
"""How many features a picture shows."""
"""No normalised feature of any state is farther from 0."""


class SepsisIcuEnv(gym.Env[NDArray[np.float32], np.int64]):
    """
    Treat a patient with sepsis in intensive care, four hours at a time; reward 1 if the patient survives.

    ## Description
    ICU-Sepsis (Choudhary, Gupta, Thomas, RLC 2024), a decision process of 716 states estimated from the MIMIC-III
    records of intensive care, seen through the 44 features that 'Reward Design for Justifiable Sequential
    Decision-Making' (ICLR 2024) uses. Each state is the mean of a cluster of patients. Transitions, rewards, first
    states and the clinicians' policy are known, so returns are exact: random .7801, clinicians .7818, best .8751
    (`env.unwrapped.tables.mdp`). A simulator for research, no medical advice.

    Needs `pip install 'progress-gym[sepsis]'`. Only the data files of the package are read; its three features that
    the paper leaves out are left out here, two of them because they state the treatment itself.

    ## Action Space
    `Discrete(25)`: 5 * level of intravenous fluids + level of vasopressor, each from 0 (none) to 4. An action that
    clinicians hardly ever took in a state acts like the mean of those that they took.

    ## Observation Space
    `Box(-16, 16, (44,), float32)`: normalised features, named by `progressgym.envs.sepsis.tables.FEATURES`; all 0 once
    the episode has ended.

    ## Rewards
    1 when the patient survives, otherwise 0.

    ## Starting State
    Drawn from the distribution of first states in the records.

    ## Episode End
    1. Termination: the patient dies.
    2. Termination: the patient survives.
    3. Truncation: 500 steps (by `gymnasium.make`).

    ## Information
    | key | meaning |
    |---|---|
    | `state` | index of the state, 0 to 714 (713 death, 714 survival) |
    | `sofa` | mean SOFA score of the cluster |
    | `admissible` | (25,) int8, 1 for actions that clinicians took often enough to be estimated |

    ## Arguments
    ```pycon
    >>> import gymnasium as gym, progressgym
    >>> env = gym.make("ProgressGym/SepsisICU-v0")
    >>> observation, info = env.reset(seed=0)
    >>> observation.shape
    (44,)

    ```

    | argument | default | meaning |
    |---|---|---|
    | `render_mode` | `None` | `"ansi"`: the state in one line; `"rgb_array"`: a picture |

    `reset(options={"state": 5})` begins in a state of choice.

    ## Version History
    * v0: initial version
    """

    metadata: ClassVar[dict[str, Any]] = {"render_modes": ["ansi", "rgb_array"], "render_fps": 4}  # type: ignore[misc]

    steps = 500
    """At most; an episode takes about ten."""

    def __init__(self, *, render_mode: str | None = None) -> None:
        if render_mode is not None and render_mode not in self.metadata["render_modes"]:
            raise unknown("render mode", str(render_mode), self.metadata["render_modes"])
        self.render_mode = render_mode
        self._state: int | None = None
        self.observation_space = gym.spaces.Box(-LIMIT, LIMIT, (len(FEATURES),), np.float32)
        self.action_space = gym.spaces.Discrete(self.tables.mdp.actions)

    @property
    def tables(self) -> IcuTables:
        """The exact numbers; shared by the whole process and left out of copies of the environment."""
        return icu_tables()

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[NDArray[np.float32], dict[str, Any]]:
        """Admit a patient; see the class.

        Raises:
            UserError: `options["state"]` is no living state, or another option is given.
        """
        super().reset(seed=seed)
        chosen = dict(options or {})
        state = chosen.pop("state", None)
        if chosen:
            raise unknown("reset option", str(next(iter(chosen))), ["state"])
        living = int((~self.tables.mdp.terminal).sum())
        if state is None:
            state = min(
                int(np.searchsorted(np.cumsum(self.tables.mdp.initial), self.np_random.random(), side="right")),
                living - 1,
            )
        elif not isinstance(state, (int, np.integer)) or not 0 <= state < living:
            raise UserError(f"state must be an integer from 0 to {living - 1}, not {state!r}")
        self._state = int(state)
        return self._observe(), self._info()

    def step(self, action: np.int64) -> tuple[NDArray[np.float32], float, bool, bool, dict[str, Any]]:
        """Treat for four hours; see the class.

        Raises:
            UserError: not an action, or the episode has not begun or has ended.
        """
        if self._state is None or self.tables.mdp.terminal[self._state]:
            raise UserError("the episode has not begun or has ended; call reset")
        if not self.action_space.contains(action):
            raise UserError(f"an action is an integer from 0 to {self.tables.mdp.actions - 1}, not {action!r}")
        drawn = self.tables.mdp.draw(np.array([self._state]), np.array([action]), np.array([self.np_random.random()]))
        self._state = int(drawn[0])
        ended = bool(self.tables.mdp.terminal[self._state])
        return self._observe(), float(self._state == SURVIVAL), ended, False, self._info()

    def render(self) -> str | NDArray[np.uint8] | None:
        """The state in one line, or as a picture, with the features that are farthest from the mean."""
        if self.render_mode is None:
            return None
        if self._state is None or self.tables.mdp.terminal[self._state]:
            headline, far = self._outcome(), np.arange(0)
        else:
            headline = f"state {self._state}, SOFA {self.tables.sofa[self._state]:.1f}"
            far = np.argsort(-np.abs(self.tables.features[self._state]))
        features = self.tables.features[self._state or 0]
        if self.render_mode == "rgb_array":
            bars = far[:BARS]
            return draw_patient(headline, [FEATURES[k] for k in bars], features[bars].tolist(), limit=4.0)
        farthest = ", ".join(f"{FEATURES[k]} {features[k]:+.1f}" for k in far[:3])
        return f"{headline}: {farthest}" if farthest else headline

    def _outcome(self) -> str:
        if self._state is None:
            return "no patient yet"
        return "the patient survived" if self._state == SURVIVAL else "the patient died"

    def _observe(self) -> NDArray[np.float32]:
        return self.tables.features[self._state].copy()

    def _info(self) -> dict[str, Any]:
        assert self._state is not None
        return {
            "state": self._state,
            "sofa": float(self.tables.sofa[self._state]),
            "admissible": self.tables.admissible[self._state].astype(np.int8),
        }
