"""Debate keeps PettingZoo's promises, in both flavours and in every domain."""

from __future__ import annotations

import pickle
import warnings
from collections.abc import Iterator
from functools import partial
from itertools import pairwise
from types import SimpleNamespace
from typing import Any

import numpy as np
import pettingzoo
import pytest
from pettingzoo.test import (
    api_test,
    max_cycles_test,
    parallel_api_test,
    parallel_seed_test,
    render_test,
    seed_test,
    state_test,
)

import progressgym  # noqa: F401  (registers the environments)
from progressgym.envs import debate

DOMAINS = ("simulator", "dilemmas?century=C015")
ID = "ProgressGym/Debate-v0"


@pytest.fixture(autouse=True)
def every_warning_is_an_error() -> Iterator[None]:
    """But for PettingZoo's wish that an observation be no dictionary: action masks need one."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.filterwarnings("ignore", message="Observation space for each agent probably")
        warnings.filterwarnings("ignore", message="Observation is not a NumPy array")
        yield


@pytest.mark.parametrize("domain", DOMAINS)
@pytest.mark.parametrize("payoff", ["sign", "shaped"])
def test_api(domain: str, payoff: str, capsys: pytest.CaptureFixture[str]) -> None:
    api_test(debate.env(domain, payoff=payoff), num_cycles=20)
    api_test(debate.raw_env(domain, payoff=payoff, order="precommit"), num_cycles=20)
    parallel_api_test(debate.parallel_env(domain, payoff=payoff), num_cycles=20)


@pytest.mark.parametrize("domain", DOMAINS)
def test_seeds(domain: str) -> None:
    seed_test(partial(debate.env, domain), num_cycles=10)
    parallel_seed_test(partial(debate.parallel_env, domain), num_cycles=10)


def test_render(capsys: pytest.CaptureFixture[str]) -> None:
    render_test(debate.env)
    render_test(lambda render_mode: debate.env("dilemmas", render_mode=render_mode))
    assert "the judge rules for" in capsys.readouterr().out


def test_state() -> None:
    """PettingZoo's test plays without masks, so a repeated piece is a wasted turn here."""
    state_test(debate.env(repeats="waste"), debate.parallel_env(repeats="waste"))


def test_max_cycles() -> None:
    """A cycle is a piece of each debater; four of them need the eight pieces of a dilemma."""
    arguments: dict[str, Any] = {"domain": "dilemmas", "repeats": "waste"}
    max_cycles_test(
        SimpleNamespace(env=partial(debate.env, **arguments), parallel_env=partial(debate.parallel_env, **arguments))
    )


def test_both_registries() -> None:
    aec: Any = pettingzoo.make("aec", ID, turns=6)
    parallel: Any = pettingzoo.make("parallel", ID, turns=6)
    aec.reset(seed=0)
    parallel.reset(seed=0)
    assert aec.unwrapped.table.rules.turns == parallel.unwrapped.table.rules.turns == 6
    for kind in ("aec", "parallel"):
        assert isinstance(pettingzoo.spec(kind, ID).entry_point, str)


def play(env: Any, seed: int) -> tuple[list[tuple[str, int]], dict[str, float]]:
    """Random play: who showed what, and the sums of rewards."""
    rng = np.random.default_rng(seed)
    env.reset(seed=seed)
    shown, sums = [], dict.fromkeys(env.possible_agents, 0.0)
    for agent in env.agent_iter():
        observation, reward, termination, _, _ = env.last()
        sums[agent] += reward
        if termination:
            env.step(None)
            continue
        piece = int(rng.choice(np.flatnonzero(observation["action_mask"])))
        shown.append((agent, piece))
        env.step(piece)
    return shown, sums


@pytest.mark.parametrize("payoff", ["sign", "margin", "shaped"])
def test_zero_sum_and_masks(payoff: str) -> None:
    env = debate.env("simulator", payoff=payoff, turns=6)
    openers = set()
    for seed in range(30):
        shown, sums = play(env, seed)
        assert len({piece for _, piece in shown}) == 6
        agents = [agent for agent, _ in shown]
        openers.add(agents[0])
        assert all(a != b for a, b in pairwise(agents)), "turns alternate"
        assert sums["debater_0"] == pytest.approx(-sums["debater_1"])
        if payoff == "sign":
            assert sums["debater_0"] in (-1.0, 0.0, 1.0)
    assert len(openers) == 2, "either side opens"


def test_precommitted_turns() -> None:
    env = debate.env("simulator", order="precommit", opening="second")
    assert [agent for agent, _ in play(env, 0)[0]] == ["debater_1"] * 2 + ["debater_0"] * 2


def test_a_round_counts_a_piece_of_both_once() -> None:
    env = debate.parallel_env("simulator", render_mode="ansi")
    env.reset(seed=0)
    env.step({"debater_0": 3, "debater_1": 3})
    observations, rewards, terminations, _, infos = env.step({"debater_0": 0, "debater_1": 1})
    assert observations["debater_0"]["action_mask"].tolist() == [0, 0, 1, 0, 1, 1, 1]
    assert rewards["debater_0"] == -rewards["debater_1"] == infos["debater_0"]["ruling"]
    assert all(terminations.values()) and not env.agents
    assert "debater_1: (nothing new)" in env.render()


def test_what_debaters_see() -> None:
    """evidence N, shown N, own A, other A, turns left 1."""
    env: Any = debate.raw_env("simulator", opening="first")
    env.reset(seed=4)
    env.step(2)
    table = env.table
    for side, agent in enumerate(env.possible_agents):
        row = env.observe(agent)["observation"]
        own, other = table.cases.options[0, side], table.cases.options[0, 1 - side]
        np.testing.assert_array_equal(row[:7], table.cases.evidence[0, :, 0])
        assert row[7:14].tolist() == [0, 0, 1, 0, 0, 0, 0]
        assert row[14:22].tolist() == np.eye(8)[own].tolist() and row[22:30].tolist() == np.eye(8)[other].tolist()
        assert row[30] == 0.75
    blind: Any = debate.raw_env("simulator", see_other=False)
    blind.reset(seed=4)
    assert blind.observe("debater_0")["observation"].shape == (7 + 7 + 8,)
    state = env.state()
    assert state[-1] == 0.0, "it is debater 1's turn"


def test_observations_are_fresh() -> None:
    env: Any = debate.raw_env("simulator")
    env.reset(seed=0)
    first = env.observe("debater_0")
    first["observation"][:] = 9.0
    first["action_mask"][:] = 0
    again = env.observe("debater_0")
    assert (again["observation"] != 9.0).all() and again["action_mask"].all()


def test_pickled_in_the_middle() -> None:
    env: Any = debate.env("simulator")
    env.reset(seed=3)
    env.step(0)
    copy = pickle.loads(pickle.dumps(env))  # noqa: S301  (our own bytes)
    for other in (env, copy):
        for piece in (1, 2, 3):
            other.step(piece)
    assert env.unwrapped.infos == copy.unwrapped.infos


def test_the_docstring_has_the_nine_headings() -> None:
    from docs.generate import HEADINGS

    text = debate.raw_env.__doc__ or ""
    found = [line.strip().removeprefix("## ") for line in text.splitlines() if line.strip().startswith("## ")]
    assert tuple(found) == HEADINGS
