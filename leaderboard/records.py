"""What verification and the standings hand around: plain data, the same as JSON."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from progressgym.leaderboard.problems import Problem
from progressgym.leaderboard.schema import SubmissionRecord
from progressgym.scores.records import Finite, IntervalRecord, Sha256

Rung = Literal["validated", "recomputed", "reproduced"]
RUNGS: tuple[Rung, ...] = ("validated", "recomputed", "reproduced")
"""How far a row has been verified, lowest first."""


class _Record(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, allow_inf_nan=False)


class GroupScore(_Record):
    """One score of an entry: all seeds of a history and challenge."""

    history: str
    challenge: str
    seeds: Annotated[int, Field(ge=1)]
    skill: IntervalRecord | None
    """None: not identified, not ranked."""
    utility: IntervalRecord
    static: Finite
    """U_static."""
    reference: Finite
    """U_ref."""
    drift_cosine: Finite | None
    dimension_error: Finite
    published: dict[str, Finite]
    """Sums on the original ProgressGym's scales."""
    lock_in: dict[str, Finite]
    """Coevolve only."""
    restraint: Finite | None = None
    """Coevolve only: how much less than `static` the agent displaces the simulated human, as a share of how much less the
    reference does: (D_static - D) / (D_static - D_ref). None where the two do not differ, and in what was written before
    it was measured."""
    queries: Annotated[int, Field(ge=0)]
    """Comparisons shown to the agent in an episode."""
    samples: list[Finite] = []
    """Bootstrap samples of what ranks, drawn alike for every entry, behind the intervals of places; empty when there is
    no skill."""
    sampled: Literal["skill", "merit"] = "skill"
    """Whether they are of the skill alone (also in what was written before a restraint was resampled), or of the smaller of
    skill and restraint."""

    @property
    def id(self) -> str:
        """How pages and files call it."""
        return f"{self.challenge} on {self.history}"


class CellScore(_Record):
    """One recomputed cell, for the page of an entry."""

    history: str
    challenge: str
    seed: int
    utility: Finite
    fingerprint: Sha256
    """Of the answers, rounded: equal for equal answers however they are written."""


class Verdict(_Record):
    """What verification says about a submission."""

    digest: Sha256 | None
    """Of the content; None when not even the manifest could be read."""
    rung: Rung | None
    """The highest rung reached; None: refused."""
    problems: list[Problem]
    """Why it is refused; empty otherwise."""
    warnings: list[str] = []
    record: SubmissionRecord | None = None
    signer: str | None = None
    groups: list[GroupScore] = []
    """Public scores, recomputed."""
    cells: list[CellScore] = []

    @property
    def accepted(self) -> bool:
        """Whether it may enter the store."""
        return self.rung is not None and not self.problems


class Reproduction(_Record):
    """What running the agent on the board's private split gave, see `Store.record_reproduction`."""

    split: str
    """Name of the private split's version; secret seeds are never part of it."""
    commitments: dict[str, Sha256] = {}
    """What the split's owner binds themselves to: sha256 of the key, and of every hidden history by the shipped name."""
    matches: bool
    """Whether running the public grid again gave the submitted answers, and the private split could be run."""
    largest_difference: Finite | None
    """Between answers of the public grid, run again and submitted; None: not all of it could be run."""
    groups: list[GroupScore]
    """Private scores: they decide the rank."""
    seconds: Annotated[float, Field(ge=0, allow_inf_nan=False)]
    """Wall time of the runs in the sandbox."""
    note: str = ""
