"""ShiftTracking: tell what a person thinks now and what they thought before, when people change their minds as people do."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
from numpy.typing import NDArray

from progressgym.core.bounds import whole
from progressgym.core.errors import UserError, unknown
from progressgym.envs.known_steps import KnownSteps
from progressgym.envs.shifts import plus_shares, shipped_shifts, transitions

Reals = NDArray[np.float32]
MOST_STEPS = 1000


class ShiftTrackingEnv(KnownSteps, gym.Env[Reals, Reals]):
    """
    Tell what a person holds now and what they held before, from a few answers a step, while they change their mind as people do.

    ## Description
    A person holds one of two poles on each of 65 moral and social questions. Every step is four years, after which each answer has
    changed with the rate at which people of the General Social Survey's panel changed it between 2006 and 2010, by question and
    by pole: on average .809 give the same answer again, .100 have gone over to the plus pole and .091 to the minus pole; `colrac`
    (may a racist teach?) is the least stable, .653. Then a few questions are asked, and the agent says for all of them what the
    person holds now and what they held a step before. That is the previous and the current acceptability of CLASH, with a person
    in place of a written character. The rates are `env.unwrapped.rates`, (65, 2, 2), minus first.

    In the panel, answers within two years changed hardly less than within four, so a good part of the shifts is answers that
    were not firm. The environment takes them for changes of mind.

    | agent | reward of a step | right now | right before | gap |
    |---|---|---|---|---|
    | always 0 | .000 | .500 | .500 | .000 |
    | `static`: the first answers for ever | -.207 | .675 | .721 | .046 |
    | `last`: the last answer that was given | .230 | .794 | .821 | .027 |
    | `pooled`: exact inference with one pair of rates for all questions | .442 | .773 | .823 | .049 |
    | `filter`: exact inference with each question's rates, the best possible | .551 | .823 | .855 | .032 |

    Means of 1,000 episodes (`python -m research.shifts --baselines --episodes 1000`), standard errors of at most .004; the agents are
    in `progressgym.agents.shift_tracking`.

    ## Action Space
    `Box(-1, 1, (130,), float32)`: for each question what the person holds now, then for each what they held before: from -1
    (surely the minus pole) to 1 (surely the plus pole); (1 + a) / 2 is the probability of the plus pole. Numbers outside are
    clipped, NaN is a `UserError`.

    ## Observation Space
    `Box(-1, 1, (195,), float32)`; it holds all that matters, so that an agent needs no memory:

    | entries | meaning |
    |---|---|
    | 0 to 64 | the answer now: -1 minus, 1 plus, 0 not asked |
    | 65 to 129 | the last answer before now: -1 or 1 |
    | 130 to 194 | how many steps ago that was, over `steps` |

    ## Rewards
    1 - (a - h)^2 with h = -1 or 1 what the person holds, mean over questions, now and before: 0 for not saying anything, 1 for
    being right and sure, -3 for being wrong and sure. Honest probabilities have the highest expectation.

    ## Starting State
    A person with the answers of 2006, each drawn with the share of people who gave it, who has answered all questions; then the
    first step of four years is taken.

    ## Episode End
    1. Termination: after `steps` steps. Never truncated.

    ## Information
    Of the step that was just answered, 0 in `reset()`:

    | key | meaning |
    |---|---|
    | `now`, `before` | share of questions whose side was told right, 0 counting half |
    | `gap` | `before` - `now` |

    ## Arguments
    ```pycon
    >>> import gymnasium as gym, numpy as np, progressgym
    >>> env = gym.make("ProgressGym/ShiftTracking-v0", queries=65)
    >>> observation, info = env.reset(seed=0)
    >>> env.step(observation[:130])[1]
    1.0

    ```

    | argument | default | meaning |
    |---|---|---|
    | `queries` | `16` | questions asked each step, 0 to 65, drawn anew |
    | `steps` | `8` | steps of four years |
    | `render_mode` | `None` | `"ansi"`: the last step in one line |

    ## Version History
    * v0: initial version
    """

    metadata: dict[str, Any] = {"render_modes": ["ansi"], "render_fps": 4}  # noqa: RUF012 (Gymnasium declares it as an instance variable)

    def __init__(self, *, queries: int = 16, steps: int = 8, render_mode: str | None = None) -> None:
        if render_mode is not None and render_mode not in self.metadata["render_modes"]:
            raise unknown("render mode", str(render_mode), self.metadata["render_modes"])
        records = shipped_shifts()
        self.variables = tuple(record.variable for record in records)
        """Names of the N questions."""
        self.rates = transitions(records)
        """(N, 2, 2) from the row's pole to the column's, minus first."""
        self.queries = whole("queries", queries, 0, len(records))
        self.steps = whole("steps", steps, 1, MOST_STEPS)
        self.render_mode = render_mode
        self._shares = plus_shares(records)
        self._step = -1
        count = len(records)
        self.action_space = gym.spaces.Box(-1.0, 1.0, (2 * count,), np.float32)
        self.observation_space = gym.spaces.Box(-1.0, 1.0, (3 * count,), np.float32)

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Reals, dict[str, Any]]:
        """Meet a person, and let four years go by.

        Raises:
            UserError: an option; there are none.
        """
        super().reset(seed=seed)
        if options:
            raise UserError(f"reset option {next(iter(options))!r} is unknown; there are none")
        self._now = (self.np_random.random(len(self._shares)) < self._shares).astype(np.int64)
        self._last, self._age = self._now.copy(), np.zeros(len(self._now), dtype=np.int64)
        self._asked = np.ones(len(self._now), dtype=bool)
        self._step, self._info = 0, {"now": 0.0, "before": 0.0, "gap": 0.0}
        self._shift()
        return self._observe(), dict(self._info)

    def step(self, action: Reals) -> tuple[Reals, float, bool, bool, dict[str, Any]]:
        """Say what the person holds now and held before.

        Raises:
            UserError: an action of another shape, or NaN.
            gymnasium.error.ResetNeeded: the episode is over or has not begun.
        """
        if not 0 <= self._step < self.steps:
            raise gym.error.ResetNeeded("the episode is over: call reset() before the next step()")
        claims = np.asarray(action, dtype=np.float64)
        if claims.shape != self.action_space.shape or np.isnan(claims).any():
            raise UserError(f"an action is {2 * len(self._now)} numbers from -1 to 1, none of them NaN")
        claims = np.clip(claims, -1.0, 1.0).reshape(2, -1)
        truth = 2.0 * np.stack([self._now, self._before]) - 1.0
        now, before = (0.5 + 0.5 * np.sign(claims) * truth).mean(1).tolist()
        self._info = {"now": now, "before": before, "gap": before - now}
        reward = float((1.0 - (claims - truth) ** 2).mean())
        self._step += 1
        self._shift()
        return self._observe(), reward, self._step >= self.steps, False, dict(self._info)

    def render(self) -> str | None:
        """How well the last step was told, in one line."""
        if self.render_mode is None or self._step < 0:
            return None
        return (
            f"step {self._step} of {self.steps}: {int(self._asked.sum())} of {len(self._now)} questions asked, "
            f"right now {self._info['now']:.2f}, right before {self._info['before']:.2f}"
        )

    def _shift(self) -> None:
        """Four years go by, and questions are asked."""
        self._last = np.where(self._asked, self._now, self._last)
        self._age = np.where(self._asked, 1, self._age + 1)
        self._before = self._now
        plus = self.rates[np.arange(len(self._now)), self._now, 1]
        self._now = (self.np_random.random(len(plus)) < plus).astype(np.int64)
        self._asked = np.zeros(len(plus), dtype=bool)
        self._asked[self.np_random.permutation(len(plus))[: self.queries]] = True

    def _observe(self) -> Reals:
        answered = np.where(self._asked, 2 * self._now - 1, 0)
        age = np.minimum(self._age / self.steps, 1.0)  # the observation after the last step is older than any other
        return np.concatenate([answered, 2 * self._last - 1, age]).astype(np.float32)
