"""What can be set about a learning agent, checked without loading torch."""

from __future__ import annotations

from dataclasses import dataclass

from progressgym.core.errors import UserError, unknown
from progressgym.instruments.stance import DEFAULT_SCALE

METHODS = ("map", "dpo", "rlhf")
REFERENCES = ("stage", "uniform")
TARGETS = ("soft", "signed")
PRIOR = {"probability": 4.0, "sample": 32.0}
"""MAP: precision of a century's move by kind of labels. Chosen on synthetic histories, see docs/agents/map.md."""


@dataclass(kw_only=True, frozen=True)
class LearnerConfig:
    """Everything that decides how a learner learns."""

    method: str
    """`map`, `dpo` or `rlhf`."""
    independent: bool = False
    """Restart from century 0's policy every century instead of continuing from the last one."""
    forecast: int = 0
    """K: for how many centuries ahead preferences are extrapolated."""
    order: int = 0
    """M: degree of the extrapolating polynomial."""
    reference: str = "stage"
    """DPO and RLHF: `stage`, the policy that the century begins with, or `uniform`."""
    targets: str | None = None
    """`soft` or `signed`, see `forecast.loss_terms`; soft for probabilities and signed for samples when None."""
    beta_dpo: float = 1.0
    """DPO: how strongly the policy is held to the reference."""
    beta_kl: float = 1.0
    """RLHF: price of a nat of divergence from the reference."""
    ridge: float = 0.1
    """DPO and RLHF: precision of the weak Gaussian prior of a fit."""
    prior: float | None = None
    """MAP: precision of a century's move; `PRIOR` when None."""
    scale: float = DEFAULT_SCALE
    """How far a unit of the stance moves the logits."""
    device: str = "auto"
    """`auto`, or a torch device such as `cpu` or `cuda`."""

    def __post_init__(self) -> None:
        """Check names and ranges."""
        if self.method not in METHODS:
            raise unknown("alignment method", self.method, METHODS)
        if self.reference not in REFERENCES:
            raise unknown("reference", self.reference, REFERENCES)
        if self.targets is not None and self.targets not in TARGETS:
            raise unknown("kind of targets", self.targets, TARGETS)
        if not isinstance(self.independent, bool):
            raise UserError(f"independent is {self.independent!r}; use true or false")
        check_rule(self.forecast, self.order)
        for name in ("beta_dpo", "beta_kl", "ridge", "scale", "prior"):
            value = getattr(self, name)
            if name == "prior" and value is None:
                continue
            _check_positive(name, value)


@dataclass(kw_only=True, frozen=True)
class FilterConfig:
    """Everything that decides how a Kalman agent filters."""

    models: str
    """`level`, `trend` or `average`: which models of drift are averaged over, see `filters.dynamics.BANKS`."""
    forecast: int | None = None
    """For how many centuries ahead; as many as the task asks for when None."""
    scale: float = DEFAULT_SCALE
    """How far a unit of the stance moves the logits."""
    device: str = "auto"
    """`auto`, or a torch device such as `cpu` or `cuda`."""

    def __post_init__(self) -> None:
        """Check ranges."""
        if self.forecast is not None:
            check_rule(self.forecast, 0)
        _check_positive("scale", self.scale)


@dataclass(kw_only=True, frozen=True)
class LearnedConfig:
    """What can be set about the learned forecaster; how it forecasts is in its weights."""

    forecast: int | None = None
    """For how many centuries ahead; as many as the task asks for when None."""
    scale: float = DEFAULT_SCALE
    """How far a unit of the stance moves the logits."""
    device: str = "auto"
    """`auto`, or a torch device such as `cpu` or `cuda`."""

    def __post_init__(self) -> None:
        """Check ranges."""
        if self.forecast is not None:
            check_rule(self.forecast, 0)
        _check_positive("scale", self.scale)


def _check_positive(name: str, value: object) -> None:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 < value < float("inf"):
        raise UserError(f"{name} is {value!r}; a positive number is expected")


def check_rule(forecast: int, order: int) -> None:
    """Check K and M.

    Raises:
        UserError: one of them is no whole number from 0 on.
    """
    for name, value in (("forecast", forecast), ("order", order)):
        if isinstance(value, bool) or not isinstance(value, int) or value < 0:
            raise UserError(f"{name} is {value!r}; use a whole number from 0 on")
