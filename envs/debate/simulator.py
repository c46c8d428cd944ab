"""Debates about treatments in the sepsis simulator: small enough to be solved exactly, with a judge in closed form.

A case is a patient's observed state and two of the eight treatments. Evidence are the seven observed variables. The
preferred treatment comes from a physician who treats optimally (knowing of diabetes) but errs with probability
epsilon; the judge knows how often that physician gives each treatment to patients who look like what was shown:

    J(evidence, a) = log P(a | evidence) - log P(a).

Pairs are balanced: the preferred treatment is drawn evenly over treatments, its patient from those who get it, the
other one evenly from the rest. So no evidence is no information, and the judge is the ideal one for its evidence.

Legend of shapes: S = 720 observed states, A = 8 treatments, N = 7 pieces, 128 evidence sets, B cases.
"""

from __future__ import annotations

from functools import cached_property, lru_cache
from itertools import product

import numpy as np

from progressgym.core.debate import UNKNOWN, Bools, Cases, CaseText, Floats, Ints, check_options
from progressgym.core.errors import UserError
from progressgym.core.ids import format_id
from progressgym.envs.debate.split import split_states
from progressgym.envs.sepsis.dynamics import HORIZON, LEVELS, OBSERVED, VARIABLES, action_name, build, table
from progressgym.envs.sepsis.mdp import action_values, greedy, occupancy, soften

ACTIONS = 8
DISCOUNT = 0.99
"""Of the physician's planning, as in the paper."""
EPSILON = 0.15
DECIMALS = 9
"""Scores are rounded to this, so that equal evidence for both sides is a draw and not a rounding error."""
_WORDS = (
    ("low", "normal", "high"),
    ("low", "normal", "high"),
    ("low", "normal"),
    ("very low", "low", "normal", "high", "very high"),
    ("off", "on"),
    ("off", "on"),
    ("off", "on"),
)


@lru_cache(maxsize=4)
def optimal_policy(glucose: str) -> Floats:
    """(1440, 8) the physician without error."""
    mdp = build(glucose)
    return greedy(action_values(mdp, mdp.rewards, DISCOUNT))


@lru_cache(maxsize=8)
def joint_frequency(glucose: str, epsilon: float) -> Floats:
    """(720, 8) how often an observed state and a treatment come together in the physician's episodes; sums to 1."""
    policy = soften(optimal_policy(glucose), epsilon)
    visits = occupancy(build(glucose), policy, HORIZON)[:, None] * policy
    observed = visits[:OBSERVED] + visits[OBSERVED:]
    joint: Floats = observed / observed.sum()
    joint.setflags(write=False)
    return joint


class SimulatorDomain:
    """Cases from the sepsis simulator; a `Domain`.

    >>> domain = SimulatorDomain()
    >>> cases = domain.cases(np.random.default_rng(0).random((2, domain.draws)))
    >>> domain.name, cases.evidence.shape, domain.text(cases, 0).pieces[0]
    ('simulator?epsilon=0.15&glucose=corrected', (2, 7, 1), 'heart rate is normal')
    """

    pieces = len(VARIABLES)
    features = 1
    decisions = ACTIONS
    draws = 4
    piece_names = VARIABLES

    def __init__(self, glucose: str = "corrected", epsilon: float = EPSILON, part: str = "all") -> None:
        """Prepare.

        Args:
            glucose: rule of the simulator, `corrected` or `published`.
            epsilon: how often the physician errs, above 0 and at most 7/8.
            part: cases of `all` states, or of one part of them, see `progressgym.envs.debate.split`.

        Raises:
            UserError: an unknown rule or part, an epsilon out of range.
        """
        if isinstance(epsilon, bool) or not 0.0 < epsilon <= 0.875:
            raise UserError(f"epsilon is {epsilon!r}; give a number above 0 and at most 0.875")
        build(glucose)
        self.glucose, self.epsilon, self.part = glucose, float(epsilon), part
        self._kept = split_states(np.ones(OBSERVED, dtype=np.bool_), part, "simulator")
        chosen = {} if part == "all" else {"part": part}
        self.name = format_id("simulator", glucose=glucose, epsilon=self.epsilon, **chosen)

    @cached_property
    def joint(self) -> Floats:
        """(720, 8) see `joint_frequency`; 0 in states of another part."""
        joint = joint_frequency(self.glucose, self.epsilon) * self._kept[:, None]
        scaled: Floats = joint / joint.sum()
        return scaled

    @cached_property
    def _cumulative(self) -> Floats:
        """(8, 720) cumulative P(state | treatment), each row shifted by its number, so that all rows are one."""
        given = (self.joint / self.joint.sum(0)).T
        cumulative = np.cumsum(given, axis=1)
        cumulative /= cumulative[:, -1:]
        shifted: Floats = cumulative + np.arange(ACTIONS)[:, None]
        return shifted

    @cached_property
    def _said(self) -> Floats:
        """(720, 7) what every piece says, scaled to [-1, 1] (oxygen: low -1, normal 0)."""
        levels = table().astype(np.float64)
        scaled = (levels - (1, 1, 1, 2, 0, 0, 0)) / (1, 1, 1, 2, 1, 1, 1)
        return scaled

    def cases(self, uniforms: Floats) -> Cases:
        """Balanced pairs; uniforms (B, 4): preferred treatment, patient, other treatment, seat of the preferred."""
        good = (uniforms[:, 0] * ACTIONS).astype(np.int64)
        flat = np.searchsorted(self._cumulative.ravel(), good + uniforms[:, 1], side="right")
        states = np.minimum(flat - good * OBSERVED, OBSERVED - 1)
        other = (good + 1 + (uniforms[:, 2] * (ACTIONS - 1)).astype(np.int64)) % ACTIONS
        seat = (uniforms[:, 3] >= 0.5).astype(np.int64)
        options = np.where(seat[:, None] == 0, np.stack([good, other], 1), np.stack([other, good], 1))
        return self.pairs(states, options, seat)

    def pairs(self, states: Ints, options: Ints, preferred: Ints | None = None) -> Cases:
        """Cases about given patients and treatments; see `Domain.pairs`."""
        check_options(options, ACTIONS)
        if states.size and (states.min() < 0 or states.max() >= OBSERVED):
            raise UserError(f"states must be 0 to {OBSERVED - 1}, got {states.min()} to {states.max()}")
        return Cases(
            states=states,
            options=options,
            evidence=self._said[states][..., None].astype(np.float32),
            preferred=np.full(len(states), UNKNOWN, dtype=np.int64) if preferred is None else preferred,
        )

    def all_pairs(self) -> tuple[Cases, Floats]:
        """Every case that can come, the preferred treatment in debater 0's seat, with its probability.

        Returns:
            Cases, and (B,) probabilities that sum to 1: a mean over them is an expectation, without sampling.
        """
        seen = np.flatnonzero(self.joint.sum(1) > 0.0)
        triples = [(a, b) for a, b in product(range(ACTIONS), repeat=2) if a != b]
        states = np.repeat(seen, len(triples))
        options = np.tile(np.array(triples, dtype=np.int64), (len(seen), 1))
        weights = (self.joint / self.joint.sum(0))[states, options[:, 0]] / (ACTIONS * (ACTIONS - 1))
        return self.pairs(states, options, np.zeros(len(states), dtype=np.int64)), weights

    def text(self, cases: Cases, row: int) -> CaseText:
        """One case in words."""
        levels = table()[cases.states[row]].tolist()
        first, second = (action_name(int(option)) for option in cases.options[row])
        said = zip(VARIABLES, levels, _WORDS, strict=True)
        return CaseText(
            question="A patient with sepsis. Which treatment is right for the next hours?",
            options=(first, second),
            pieces=tuple(f"{name} is {words[level]}" for name, level, words in said),
        )


class BayesJudge:
    """The ideal judge of any evidence, in closed form; a `Judge`."""

    def __init__(self, domain: SimulatorDomain) -> None:
        """Tabulate its scores for all 128 evidence sets.

        Args:
            domain: whose physician it knows.
        """
        self.fingerprint = f"bayes of {domain.name}"
        self._table = _bayes_table(domain.glucose, domain.epsilon)

    def score(self, cases: Cases, revealed: Bools) -> Floats:
        """log P(a | evidence) - log P(a) of both options; see `Judge.score`."""
        chosen = revealed @ (1 << np.arange(len(VARIABLES)))
        scores: Floats = self._table[chosen[:, None], cases.states[:, None], cases.options]
        return scores


@lru_cache(maxsize=4)
def _bayes_table(glucose: str, epsilon: float) -> Floats:
    """(128, 720, 8) scores; bit i of the first index: piece i is shown. 0 where the physician never saw the like."""
    joint, levels = joint_frequency(glucose, epsilon), table()
    prior = joint.sum(0)
    scores = np.zeros((1 << len(VARIABLES), OBSERVED, ACTIONS))
    for chosen in range(len(scores)):
        looks = np.zeros(OBSERVED, dtype=np.int64)
        for piece, size in enumerate(LEVELS):
            if chosen >> piece & 1:
                looks = looks * size + levels[:, piece]
        together = np.zeros((int(looks.max()) + 1, ACTIONS))
        np.add.at(together, looks, joint)
        alike = together[looks]
        possible = alike.sum(1) > 0.0
        scores[chosen, possible] = np.log(alike[possible] / alike[possible].sum(1, keepdims=True)) - np.log(prior)
    rounded: Floats = np.round(scores, DECIMALS)
    rounded.setflags(write=False)
    return rounded
