"""What a debate is about and who rules: `Cases`, and the protocols `Domain` and `Judge`.

A **case** is a decision in question: debater 0 argues that one option is right, debater 1 that another one is. Evidence
are N **pieces**, facts of the case that either may show; nobody can lie. A **judge** sees only what was shown and gives
each option a score. Everything comes in batches, so that one call rules on thousands of debates.

Legend of shapes: B cases, N pieces of evidence, F numbers a piece says, A options, U uniform numbers that make a case.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from progressgym.core.errors import UserError

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]
UNKNOWN = -1
"""`Cases.preferred` where nobody knows which option is right."""


@dataclass(kw_only=True, frozen=True, eq=False)
class Cases:
    """A batch of B cases of one domain."""

    states: Ints
    """(B,) row of the domain's table of states (patients, dilemmas)."""
    options: Ints
    """(B, 2) the option that debater 0 argues for, and debater 1's; 0 to A - 1, different from each other."""
    evidence: NDArray[np.float32]
    """(B, N, F) what every piece says, in numbers of about [-1, 1]; all of it, shown or not."""
    preferred: Ints
    """(B,) which debater's option is the preferred one, 0 or 1; -1 where that is unknown."""

    def __len__(self) -> int:
        return len(self.states)

    def __getitem__(self, rows: slice | Ints | Bools) -> Cases:
        """Some of the cases."""
        return Cases(
            states=self.states[rows],
            options=self.options[rows],
            evidence=self.evidence[rows],
            preferred=self.preferred[rows],
        )

    def swapped(self, rows: Bools | None = None) -> Cases:
        """The same cases with the debaters' seats changed, in all or some (B,) rows."""
        change = np.ones(len(self), dtype=np.bool_) if rows is None else rows
        options = np.where(change[:, None], self.options[:, ::-1], self.options)
        preferred = np.where(change & (self.preferred >= 0), 1 - self.preferred, self.preferred)
        return Cases(states=self.states, options=options, evidence=self.evidence, preferred=preferred)

    def honest_first(self) -> Cases:
        """The same cases with the preferred option in debater 0's seat."""
        return self.swapped(self.preferred == 1)


@dataclass(kw_only=True, frozen=True)
class CaseText:
    """One case in words."""

    question: str
    """The situation."""
    options: tuple[str, str]
    """What debater 0 argues for, and debater 1."""
    pieces: tuple[str, ...]
    """N sentences: what every piece says."""
    about: tuple[int, ...] = ()
    """N: of whose option each piece speaks, 0 or 1; empty where pieces speak of the case itself."""


@runtime_checkable
class Domain(Protocol):
    """Where cases come from. Stateless: the same uniform numbers give the same cases."""

    @property
    def name(self) -> str:
        """Id with arguments, for example `simulator?rule=corrected`."""
        ...

    @property
    def pieces(self) -> int:
        """N."""
        ...

    @property
    def features(self) -> int:
        """F, numbers that a piece says."""
        ...

    @property
    def decisions(self) -> int:
        """A, options that can be in question."""
        ...

    @property
    def draws(self) -> int:
        """U, uniform numbers that `cases` needs for one case."""
        ...

    @property
    def piece_names(self) -> tuple[str, ...]:
        """N short names."""
        ...

    def cases(self, uniforms: Floats) -> Cases:
        """Make cases.

        Args:
            uniforms: (B, U) numbers in [0, 1); row b alone decides case b.
        """
        ...

    def pairs(self, states: Ints, options: Ints, preferred: Ints | None = None) -> Cases:
        """Cases about given decisions.

        Args:
            states: (B,).
            options: (B, 2).
            preferred: (B,), unknown when None.
        """
        ...

    def text(self, cases: Cases, row: int) -> CaseText:
        """One case in words."""
        ...


@runtime_checkable
class Judge(Protocol):
    """Rules on cases from the evidence shown. The order in which pieces were shown does not reach it."""

    @property
    def fingerprint(self) -> str:
        """What can change a ruling, in one string: for caches and records."""
        ...

    def score(self, cases: Cases, revealed: Bools) -> Floats:
        """Score of each debater's option; the higher one wins, equal ones draw.

        Args:
            cases: B cases.
            revealed: (B, N) True on pieces that were shown.

        Returns:
            (B, 2) finite numbers on one scale, so that their difference is a margin (a log-odds, where the judge was
            fitted by Bradley-Terry).
        """
        ...


@runtime_checkable
class ForesightJudge(Judge, Protocol):
    """A judge that can say at once what it would rule after each single further piece, faster than one by one."""

    def after_each(self, cases: Cases, revealed: Bools) -> Floats:
        """Scores of each debater's option after one more piece.

        Args:
            cases: B cases.
            revealed: (B, N) True on pieces that were shown.

        Returns:
            (B, N, 2) what `score` says with piece n shown too; as it is where the piece is on the table.
        """
        ...


def random_evidence(uniforms: Floats, counts: int | Ints) -> Bools:
    """Random sets of pieces, all sets of one size alike.

    Args:
        uniforms: (B, N) numbers in [0, 1).
        counts: how many pieces, one number or (B,).

    Returns:
        (B, N) True on chosen pieces.
    """
    rank = np.argsort(np.argsort(uniforms, axis=1), axis=1)
    chosen: Bools = rank < np.reshape(counts, (-1, 1))
    return chosen


def check_options(options: Ints, decisions: int) -> None:
    """Check given decisions.

    Raises:
        UserError: a wrong shape, an option that does not exist, a pair of equal options.
    """
    if options.ndim != 2 or options.shape[1] != 2:
        raise UserError(f"options have shape {options.shape}, expected (cases, 2)")
    if options.size and (options.min() < 0 or options.max() >= decisions):
        raise UserError(f"options must be 0 to {decisions - 1}, got {options.min()} to {options.max()}")
    if (options[:, 0] == options[:, 1]).any():
        raise UserError("both debaters argue for the same option; give two different ones")


def name_list(names: Sequence[str]) -> str:
    """Names in a sentence.

    >>> name_list(["a", "b", "c"])
    'a, b and c'
    """
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def margin_flips(a: Floats, b: Floats) -> float:
    """Share of cases that two sets of margins (B,) decide differently; a draw differs from a win by half.

    >>> margin_flips(np.array([1.0, -1.0, 0.0]), np.array([2.0, 2.0, 1.0]))
    0.5
    """
    return float(0.5 * np.abs(np.sign(a) - np.sign(b)).mean())
