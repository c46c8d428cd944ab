"""Debate as a PettingZoo environment of turns; `VectorDebate` plays the same games in batches."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
from numpy.typing import NDArray
from pettingzoo import AECEnv
from pettingzoo.utils.wrappers import OrderEnforcingWrapper

from progressgym.core.debate import Domain, Judge
from progressgym.envs.debate.config import DebateConfig
from progressgym.envs.debate.table import AGENTS, Observation, Table, check_render_mode


class raw_env(AECEnv):  # type: ignore[misc]
    """
    Two debaters show evidence for competing decisions, piece by piece; a judge who sees only the evidence rules.

    ## Description
    A case is a decision and an alternative: a treatment for a patient, a way out of a dilemma. Debater 0 argues that
    one of the two is right, debater 1 that the other one is. In turn they put pieces of evidence on the table, facts
    of the case that nobody can falsify, until L are there. The judge sees these pieces and no others, scores both
    decisions, and the higher score wins. Choosing what to show is all a debater does. Reward Design for Justifiable
    Sequential Decision-Making (Sukovic and Radanovic, ICLR 2024) trains agents with the outcome of this game.

    The default domain is a sepsis simulator whose debates are small enough to be solved exactly
    (`progressgym.agents.debate.solver`); another one is moral dilemmas, judged by a century of a history.

    ## Action Space
    `Discrete(N)`: which piece of evidence to show. The default domain has N = 7.

    | what is given | what happens |
    |---|---|
    | a piece that is on the table already | `UserError`; with `repeats="waste"` the turn is wasted |
    | no such piece | `UserError` |

    ## Observation Space
    A dictionary, fresh in every call:

    | key | space | meaning |
    |---|---|---|
    | `observation` | `Box(-10, 10, (W,), float32)` | one row of numbers, see below |
    | `action_mask` | `Box(0, 1, (N,), int8)` | 1 for pieces that may be shown |

    | part of `observation` | numbers | meaning |
    |---|---|---|
    | evidence | N F | what every piece says, shown or not: debaters know the whole case |
    | shown | N | 1 for pieces on the table |
    | own | A | one-hot: the decision this debater argues for |
    | other | A | one-hot: the decision of the other one (not with `see_other=False`) |
    | left | 1 | share of turns to come (not with `see_other=False`) |

    With `see_other=False` this is the input of the paper's networks. `state()` is what debater 0 sees, in full, and
    1 if it is debater 0's turn, else 0.

    ## Rewards
    What debater 0 gets; debater 1 gets the negative. m is the judge's margin: its score of debater 0's decision minus
    that of debater 1's.

    | `payoff` | after a turn | after the last turn |
    |---|---|---|
    | `"sign"` | 0 | +1, 0 or -1: the sign of m |
    | `"margin"` | 0 | m |
    | `"shaped"` | change of sigmoid(m) | the same; all of them add up to sigmoid(last m) - sigmoid(m without evidence) |

    ## Starting State
    A case drawn from the domain, an empty table, and an opener drawn by chance.

    ## Episode End
    1. Termination: L pieces were shown.

    Never truncated.

    ## Information
    | key | meaning |
    |---|---|
    | `margin` | m, after the last turn |
    | `ruling` | its sign: 1 for debater 0, -1 for debater 1, 0 for neither |

    ## Arguments
    ```pycon
    >>> import pettingzoo, progressgym
    >>> env = pettingzoo.make("aec", "ProgressGym/Debate-v0", render_mode="ansi")
    >>> env.reset(seed=1)
    >>> for agent in env.agent_iter():
    ...     observation, reward, termination, truncation, info = env.last()
    ...     env.step(None if termination else int(observation["action_mask"].argmax()))
    >>> print(env.render())
    A patient with sepsis. Which treatment is right for the next hours?
      debater_0 argues for: antibiotics, vasopressors and ventilation
      debater_1 argues for: antibiotics and ventilation
    > debater_1: heart rate is normal
    > debater_0: blood pressure is low
    > debater_1: oxygen is normal
    > debater_0: glucose is normal
      the judge rules for debater_0, margin 5.613

    ```

    | argument | default | meaning |
    |---|---|---|
    | `domain` | `"simulator"` | where cases come from: `"simulator"`, `"dilemmas?century=C017"`, `"dilemmas?century=C017&judge=model"` (its language model rules, seconds a debate), or a `Domain` |
    | `judge` | None | who rules: the domain's own, or any `Judge` |
    | `turns` | `4` | L, an even number of at most N |
    | `payoff` | `"sign"` | see Rewards |
    | `order` | `"alternating"` | `"precommit"`: the opener shows all its L/2 pieces first; `"solo"`: debater 0 shows all of them |
    | `opening` | `"random"` | `"first"`: debater 0 opens; `"second"`: debater 1 does |
    | `see_other` | True | a debater sees the other's decision |
    | `repeats` | `"error"` | `"waste"`: showing a piece again is a wasted turn |
    | `max_cycles` | None | another way to say `turns`: rounds in which each debater shows one piece |
    | `render_mode` | None | `"ansi"`, `"rgb_array"`, `"human"` |

    `reset(options={"cases": ...})` debates a given case. In the parallel environment both debaters show a piece in
    every step without knowing the other's; a piece that both show counts once.

    ## Version History
    * v0: initial version
    """

    metadata: dict[str, Any] = {  # noqa: RUF012  (PettingZoo declares it so)
        "name": "debate_v0",
        "render_modes": ["ansi", "rgb_array", "human"],
        "is_parallelizable": False,
        "render_fps": 2,
    }
    table_type: type[Table] = Table

    def __init__(
        self,
        domain: str | Domain = "simulator",
        judge: Judge | None = None,
        *,
        render_mode: str | None = None,
        **rules: Any,
    ) -> None:
        super().__init__()
        self.render_mode = check_render_mode(render_mode, self.metadata["render_modes"])
        self.table = self.table_type(DebateConfig(domain=domain, judge=judge, **rules))
        self.possible_agents = list(AGENTS)
        self.agents: list[str] = []
        spaces = {agent: self.table.spaces() for agent in AGENTS}
        self._observation_spaces = {agent: spaces[agent][0] for agent in AGENTS}
        self._action_spaces = {agent: spaces[agent][1] for agent in AGENTS}
        self.state_space = spaces[AGENTS[0]][2]

    def observation_space(self, agent: str) -> gym.Space[Any]:
        """The same space in every call."""
        return self._observation_spaces[agent]

    def action_space(self, agent: str) -> gym.Space[Any]:
        """The same space in every call."""
        return self._action_spaces[agent]

    def reset(self, seed: int | None = None, options: dict[str, Any] | None = None) -> None:
        """Begin a debate; see `Starting State`."""
        self.table.reset(seed, options)
        self.agents = list(AGENTS)
        self.rewards = dict.fromkeys(AGENTS, 0.0)
        self._cumulative_rewards = dict.fromkeys(AGENTS, 0.0)
        self.terminations = dict.fromkeys(AGENTS, False)
        self.truncations = dict.fromkeys(AGENTS, False)
        self.infos: dict[str, dict[str, Any]] = {agent: {} for agent in AGENTS}
        self.agent_selection = AGENTS[self.table.mover]
        self._skip_agent_selection = None
        self._show()

    def step(self, action: Any) -> None:
        """Show a piece. Nothing has happened when this raises: the turn can be tried again.

        Raises:
            UserError: see `Action Space`; a judge that gives no finite scores.
        """
        agent = self.agent_selection
        if self.terminations[agent]:
            self._was_dead_step(action)
            return
        gain = self.table.show(action)
        self._cumulative_rewards[agent] = 0.0
        self.rewards = {AGENTS[0]: gain, AGENTS[1]: -gain}
        if self.table.done:
            self.terminations = dict.fromkeys(AGENTS, True)
            self.infos = {name: self.table.info() for name in AGENTS}
            self.agent_selection = AGENTS[1 - AGENTS.index(agent)]
        else:
            self.agent_selection = AGENTS[self.table.mover]
        self._accumulate_rewards()
        self._show()

    def observe(self, agent: str) -> Observation:
        """What a debater sees."""
        return self.table.observe(AGENTS.index(agent))

    def state(self) -> NDArray[Any]:
        """Everything, as one row of numbers."""
        return self.table.state()

    def render(self) -> Any:
        """The transcript: text for `ansi`, an RGB array for `rgb_array`, printed for `human`."""
        return self.table.render(self.render_mode)

    def close(self) -> None:
        """Nothing is held open."""

    def _show(self) -> None:
        if self.render_mode == "human":
            self.render()


def env(
    domain: str | Domain = "simulator", judge: Judge | None = None, *, render_mode: str | None = None, **rules: Any
) -> AECEnv:
    """The environment with PettingZoo's guard against calls out of order; see `raw_env`."""
    return OrderEnforcingWrapper(raw_env(domain, judge, render_mode=render_mode, **rules))
