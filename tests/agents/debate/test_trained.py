"""Trained debaters: their files, their play, and how near they come to exact play."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from progressgym.agents.debate.debaters import play, position
from progressgym.agents.debate.evaluation import accuracy, draw_cases, measure_debater
from progressgym.agents.debate.measures import wins
from progressgym.agents.debate.network import DebaterNet
from progressgym.agents.debate.ppo import PpoRecipe
from progressgym.agents.debate.sets import evidence_sets
from progressgym.agents.debate.solver import minimax, set_margins, turn_order
from progressgym.agents.debate.trained import TrainedDebater, load_debater, save_debater, whole_policy, worst_case
from progressgym.agents.debate.training import DebateRecipe, alone_rules, train_debater
from progressgym.agents.debate.view import debater_view, view_width
from progressgym.core.errors import UserError
from progressgym.envs.debate.rules import Rules
from progressgym.envs.debate.simulator import BayesJudge, SimulatorDomain
from progressgym.envs.debate.vector import VectorDebate

DOMAIN = SimulatorDomain()
JUDGE = BayesJudge(DOMAIN)


def fresh(hidden: int = 8, seed: int = 0) -> DebaterNet:
    torch.manual_seed(seed)
    return DebaterNet(view_width(DOMAIN), DOMAIN.pieces, hidden)


def test_saved_and_loaded_debaters_play_alike(tmp_path: Path) -> None:
    net = fresh()
    save_debater(tmp_path / "d.safetensors", net, DOMAIN, {"method": "maxmin"})
    margins = []
    for debater in (TrainedDebater(net, 8, JUDGE), load_debater(tmp_path / "d.safetensors", JUDGE)):
        games = VectorDebate(DOMAIN, JUDGE, num_envs=50)
        games.reset(seed=0)
        margins.append(play(games, (debater, debater)))
    np.testing.assert_array_equal(margins[0], margins[1])


@pytest.mark.parametrize("content", [b"", b"not a network", None])
def test_damaged_files(content: bytes | None, tmp_path: Path) -> None:
    path = tmp_path / "d.safetensors"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(UserError, match="no such file" if content is None else "is not a trained debater"):
        load_debater(path, JUDGE)


def test_a_cut_file_is_no_debater(tmp_path: Path) -> None:
    path = tmp_path / "d.safetensors"
    save_debater(path, fresh(), DOMAIN, {})
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(UserError, match="is not a trained debater"):
        load_debater(path, JUDGE)


def test_the_whole_policy_is_what_is_played() -> None:
    debater, rules = TrainedDebater(fresh(), 8, JUDGE), Rules(turns=4, opening="first")
    cases = draw_cases(DOMAIN, 20, 0)
    policy = whole_policy(debater, cases, 0, rules)
    games = VectorDebate(DOMAIN, JUDGE, num_envs=20, rules=rules)
    games.reset(cases=cases)
    sets = evidence_sets(7, 4)
    while not games.done:
        at = sets.index(games.revealed, games.turn)
        chosen = policy[games.turn][np.arange(20), at]
        if (games.mover == 0).all():
            np.testing.assert_array_equal(debater.choose(position(games, np.arange(20))), chosen)
        games.step(games.mask().argmax(1))


def test_a_debater_sees_what_one_more_piece_would_do() -> None:
    """The last columns of a view are the mover's own leads: those of the judge, with the sign of the seat."""
    cases, revealed = draw_cases(DOMAIN, 6, 0), np.zeros((6, 7), dtype=np.bool_)
    revealed[:, 2] = True
    sides = np.array([0, 1, 0, 1, 0, 1])
    seen = debater_view(JUDGE, cases, revealed, sides, 0.75, 8)
    assert seen.shape == (6, view_width(DOMAIN))
    own = np.where(sides == 0, 1.0, -1.0)
    for piece in range(7):
        grown = revealed.copy()
        grown[:, piece] = True
        lead = own * np.subtract(*JUDGE.score(cases, grown).T)
        np.testing.assert_allclose(seen[:, -8 + piece], lead, atol=1e-6)
    np.testing.assert_allclose(seen[:, -1], seen[:, -8 + 2], err_msg="a piece on the table changes nothing")


def test_no_adversary_is_worse_than_the_best_response() -> None:
    """An exact bound must lie below what any adversary reaches, and below the value of exact play."""
    cases, weights = DOMAIN.all_pairs()
    some = np.random.default_rng(0).choice(len(cases), 300, replace=False, p=weights)
    cases, even = cases[some], np.full(300, 1 / 300)
    sets, rules = evidence_sets(7, 4), Rules(turns=4, payoff="shaped")
    finals = set_margins(JUDGE, cases, sets, 4)
    debater = TrainedDebater(fresh(), 8, JUDGE)
    bound = worst_case(debater, finals, cases, even, rules)
    exact = np.mean([even @ wins(minimax(finals, sets, turn_order(rules, np.full(300, k))).value) for k in (0, 1)])
    assert bound <= exact + 1e-12
    for seed in range(3):
        first = Rules(turns=4, payoff="shaped", opening="first")
        second = Rules(turns=4, payoff="shaped", opening="second")
        other = TrainedDebater(fresh(seed=seed), 8, JUDGE)
        reached = np.mean([accuracy(DOMAIN, JUDGE, cases, way, (debater, other), 0) for way in (first, second)])
        assert bound <= reached + 1e-12


def test_precommitting_breaks_off_at_half_time() -> None:
    """Alone, two of four pieces are shown; the ruling is the judge's on these two."""
    debater, cases = TrainedDebater(fresh(), 8, JUDGE), draw_cases(DOMAIN, 40, 1)
    rules = alone_rules("precommit", 4)
    got = accuracy(DOMAIN, JUDGE, cases, rules, (debater, None), 0)
    games = VectorDebate(DOMAIN, JUDGE, num_envs=40, rules=rules)
    games.reset(cases=cases)
    for _ in range(2):
        margin = games.step(debater.choose(position(games, np.arange(40)))).margin
    assert margin is not None and got == pytest.approx(float(wins(margin).mean()))


@pytest.mark.heavy
def test_short_training_already_helps() -> None:
    """Measured on training states: a fresh network .63, 60 updates alone about .84 (random evidence .70)."""
    torch.set_num_threads(1)
    train = SimulatorDomain(part="train")
    settings = DebateRecipe(turns=4, updates=60, games=256, ppo=PpoRecipe(learning_rate=2e-3))
    net = train_debater("isolated", train, JUDGE, settings, seed=0)
    cases, rules = draw_cases(train, 2000, 0), alone_rules("isolated", 4)
    before, after = (
        accuracy(train, JUDGE, cases, rules, (TrainedDebater(net_, 8, JUDGE), None), 0) for net_ in (fresh(128), net)
    )
    assert after > before + 0.05


def test_measures_of_a_debater_are_shares() -> None:
    debater = TrainedDebater(fresh(), 8, JUDGE)
    told = measure_debater(DOMAIN, JUDGE, debater, debater, "maxmin", 4, games=40, greedy_games=10, seed=0)
    assert told.confused is not None
    assert all(0.0 <= value <= 1.0 for value in (told.alone, told.confused, told.greedy, told.wrong_side))
    assert told.alone == told.confused, "a debater that is its own confuser is its own opponent"
