"""ICU-Sepsis as a domain of debate: which of two treatments suits this patient? 44 pieces of evidence, 25 decisions.

A case is a state, the treatment that a clinician preferred and another one. Two samplers of cases:

* `balanced` (default): the preferred treatment is uniform over the 25, the state follows P(state | treatment) of the
  clinicians, the other treatment is uniform over the rest. Both treatments are then equally frequent on either side,
  so a judge without evidence is right in exactly half of the cases, and what it gains is due to evidence. (The paper
  reaches the same by weighting its preferences by the inverse frequency of the preferred treatment.)
* `natural`: the state is drawn as often as clinicians meet it, the preferred treatment as often as they choose it, the
  other one uniformly. A judge can gain from knowing that common treatments are common.

States are split 80 : 20 once and for all (`progressgym.envs.debate.split`): judges and debaters train on cases of the
one part (`part="train"`) and are measured on cases of the other (`part="test"`).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from progressgym.core.debate import UNKNOWN, Bools, Cases, CaseText, Floats, Ints, check_options
from progressgym.core.errors import UserError, unknown
from progressgym.core.ids import format_id
from progressgym.envs.debate.split import PARTS, split_states
from progressgym.envs.sepsis.tables import FEATURES, IcuTables, icu_tables

SAMPLERS = ("balanced", "natural")
REACH = 10.0
"""Values farther from 0 than this (nine features, few states) count as this: the bound of a debater's observation."""


@dataclass(kw_only=True, frozen=True)
class IcuDomain:
    """Cases of ICU-Sepsis; needs the extra `[sepsis]`.

    Raises:
        UserError: an unknown sampler or part.
    """

    sampler: str = "balanced"
    """`balanced` or `natural`."""
    part: str = "all"
    """`all` states or one part of them."""

    def __post_init__(self) -> None:
        """Check."""
        if self.sampler not in SAMPLERS:
            raise unknown("sampler", self.sampler, SAMPLERS)
        if self.part not in PARTS:
            raise unknown("part", self.part, PARTS)

    @property
    def name(self) -> str:
        """Id with arguments."""
        return format_id("icu", sampler=self.sampler, part=self.part)

    @property
    def tables(self) -> IcuTables:
        """The exact numbers of ICU-Sepsis; shared by the whole process."""
        return icu_tables()

    @property
    def pieces(self) -> int:
        """44, one a feature."""
        return len(FEATURES)

    @property
    def features(self) -> int:
        """1, the normalised value."""
        return 1

    @property
    def decisions(self) -> int:
        """25 treatments."""
        return self.tables.mdp.actions

    @property
    def draws(self) -> int:
        """3: state and preferred treatment, the other treatment, the preferred one's seat."""
        return 3

    @property
    def piece_names(self) -> tuple[str, ...]:
        """Names of the features."""
        return FEATURES

    def cases(self, uniforms: Floats) -> Cases:
        """Draw cases; see the module.

        Args:
            uniforms: (B, 3) numbers in [0, 1).
        """
        actions = self.decisions
        pair = np.searchsorted(self._cumulative, uniforms[:, 0] * self._cumulative[-1], side="right")
        pair = pair.clip(max=len(self._cumulative) - 1)
        states, wanted = pair // actions, pair % actions
        other = (wanted + 1 + (uniforms[:, 1] * (actions - 1)).astype(np.int64)) % actions
        preferred = (uniforms[:, 2] >= 0.5).astype(np.int64)
        options = np.stack([np.where(preferred == 0, wanted, other), np.where(preferred == 0, other, wanted)], axis=1)
        return self.pairs(states, options, preferred)

    def pairs(self, states: Ints, options: Ints, preferred: Ints | None = None) -> Cases:
        """Cases about given treatments.

        Args:
            states: (B,) indices below 713.
            options: (B, 2).
            preferred: (B,) 0 or 1; unknown when None.

        Raises:
            UserError: no such state or treatment, or two equal ones.
        """
        check_options(options, self.decisions)
        living = int((~self.tables.mdp.terminal).sum())
        if len(states) and (states.min() < 0 or states.max() >= living):
            raise UserError(f"states must be 0 to {living - 1}, got {states.min()} to {states.max()}")
        return Cases(
            states=states,
            options=options,
            evidence=self.tables.features[states][:, :, None].clip(-REACH, REACH),
            preferred=np.full(len(states), UNKNOWN, dtype=np.int64) if preferred is None else preferred,
        )

    def text(self, cases: Cases, row: int) -> CaseText:
        """One case in words."""
        values = cases.evidence[row, :, 0]
        pieces = tuple(f"{name}: {value:+.2f} (0 is usual)" for name, value in zip(FEATURES, values, strict=True))
        first, second = (treatment(int(option)) for option in cases.options[row])
        return CaseText(
            question="How should this patient with sepsis be treated for the next four hours?",
            options=(first, second),
            pieces=pieces,
        )

    @cached_property
    def states(self) -> Bools:
        """(S,) the living states of this part."""
        return split_states(~self.tables.mdp.terminal, self.part, "icu")

    @cached_property
    def weights(self) -> Floats:
        """(S, A) probability of a state and its preferred treatment."""
        return sampling_weights(self.tables, self.states, self.sampler)

    @cached_property
    def _cumulative(self) -> Floats:
        return np.cumsum(self.weights.ravel())


def sampling_weights(tables: IcuTables, states: Bools, sampler: str) -> Floats:
    """(S, A) how often a sampler draws a state together with a preferred treatment; sums to 1.

    Args:
        tables: of ICU-Sepsis.
        states: (S,) the states to draw from.
        sampler: `balanced` or `natural`.
    """
    met = tables.mdp.occupancy(tables.expert)[:, None] * tables.expert * states[:, None]
    if sampler == "balanced":
        met = met / np.maximum(met.sum(0, keepdims=True), np.finfo(np.float64).tiny)
    return np.asarray(met / met.sum())


def treatment(action: int) -> str:
    """A treatment in words.

    >>> treatment(7)
    'intravenous fluids level 1 of 4, vasopressor level 2 of 4'
    """
    return f"intravenous fluids level {action // 5} of 4, vasopressor level {action % 5} of 4"
