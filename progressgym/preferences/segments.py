"""Preferences over segments of behaviour, from a file of yours: what partial return and what regret make of them.

A line is a pair of segments of one world:

    {"left": {"states": [3, 4, 9], "features": [[1, 0], [0, 1]]}, "right": {...}, "preferred": "left"}

`states` are whole numbers from 0 on, one more than steps; `features` are what each step meets, as many numbers in every step of
the file. Return is a reward of the summed features (`bradley-terry`); regret (`regret`) asks how a segment did for where it
began and ended, and for that it must know what would have been possible: the pool of policies is the best ones, for rewards drawn
at random, in the world that the file's own steps make (a state that no step leaves ends it). So what nobody ever did counts as
impossible.

Legend of shapes: n pairs, d features, s states, e steps that were seen, p policies.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from progressgym.core.errors import UserError
from progressgym.core.rows import json_rows
from progressgym.preferences.pairs import Pairs

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
SIDES = ("left", "right")
DISCOUNT, POLICIES, SWEEPS = 0.95, 30, 200
MOST_STATES = 2000
"""Of a world: successor features are solved for exactly."""


def is_segments(path: Path) -> bool:
    """Whether the first line of a file is a pair of segments."""
    _, first = next(json_rows(path, "chosen and rejected"))
    return "left" in first and "chosen" not in first


def read_segments(path: Path, seed: int = 0) -> tuple[Pairs, Pairs, Floats]:
    """Pairs by summed features (d), by these and the first and last state (d + 2), and successor features (p, s, d).

    Args:
        path: of the file.
        seed: of the rewards that the pool is made for.

    Raises:
        UserError: the first mistake, with its line.
    """
    width, targets, sides, edges = 0, [], [], []
    for where, given in json_rows(path, "left, right and preferred"):
        if given.get("preferred") not in SIDES:
            raise UserError(
                f"{where}: preferred is {given.get('preferred')!r}; left or right is expected, a tie says nothing"
            )
        row = []
        for side in SIDES:
            states, features = _segment(given.get(side), width, f"{where}, {side}")
            width = features.shape[1]
            edges.append((states, features))
            row.append(np.concatenate([features.sum(0), states[[0, -1]]]))
        if given["left"] == given["right"]:
            raise UserError(f"{where}: left and right are the same; a segment beside itself says nothing")
        sides.append(row)
        targets.append(float(given["preferred"] == "left"))
    left, right = np.array(sides).swapaxes(0, 1)
    plain = Pairs.of(left[:, :width], right[:, :width], targets)
    return plain, Pairs.of(left, right, targets), successors(*_world(edges, path.name), seed)


def _segment(given: Any, width: int, where: str) -> tuple[Ints, Floats]:
    """States (k + 1,) and features (k, d)."""
    if not isinstance(given, Mapping) or not all(isinstance(given.get(key), list) for key in ("states", "features")):
        raise UserError(f"{where}: an object with lists states and features is expected")
    states, rows = given["states"], given["features"]
    if not all(type(state) is int and 0 <= state < MOST_STATES for state in states):
        raise UserError(f"{where}: states are whole numbers from 0 to {MOST_STATES - 1}")
    if len(rows) < 1 or len(states) != len(rows) + 1:
        raise UserError(
            f"{where}: {len(states)} states for {len(rows)} steps; one more than steps is expected, and a step"
        )
    wanted = width or (len(rows[0]) if isinstance(rows[0], list) else 0)
    for row in rows:
        if not (isinstance(row, list) and wanted and len(row) == wanted and all(_finite(x) for x in row)):
            raise UserError(
                f"{where}: each step has a list of {wanted or 'some'} finite numbers, as many in every step"
            )
    return np.array(states, dtype=np.int64), np.array(rows, dtype=np.float64)


def _finite(x: Any) -> bool:
    return type(x) in (int, float) and abs(x) < 1e12


def _world(edges: list[tuple[Ints, Floats]], name: str) -> tuple[Ints, Ints, Floats]:
    """Where the steps that were seen begin and end (e,), and their mean features (e, d)."""
    begin = np.concatenate([states[:-1] for states, _ in edges])
    end = np.concatenate([states[1:] for states, _ in edges])
    features = np.concatenate([rows for _, rows in edges])
    pairs, of = np.unique(np.stack([begin, end], 1), axis=0, return_inverse=True)
    mean = np.zeros((len(pairs), features.shape[1]))
    np.add.at(mean, of.reshape(-1), features)
    return pairs[:, 0], pairs[:, 1], mean / np.bincount(of.reshape(-1))[:, None]


def successors(begin: Ints, end: Ints, features: Floats, seed: int = 0) -> Floats:
    """(p, s, d) discounted features that the best policies for drawn rewards meet, from every state on."""
    states = int(max(begin.max(), end.max())) + 1
    random, pool = np.random.default_rng(seed), []
    for reward in random.normal(size=(POLICIES, features.shape[1])):
        worth, values = features @ reward, np.zeros(states)
        for _ in range(SWEEPS):
            through = worth + DISCOUNT * values[end]
            values = np.full(states, -np.inf)
            np.maximum.at(values, begin, through)
            values = np.where(np.isinf(values), 0.0, values)
        taken = np.flatnonzero(through >= values[begin] - 1e-12)
        _, first = np.unique(begin[taken], return_index=True)
        steps = taken[first]
        shares, met = np.eye(states), np.zeros((states, features.shape[1]))
        shares[begin[steps], end[steps]] -= DISCOUNT
        met[begin[steps]] = features[steps]
        pool.append(np.linalg.solve(shares, met))
    return np.array(pool)
