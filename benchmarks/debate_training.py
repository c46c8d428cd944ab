"""How fast debaters learn: our batched PPO against sb3-contrib's MaskablePPO, in one run.

    python benchmarks/debate_training.py                # about a minute on two quiet cores
    python benchmarks/debate_training.py --domain icu   # 44 pieces and a learned judge

Same game (a debater answers an opponent, shaped payoff), same batch of own turns, epochs, minibatch, hidden layers and
thread. MaskablePPO plays through PettingZoo's AEC environment, as a user of standard code would; its opponent shows
pieces by chance, which costs nothing, while ours plays a network. One thread: these networks are too small for two.
"""

from __future__ import annotations

import argparse
import sys
import time
from typing import Any

import gymnasium as gym
import numpy as np
import torch
from numpy.typing import NDArray

from progressgym.agents.debate.network import DebaterNet
from progressgym.agents.debate.ppo import PpoRecipe
from progressgym.agents.debate.training import DebateRecipe, train_confuser
from progressgym.agents.debate.view import view_width
from progressgym.core.debate import Domain, Judge
from progressgym.envs.debate import raw_env
from progressgym.envs.debate.domains import make_domain

TURNS = {"simulator": 4, "icu": 6}
GAMES, EPOCHS, MINIBATCH, HIDDEN = 512, 3, 512, 128


class SeatOne(gym.Env[NDArray[np.float32], np.int64]):
    """Debater 1 of the AEC environment as a single agent; debater 0 shows pieces by chance."""

    def __init__(self, domain: Domain, judge: Judge, turns: int) -> None:
        self._env = raw_env(domain, judge, turns=turns, payoff="shaped")
        agent = self._env.possible_agents[1]
        self.action_space = self._env.action_space(agent)
        self.observation_space = self._env.observation_space(agent)["observation"]
        self._chance = np.random.default_rng(0)

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> Any:
        """Begin, up to our first turn."""
        super().reset(seed=seed)
        self._env.reset(seed=seed)
        self._opponent()
        return self._seen(), {}

    def step(self, action: np.int64) -> Any:
        """Our piece, and the opponent's after it."""
        before = self._total
        self._move(int(action))
        self._opponent()
        return self._seen(), self._total - before, bool(self._env.terminations["debater_1"]), False, {}

    def action_masks(self) -> NDArray[np.bool_]:
        """What MaskablePPO asks for."""
        return self._env.observe("debater_1")["action_mask"].astype(np.bool_)

    def _opponent(self) -> None:
        if self._env.table.turn == 0:
            self._total = 0.0
        while not self._env.table.done and self._env.agent_selection == "debater_0":
            free = np.flatnonzero(self._env.observe("debater_0")["action_mask"])
            self._move(int(self._chance.choice(free)))

    def _move(self, piece: int) -> None:
        self._env.step(piece)
        self._total += self._env.rewards["debater_1"]

    def _seen(self) -> NDArray[np.float32]:
        seen: NDArray[np.float32] = self._env.observe("debater_1")["observation"]
        return seen


def ours(domain: Domain, judge: Judge, turns: int, updates: int) -> float:
    """Own turns a second, playing and learning."""
    settings = DebateRecipe(turns=turns, games=GAMES, ppo=PpoRecipe(hidden=HIDDEN, epochs=EPOCHS, minibatch=MINIBATCH))
    opponent = DebaterNet(view_width(domain), domain.pieces, HIDDEN)
    start = time.perf_counter()
    train_confuser(opponent, domain, judge, settings, updates=updates, seed=0, method="maxmin")
    return updates * GAMES * turns / 2 / (time.perf_counter() - start)


def theirs(domain: Domain, judge: Judge, turns: int, updates: int) -> float:
    """The same of MaskablePPO."""
    from sb3_contrib import MaskablePPO
    from stable_baselines3.common.vec_env import DummyVecEnv

    envs, batch = 64, GAMES * turns // 2
    model = MaskablePPO(
        "MlpPolicy",
        DummyVecEnv([lambda: SeatOne(domain, judge, turns)] * envs),
        n_steps=batch // envs,
        batch_size=MINIBATCH,
        n_epochs=EPOCHS,
        gamma=1.0,
        policy_kwargs={"net_arch": [HIDDEN, HIDDEN], "activation_fn": torch.nn.ReLU},
        device="cpu",
        seed=0,
    )
    start = time.perf_counter()
    model.learn(updates * batch)
    return updates * batch / (time.perf_counter() - start)


def main() -> int:
    """Run both, ours before and after, and print the ratio."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--domain", default="simulator", choices=sorted(TURNS))
    parser.add_argument("--updates", type=int, default=10)
    options = parser.parse_args()
    torch.set_num_threads(1)
    domain, judge = make_domain(options.domain)
    turns = TURNS[options.domain]
    ours(domain, judge, turns, 1)  # imports and caches
    first = ours(domain, judge, turns, options.updates)
    other = theirs(domain, judge, turns, max(options.updates // 3, 1))
    second = ours(domain, judge, turns, options.updates)
    print(f"domain {options.domain}, {turns} pieces, one thread; own turns a second, playing and learning")
    print(f"  progressgym  {first:10.0f} {second:10.0f}")
    print(f"  MaskablePPO  {other:10.0f}")
    print(f"  ratio        {(first + second) / 2 / other:10.1f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
