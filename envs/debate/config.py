"""The arguments of a debate, in one place for all of its environments."""

from __future__ import annotations

from dataclasses import dataclass

from progressgym.core.debate import Domain, Judge
from progressgym.core.errors import UserError, unknown
from progressgym.envs.debate.domains import make_domain
from progressgym.envs.debate.rules import Rules

REPEATS = ("error", "waste")


@dataclass(kw_only=True, frozen=True)
class DebateConfig(Rules):
    """What is debated, before whom, and by which rules.

    Raises:
        UserError: rules that cannot be, an unknown word.
    """

    domain: str | Domain = "simulator"
    """Where cases come from: an id such as `dilemmas?century=C017`, or a domain."""
    judge: Judge | None = None
    """Who rules; the domain's own when None."""
    see_other: bool = True
    """A debater sees the other's decision."""
    repeats: str = "error"
    """Showing a piece again is an `error`, or a `waste` of the turn."""
    max_cycles: int | None = None
    """Another way to say `turns`: rounds in which each debater shows one piece."""

    def __post_init__(self) -> None:
        """Check."""
        if self.repeats not in REPEATS:
            raise unknown("treatment of repeats", str(self.repeats), REPEATS)
        if self.max_cycles is not None:
            object.__setattr__(self, "turns", 2 * self.max_cycles)
        super().__post_init__()

    def resolve(self) -> tuple[Domain, Judge]:
        """The domain and who rules in it.

        Raises:
            UserError: an unknown domain, a domain without a judge, fewer pieces of evidence than turns.
        """
        domain, own = make_domain(self.domain) if isinstance(self.domain, str) else (self.domain, None)
        judge = self.judge or own
        if judge is None:
            raise UserError(f"domain {domain.name!r} was given as an object; give its judge too")
        self.fit(domain.pieces)
        return domain, judge
