"""The sepsis simulator of Oberst and Sontag (ICML 2019), restated from its published rules as exact tables.

A patient has a heart rate, a blood pressure, an oxygen level and a glucose level, three treatments that are on or off,
and diabetes, which nobody observes. 720 observed states, times two for diabetes; eight actions, every combination of
treatments. This is a model to experiment with, not medical advice.

Effects of a step, in this order: antibiotics, ventilation, vasopressors, then what no treatment held still fluctuates.

| treatment | switched or kept on | withdrawn |
|---|---|---|
| antibiotics | heart rate high -> normal .5; pressure high -> normal .5 | each normal -> high .1 |
| ventilation | oxygen low -> normal .7 | normal -> low .1 |
| vasopressors | pressure up one level .7 | pressure down one level .1 |
| the same, with diabetes | pressure normal -> high .9, low -> normal .5, low -> high .4; glucose up one level .5 | .05 |

Fluctuation: down one level .1, up one level .1; glucose with diabetes .3 each. Heart rate fluctuates when antibiotics
neither act nor are withdrawn, pressure when the same holds of vasopressors too, oxygen likewise of ventilation,
glucose unless vasopressors are on.

`glucose="published"`: without diabetes the published code lets glucose rise to level 1 at most, so that a normal level
2 that should rise falls to 1; `"corrected"` lets it rise to 4, as that code's later branch does.

Legend of shapes: S = 1440 states (diabetes slowest), A = 8 actions.
"""

from __future__ import annotations

from functools import lru_cache
from itertools import product

import numpy as np

from progressgym.core.debate import Bools, Floats, Ints, name_list
from progressgym.core.errors import unknown
from progressgym.envs.sepsis.mdp import TabularMDP

VITALS = ("heart rate", "blood pressure", "oxygen", "glucose")
TREATMENTS = ("antibiotics", "vasopressors", "ventilation")
VARIABLES = (*VITALS, *TREATMENTS)
"""What is observed, in the order of a state's index; the last changes fastest."""
LEVELS = (3, 3, 2, 5, 2, 2, 2)
"""How many values each variable has."""
NORMAL = (1, 1, 1, 2)
"""The normal level of every vital sign."""
OBSERVED = 720
GLUCOSE_RULES = ("corrected", "published")
DIABETIC = 0.2
"""Share of patients with diabetes."""
GLUCOSE_AT_START = ((0.05, 0.15, 0.6, 0.15, 0.05), (0.01, 0.05, 0.15, 0.6, 0.19))
"""Without and with diabetes."""
FATAL = 3
"""So many abnormal vital signs are death."""
HORIZON = 20
"""Steps of an episode in the paper."""


def table() -> Ints:
    """(720, 7) the variables of every observed state."""
    return np.array(list(product(*map(range, LEVELS))), dtype=np.int64)


def treatments(action: int) -> tuple[int, int, int]:
    """Antibiotics, vasopressors and ventilation of an action.

    >>> treatments(4), treatments(2), treatments(1)
    ((1, 0, 0), (0, 0, 1), (0, 1, 0))
    """
    return action // 4, action % 2, action // 2 % 2


def action_name(action: int) -> str:
    """An action in words.

    >>> action_name(0), action_name(5)
    ('no treatment', 'antibiotics and vasopressors')
    """
    given = [name for name, on in zip(TREATMENTS, treatments(action), strict=True) if on]
    return name_list(given) if given else "no treatment"


@lru_cache(maxsize=2)
def build(glucose: str = "corrected") -> TabularMDP:
    """The exact process.

    Args:
        glucose: `corrected` or `published`, see above.

    Raises:
        UserError: another rule.
    """
    if glucose not in GLUCOSE_RULES:
        raise unknown("glucose rule", str(glucose), GLUCOSE_RULES)
    states = table()
    transitions = np.zeros((8, 2 * OBSERVED, 2 * OBSERVED))
    vitals, treated = states[::8, :4], states[:8, 4:]
    for action in range(8):
        wanted = treatments(action)
        at = int(np.flatnonzero((treated == wanted).all(1))[0])
        for diabetic in (0, 1):
            for before, given in enumerate(treated.tolist()):
                moves = _vital_moves(tuple(given), wanted, diabetic, glucose)
                parts = [move[vitals[:, i]] for i, move in enumerate(moves)]
                joint = np.einsum("va,vb,vc,vd->vabcd", *parts).reshape(90, 90)
                rows = diabetic * OBSERVED + before + 8 * np.arange(90)
                transitions[action][np.ix_(rows, diabetic * OBSERVED + at + 8 * np.arange(90))] = joint
    abnormal = (states[:, :4] != NORMAL).sum(1)
    dead, well = abnormal >= FATAL, (abnormal == 0) & (states[:, 4:].sum(1) == 0)
    arrival = np.tile(well.astype(np.float64) - dead, 2)
    terminal = np.tile(dead | well, 2)
    transitions[:, terminal] = 0.0
    transitions[:, terminal, terminal] = 1.0
    for array in (transitions, arrival, terminal):
        array.setflags(write=False)
    return TabularMDP(transitions=transitions, arrival=arrival, initial=_initial(terminal), terminal=terminal)


def _shift(size: int, up: Floats | float, down: Floats | float, top: int | None = None) -> Floats:
    """(size, size) a move by one level: up, down (probabilities a level), else stay. Levels above `top` fall to it."""
    levels = np.arange(size)
    rising, falling = np.broadcast_to(up, size), np.broadcast_to(down, size)
    move = np.zeros((size, size))
    move[levels, np.minimum(levels + 1, size - 1 if top is None else top)] += rising
    move[levels, np.maximum(levels - 1, 0)] += falling
    move[levels, levels] += 1.0 - rising - falling
    return move


def _vital_moves(
    before: tuple[int, ...], wanted: tuple[int, int, int], diabetic: int, glucose: str
) -> tuple[Floats, Floats, Floats, Floats]:
    """Transition matrices of the four vital signs, which are independent given treatments and diabetes."""
    (abx, vaso, vent), (abx_before, vaso_before, vent_before) = wanted, before
    pulse, pressure, oxygen, sugar = np.eye(3), np.eye(3), np.eye(2), np.eye(5)
    if abx:
        pulse = pressure = _shift(3, 0.0, np.array([0.0, 0.0, 0.5]))
    elif abx_before:
        pulse = pressure = _shift(3, np.array([0.0, 0.1, 0.0]), 0.0)
    else:
        pulse = _shift(3, 0.1, 0.1)
    if vent:
        oxygen = _shift(2, np.array([0.7, 0.0]), 0.0)
    elif vent_before:
        oxygen = _shift(2, 0.0, np.array([0.0, 0.1]))
    else:
        oxygen = _shift(2, 0.1, 0.1)
    if vaso and diabetic:
        pressure = pressure @ np.array([[0.1, 0.5, 0.4], [0.0, 0.1, 0.9], [0.0, 0.0, 1.0]])
        sugar = _shift(5, 0.5, 0.0)
    elif vaso:
        pressure = pressure @ _shift(3, 0.7, 0.0)
    elif vaso_before:
        pressure = pressure @ _shift(3, 0.0, 0.05 if diabetic else 0.1)
    elif not (abx or abx_before):
        pressure = _shift(3, 0.1, 0.1)
    if not vaso:
        rate, top = (0.3, None) if diabetic else (0.1, None if glucose == "corrected" else 1)
        sugar = _shift(5, rate, rate, top)
    return pulse, pressure, oxygen, sugar


def _initial(terminal: Bools) -> Floats:
    """(S,) untreated patients as they come; whoever begins dead or well is drawn again with the same diabetes."""
    common, oxygen, untreated = np.array([0.25, 0.5, 0.25]), np.array([0.2, 0.8]), np.eye(8)[0]
    parts = []
    for diabetic, share in ((0, 1.0 - DIABETIC), (1, DIABETIC)):
        sugar = np.array(GLUCOSE_AT_START[diabetic])
        joint = np.einsum("a,b,c,d,e->abcde", common, common, oxygen, sugar, untreated).ravel()
        joint[terminal[:OBSERVED]] = 0.0
        parts.append(share * joint / joint.sum())
    return np.concatenate(parts)
