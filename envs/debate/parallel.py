"""Debate as a PettingZoo environment of rounds, in which both debaters show a piece at once."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
from numpy.typing import NDArray
from pettingzoo import ParallelEnv

from progressgym.core.debate import Domain, Judge
from progressgym.core.errors import UserError
from progressgym.envs.debate.aec import raw_env
from progressgym.envs.debate.config import DebateConfig
from progressgym.envs.debate.table import AGENTS, Observation, Table, check_render_mode


class DebateParallelEnv(ParallelEnv):  # type: ignore[misc]  # PettingZoo is untyped
    """Debate in rounds: both debaters show a piece at once. See `raw_env` for everything else."""

    metadata: dict[str, Any] = raw_env.metadata

    def __init__(
        self,
        domain: str | Domain = "simulator",
        judge: Judge | None = None,
        *,
        render_mode: str | None = None,
        **rules: Any,
    ) -> None:
        self.render_mode = check_render_mode(render_mode, self.metadata["render_modes"])
        # Both show a piece at once, so nobody opens and nobody comes first.
        self.table = Table(DebateConfig(domain=domain, judge=judge, order="alternating", opening="first", **rules))
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

    def reset(
        self, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[dict[str, Observation], dict[str, dict[str, Any]]]:
        """Begin a debate."""
        self.table.reset(seed, options)
        self.agents = list(AGENTS)
        self._show()
        return self._observations(), {agent: {} for agent in AGENTS}

    def step(
        self, actions: dict[str, Any]
    ) -> tuple[dict[str, Observation], dict[str, float], dict[str, bool], dict[str, bool], dict[str, dict[str, Any]]]:
        """Show two pieces. Nothing has happened when this raises.

        Raises:
            UserError: a debater without a piece, a piece that may not be shown, a judge without finite scores.
        """
        if not self.agents:
            return {}, {}, {}, {}, {}
        for agent in AGENTS:
            if agent not in actions:
                raise UserError(f"{agent} shows nothing; give a piece for each of {', '.join(AGENTS)}")
        gain = self._round([actions[agent] for agent in AGENTS])
        done = self.table.done
        results = (
            self._observations(),
            {AGENTS[0]: gain, AGENTS[1]: -gain},
            dict.fromkeys(AGENTS, done),
            dict.fromkeys(AGENTS, False),
            {agent: self.table.info() if done else {} for agent in AGENTS},
        )
        self.agents = [] if done else self.agents
        self._show()
        return results

    def _round(self, pieces: list[Any]) -> float:
        """Both pieces or, when one cannot be shown, none."""
        before = self.table.snapshot()
        try:
            together = pieces[0] == pieces[1]
            return self.table.show(pieces[0]) + self.table.show(pieces[1], repeat_is_waste=bool(together))
        except BaseException:
            self.table.restore(before)
            raise

    def state(self) -> NDArray[Any]:
        """Everything, as one row of numbers."""
        return self.table.state()

    def render(self) -> Any:
        """The transcript: text for `ansi`, an RGB array for `rgb_array`, printed for `human`."""
        return self.table.render(self.render_mode)

    def close(self) -> None:
        """Nothing is held open."""

    def _observations(self) -> dict[str, Observation]:
        return {agent: self.table.observe(side) for side, agent in enumerate(AGENTS)}

    def _show(self) -> None:
        if self.render_mode == "human":
            self.render()
