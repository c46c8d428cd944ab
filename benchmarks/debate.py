"""How fast debates are: batched with a learned judge, one by one through PettingZoo with a linear judge.

    python benchmarks/debate.py [--seconds S] [--updates N]

Prints each rate beside its bar, and in the same run that of an environment that does nothing in the same number of
turns: what PettingZoo itself costs. Debaters pick by chance from the action mask. Then trains a maxmin debater in the
sepsis simulator, isolated start included, and says what it keeps of the exact value on validation states. Times are wall
clock; on a busy machine look at the CPU column.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

import numpy as np
import torch
from pettingzoo import AECEnv
from pettingzoo.utils.wrappers import OrderEnforcingWrapper

from progressgym.agents.debate.measures import wins
from progressgym.agents.debate.ppo import PpoRecipe
from progressgym.agents.debate.sets import evidence_sets
from progressgym.agents.debate.solver import minimax, set_margins, turn_order
from progressgym.agents.debate.trained import TrainedDebater, worst_case
from progressgym.agents.debate.training import DebateRecipe, train_debater
from progressgym.envs import debate
from progressgym.envs.debate.judges import LinearJudge
from progressgym.envs.debate.rules import Rules
from progressgym.envs.debate.simulator import BayesJudge, SimulatorDomain
from progressgym.envs.debate.vector import VectorDebate
from progressgym.preferences.learned_judge import JudgeRecipe, train_judge

GAMES = 4096
BAR = 20_000
TRAINING_BAR = 300
"""Seconds."""


class Nothing(AECEnv):  # type: ignore[misc]  # PettingZoo is untyped
    """Two agents, four turns, constant observations and rewards."""

    metadata = {"name": "nothing", "render_modes": []}  # noqa: RUF012  (PettingZoo declares it so)
    render_mode = None

    def __init__(self) -> None:
        super().__init__()
        self.possible_agents = ["a", "b"]
        self._seen = {"observation": np.zeros(31, dtype=np.float32), "action_mask": np.ones(7, dtype=np.int8)}

    def reset(self, seed: int | None = None, options: dict[str, object] | None = None) -> None:
        """Begin."""
        self.agents, self._turn, self.agent_selection = ["a", "b"], 0, "a"
        self.rewards, self._cumulative_rewards = {"a": 0.0, "b": 0.0}, {"a": 0.0, "b": 0.0}
        self.terminations, self.truncations = {"a": False, "b": False}, {"a": False, "b": False}
        self.infos: dict[str, dict[str, object]] = {"a": {}, "b": {}}
        self._skip_agent_selection = None

    def step(self, action: object) -> None:
        """Next turn."""
        if self.terminations[self.agent_selection]:
            self._was_dead_step(action)
            return
        self._turn += 1
        if self._turn == 4:
            self.terminations = {"a": True, "b": True}
        self.agent_selection = "b" if self.agent_selection == "a" else "a"
        self._accumulate_rewards()

    def observe(self, agent: str) -> dict[str, object]:
        """Always the same."""
        return dict(self._seen)


def batched(judge: object, payoff: str, games: int = GAMES) -> Callable[[], int]:
    """One round of complete debates; returns how many."""
    domain = SimulatorDomain()
    debates = VectorDebate(domain, judge, num_envs=games, rules=Rules(turns=4, payoff=payoff))  # type: ignore[arg-type]
    rng = np.random.default_rng(0)

    def play() -> int:
        debates.reset()
        while not debates.done:
            debates.observe()
            debates.step(np.where(debates.mask(), rng.random(debates.revealed.shape), -1.0).argmax(1))
        return games

    return play


def one_by_one(env: object, episodes: int = 200) -> Callable[[], int]:
    """Episodes of an AEC environment; returns agent steps."""
    rng = np.random.default_rng(0)

    def play() -> int:
        steps = 0
        for _ in range(episodes):
            env.reset()  # type: ignore[attr-defined]
            for agent in env.agent_iter():  # type: ignore[attr-defined]
                observation, _, termination, truncation, _ = env.last()  # type: ignore[attr-defined]
                if termination or truncation:
                    env.step(None)  # type: ignore[attr-defined]
                    continue
                if isinstance(observation, dict):
                    free = observation["action_mask"].nonzero()[0]
                    action = int(free[int(rng.random() * len(free))])
                else:
                    action = int(rng.random() * env.action_space(agent).n)  # type: ignore[attr-defined]
                env.step(action)  # type: ignore[attr-defined]
                steps += 1
        return steps

    return play


def rate(play: Callable[[], int], seconds: float) -> tuple[float, float]:
    """How many a second: wall clock, CPU time of this process."""
    play()
    wall, cpu, done = time.perf_counter(), time.process_time(), 0
    while time.perf_counter() - wall < seconds:
        done += play()
    return done / (time.perf_counter() - wall), done / (time.process_time() - cpu)


def training(updates: int) -> tuple[float, float, float]:
    """Wall seconds and CPU seconds of training maxmin, and its share of the exact minimax value on validation states."""
    judge, turns = BayesJudge(SimulatorDomain()), 4
    settings = DebateRecipe(turns=turns, updates=updates, games=1024, ppo=PpoRecipe(hidden=64))
    wall, cpu = time.perf_counter(), time.process_time()
    net = train_debater("maxmin", SimulatorDomain(part="fit"), judge, settings, seed=0)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    cases, weights = SimulatorDomain(part="validation").all_pairs()
    cases, weights = cases[weights > 0], weights[weights > 0]
    sets, rules = evidence_sets(7, turns), Rules(turns=turns)
    finals = set_margins(judge, cases, sets, turns)
    orders = (turn_order(rules, np.full(len(cases), opener)) for opener in (0, 1))
    exact = np.mean([weights @ wins(minimax(finals, sets, order).value) for order in orders])
    kept = worst_case(TrainedDebater(net, 8, judge), finals, cases, weights, rules)
    return wall, cpu, float(kept / exact)


def main() -> None:
    """Measure and print."""
    torch.set_num_threads(1)  # these networks are too small for two
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=5.0, help="for each row")
    parser.add_argument("--updates", type=int, default=150, help="of the trained debater, and of its isolated start")
    options = parser.parse_args()
    seconds = options.seconds
    domain = SimulatorDomain()
    learned = train_judge(
        domain, JudgeRecipe(most_pieces=4, batch=256, steps=50)
    )  # its speed is that of a finished one
    linear = LinearJudge(np.random.default_rng(0).normal(size=(domain.decisions, domain.pieces)))
    rows: list[tuple[str, Callable[[], int], int | None]] = [
        ("batched, learned judge 256-256, debates", batched(learned, "sign"), BAR),
        ("the same, shaped payoff (5 rulings a debate)", batched(learned, "shaped"), None),
        ("batched, exact Bayes judge, debates", batched(BayesJudge(domain), "sign"), None),
        ("PettingZoo env(), linear judge, agent steps", one_by_one(debate.env(domain, linear)), BAR),
        ("the same, raw_env()", one_by_one(debate.raw_env(domain, linear)), None),
        ("PettingZoo with nothing in it, agent steps", one_by_one(OrderEnforcingWrapper(Nothing())), None),
    ]
    print(f"{'':<48} {'a second':>10} {'a CPU second':>13} {'bar':>8} {'ratio':>6}")
    for name, play, bar in rows:
        wall, cpu = rate(play, seconds)
        beside = f"{bar:>8,} {wall / bar:>6.2f}" if bar else ""
        print(f"{name:<48} {wall:>10,.0f} {cpu:>13,.0f} {beside}")
    wall, cpu, kept = training(options.updates)
    print(
        f"training maxmin, seconds (one thread) {wall:>21,.0f} {cpu:>13,.0f} {TRAINING_BAR:>8,} {wall / TRAINING_BAR:>6.2f}"
    )
    print(f"  against its exact best response it keeps {kept:.1%} of the exact value on validation states")


if __name__ == "__main__":
    main()
