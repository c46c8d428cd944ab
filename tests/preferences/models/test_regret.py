"""Regret identifies a reward from segments where partial return does not (Knox et al. 2024), on planted grids."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from progressgym.preferences import Pairs
from progressgym.preferences.models import Regret

torch.set_num_threads(1)
SIDE, DISCOUNT, WIDTH = 6, 0.9, 5
Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


def steps() -> Ints:
    """(states, 4) where each move leads; walls hold."""
    state = np.arange(SIDE * SIDE)
    x, y = np.divmod(state, SIDE)
    moves = [(0, 1), (0, -1), (1, 0), (-1, 0)]
    return np.stack([np.clip(x + dx, 0, SIDE - 1) * SIDE + np.clip(y + dy, 0, SIDE - 1) for dx, dy in moves], 1)


def best(reward: Floats, moves: Ints) -> tuple[Ints, Floats]:
    """The best policy (states,) for rewards of the state that is entered, and its values (states,)."""
    values = np.zeros(len(reward))
    for _ in range(150):
        values = (reward[moves] + DISCOUNT * values[moves]).max(1)
    return (reward[moves] + DISCOUNT * values[moves]).argmax(1), values


def successors(shares: Floats, features: Floats) -> Floats:
    """Discounted features (states, d) that a policy meets, by its transitions (states, states)."""
    solved: Floats = np.asarray(np.linalg.solve(np.eye(len(shares)) - DISCOUNT * shares, shares @ features), np.float64)
    return solved


def certain(policy: Ints, moves: Ints) -> Floats:
    shares = np.zeros((len(moves), len(moves)))
    shares[np.arange(len(moves)), moves[np.arange(len(moves)), policy]] = 1.0
    return shares


def scaled_returns(seed: int, count: int) -> list[float]:
    """Of the policies that partial return and regret learn from so many preferences: 0 by chance, 1 the best."""
    random, moves = np.random.default_rng(seed), steps()
    features, reward = np.eye(WIDTH)[random.integers(0, WIDTH, len(moves))], random.normal(size=WIDTH)
    policy, values = best(features @ reward, moves)
    pool = [best(features @ random.normal(size=WIDTH), moves)[0] for _ in range(30)]
    sides = []
    for _ in range(2):
        paths = [random.integers(0, len(moves), count)]
        for _ in range(3):
            paths.append(moves[paths[-1], random.integers(0, 4, count)])
        sides.append(np.column_stack([features[paths[1:]].sum(0), paths[0], paths[-1]]))
    gain = [
        side[:, :WIDTH] @ reward + values[side[:, -1].astype(int)] - values[side[:, -2].astype(int)] for side in sides
    ]
    clear = np.abs(gain[0] - gain[1]) > 1e-9
    left, right, target = sides[0][clear], sides[1][clear], (gain[0] > gain[1])[clear]
    models = (
        Regret().fit(Pairs.of(left[:, :WIDTH], right[:, :WIDTH], target)),
        Regret()
        .among(np.stack([successors(certain(one, moves), features) for one in pool]))
        .fit(Pairs.of(left, right, target)),
    )
    chance = np.mean([certain(np.full(len(moves), move), moves) for move in range(4)], axis=0)
    low, high = (float((successors(shares, features) @ reward).mean()) for shares in (chance, certain(policy, moves)))
    learned = [best(features @ model.weights, moves)[0] for model in models]
    return [
        float(((successors(certain(one, moves), features) @ reward).mean() - low) / (high - low)) for one in learned
    ]


def test_regret_finds_better_policies_from_a_few_preferences() -> None:
    scores = np.array([scaled_returns(seed, 15) for seed in range(8)])
    partial, regret = scores.mean(0)
    assert regret > partial + 0.05
