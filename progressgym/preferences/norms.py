"""Normative standards: what is asked of a role, compared by a partial order and agreed by negotiation with a veto.

Values stay vectors. One course of action is better than another where it is at least as good by every norm and better by one; two
that each win by some norm are incomparable, and no number orders them. What several parties agree on is negotiated:

    a norm is accepted where every stakeholder gains at least nothing over the status quo;
    among alternatives that are accepted the Nash product of the gains decides.

Source: Zhi-Xuan, Carroll, Franklin and Ashton, Beyond Preferences in AI Alignment (arXiv 2408.16984), a position paper: it has no
algorithm and no numbers; the rules are ours.

Legend of shapes: S stakeholders, M norms (or alternatives), C courses of action.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from progressgym.core.errors import UserError, unknown
from progressgym.core.rows import csv_rows, finite_number

Floats = NDArray[np.float64]
VERDICTS = ("better", "worse", "equal", "incomparable")
POLES = (0.0, 0.5, 1.0)


@dataclass(kw_only=True, frozen=True)
class NormativeStandard:
    """What is asked of a role in a context, by whom."""

    role: str
    """Of whom it is asked, for example `general-purpose assistant of C021`."""
    context: str
    """When."""
    norms: tuple[str, ...]
    """M names."""
    stakeholders: tuple[str, ...]
    """S names: who agreed to it."""
    provenance: str
    """Where it comes from."""

    def __post_init__(self) -> None:
        """Check that there is something, and each thing once."""
        for name, given in (("norm", self.norms), ("stakeholder", self.stakeholders)):
            if not given or len(set(given)) != len(given):
                raise UserError(f"a standard needs different {name}s, and at least one; got {list(given)}")

    def compare(self, one: ArrayLike, two: ArrayLike) -> str:
        """How one course of action stands to another.

        Args:
            one: (M,) how well it keeps each norm.
            two: (M,) the same of the other.

        Returns:
            better, worse, equal or incomparable.

        Raises:
            UserError: not M finite numbers.

        >>> asked = NormativeStandard(role="guide", context="", norms=("true", "kind"), stakeholders=("all",), provenance="")
        >>> asked.compare([1, 0], [0, 0]), asked.compare([1, 0], [0, 1])
        ('better', 'incomparable')
        """
        a, b = self._kept(one), self._kept(two)
        if (a == b).all():
            return "equal"
        if (a >= b).all():
            return "better"
        return "worse" if (b >= a).all() else "incomparable"

    def undominated(self, courses: ArrayLike) -> list[int]:
        """Which of the courses of action (C, M) no other is better than."""
        rows = [self._kept(row) for row in np.asarray(courses, dtype=np.float64)]
        return [c for c, row in enumerate(rows) if not any(self.compare(other, row) == "better" for other in rows)]

    def scalarised(self, course: ArrayLike, weights: ArrayLike) -> float:
        """One number, by weights that somebody has to name: nothing in the standard gives them."""
        return float(self._kept(course) @ self._kept(weights))

    def _kept(self, row: ArrayLike) -> Floats:
        values = np.asarray(row, dtype=np.float64)
        if values.shape != (len(self.norms),) or not np.isfinite(values).all():
            raise UserError(f"this standard has {len(self.norms)} norms; as many finite numbers are expected")
        return values


@dataclass(kw_only=True, frozen=True, eq=False)
class Agreement:
    """What came of a negotiation."""

    accepted: NDArray[np.bool_]
    """(M,) norms by which nobody loses."""
    gains: Floats
    """(S, M) over the status quo."""
    chosen: int | None
    """Of alternatives the one with the largest Nash product, by the gains of all; None where nothing is accepted."""

    @property
    def least(self) -> Floats:
        """(M,) gain of whom a norm helps least: below 0 is a veto."""
        least: Floats = self.gains.min(0)
        return least

    @property
    def spread(self) -> Floats:
        """(M,) how far the stakeholders are apart."""
        spread: Floats = np.ptp(self.gains, axis=0)
        return spread


def negotiate(utilities: ArrayLike, status_quo: ArrayLike = 0.0) -> Agreement:
    """Who accepts what.

    Args:
        utilities: (S, M) what each norm or alternative is worth to each stakeholder.
        status_quo: (S,) or one number: what they have without any.

    Raises:
        UserError: shapes that do not fit, numbers that are not finite.

    >>> negotiate([[3.0, 1.0, 9.0], [1.0, 2.0, -1.0]]).chosen  # the last has the largest mean and a veto; 3 x 1 > 1 x 2
    0
    """
    table = np.asarray(utilities, dtype=np.float64)
    base = np.asarray(status_quo, dtype=np.float64)
    if table.ndim != 2 or not table.size or not np.isfinite(table).all():
        raise UserError(f"utilities are a finite table, one row a stakeholder, got shape {table.shape}")
    if base.shape not in ((), (len(table),)) or not np.isfinite(base).all():
        raise UserError(f"the status quo is one finite number, or one for each of {len(table)} stakeholders")
    gains = table - (base[:, None] if base.ndim else base)
    accepted = np.asarray((gains >= 0).all(0), dtype=np.bool_)
    products = np.where(accepted, np.prod(np.maximum(gains, 0.0), axis=0), -1.0)
    return Agreement(accepted=accepted, gains=gains, chosen=int(products.argmax()) if accepted.any() else None)


@dataclass(kw_only=True, frozen=True, eq=False)
class Camps:
    """Shares of camps of people who hold norms."""

    norms: tuple[str, ...]
    camps: tuple[str, ...]
    """S names."""
    shares: Floats
    """(S, M) who hold the norm, of those of a camp who were asked and took a side or the middle (which counts half)."""
    counts: NDArray[np.int64]
    """(S, M) how many were asked."""
    pooled: Floats
    """(M,) the same of all people together."""

    def outcomes(self) -> dict[str, list[str]]:
        """Norms by who accepts them: the pooled majority, every camp, no camp, some camps only.

        A camp accepts a norm where more than half of it hold it; the status quo is worth 1/2.
        """
        agreement = negotiate(self.shares, 0.5)
        all_against = negotiate(1.0 - self.shares, 0.5).accepted
        groups = {
            "pooled majority": self.pooled > 0.5,
            "every camp": agreement.accepted,
            "no camp": all_against & ~agreement.accepted,
            "contested": ~(agreement.accepted | all_against),
        }
        return {
            name: [norm for norm, x in zip(self.norms, member, strict=True) if x] for name, member in groups.items()
        }

    def told_apart(self) -> NDArray[np.bool_]:
        """(M,) norms on which each camp is on its side of 1/2 by two standard errors or more."""
        error = np.sqrt(np.maximum(self.shares * (1 - self.shares), 1e-12) / self.counts)
        apart: NDArray[np.bool_] = np.asarray((np.abs(self.shares - 0.5) >= 2 * error).all(0))
        return apart

    def standard(self, role: str, context: str, provenance: str) -> NormativeStandard:
        """The standard that all camps accept.

        Raises:
            UserError: they accept nothing together.
        """
        return NormativeStandard(
            role=role,
            context=context,
            norms=tuple(self.outcomes()["every camp"]),
            stakeholders=self.camps,
            provenance=provenance,
        )


def read_camps(path: Path, camp: str = "polviews3", wave: str = "", skip: Sequence[str] = ("person", "wave")) -> Camps:
    """Camps of a comma-separated file: one row a person (and wave), a column that names the camp, others 0, 0.5, 1 or empty.

    Args:
        path: the file.
        camp: the column that names people's camps; who has none is left out.
        wave: only rows that have this in their column `wave`, so that nobody is counted twice; all when empty.
        skip: columns that are no norms.

    Raises:
        UserError: the first mistake, with its line; a norm that a camp was never asked.
    """
    rows = [(line, row) for line, row in csv_rows(path, (camp, *(["wave"] if wave else [])))]
    rows = [(line, row) for line, row in rows if not wave or row["wave"] == wave]
    if not rows:
        raise UserError(f"{path.name} has no rows of wave {wave!r}")
    norms = [name for name in rows[0][1] if name not in (camp, *skip)]
    if not norms:
        raise UserError(f"{path.name} has no columns beside {camp}: the norms that people hold or do not hold")
    camps = sorted({row[camp] for _, row in rows} - {""})
    if len(camps) < 2:
        raise UserError(f"{path.name} has {len(camps)} camps in {camp}; two or more are expected")
    table = np.full((len(rows), len(norms)), np.nan)
    for at, (line, row) in enumerate(rows):
        for place, norm in enumerate(norms):
            if row[norm]:
                table[at, place] = _pole(row[norm], f"{path.name}, line {line}, {norm}")
    who = np.array([row[camp] for _, row in rows])
    asked = np.isfinite(table)
    held = np.where(asked, table, 0.0)
    counts = np.array([asked[who == name].sum(0) for name in camps])
    if (counts == 0).any():
        s, m = (int(x[0]) for x in np.nonzero(counts == 0))
        raise UserError(f"{path.name} asks nobody of {camps[s]!r} about {norms[m]!r}; leave the column out")
    shares = np.array([held[who == name].sum(0) for name in camps]) / counts
    inside = who != ""
    pooled = held[inside].sum(0) / asked[inside].sum(0)
    return Camps(norms=tuple(norms), camps=tuple(camps), shares=shares, counts=counts, pooled=pooled)


def _pole(text: str, where: str) -> float:
    value = finite_number(text, where)
    if value not in POLES:
        raise unknown(f"answer in {where}", text, [f"{pole:g}" for pole in POLES])
    return value
