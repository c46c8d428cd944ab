"""What can be set about a learning agent, checked without loading torch."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from progressgym.core.bounds import whole
from progressgym.core.errors import UserError, unknown
from progressgym.instruments.stance import DEFAULT_SCALE

FURTHEST = 100
"""Bound of K and M: a polynomial of degree 100 says nothing about the next century."""
LARGEST = 1e6
"""Bound of the strengths and scales of a learner."""
METHODS = ("map", "dpo", "rlhf")
REFERENCES = ("stage", "uniform")
TARGETS = ("soft", "signed")
DEBATE = "debate"
"""Targets that are not the human's labels but the winners of debates before this human; weighed as signed ones."""
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
    """`soft` or `signed`, see `forecast.loss_terms`, or `debate`, see `series`; soft for probabilities and signed for
    samples when None."""
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
        if self.targets is not None and self.targets not in (*TARGETS, DEBATE):
            raise unknown("kind of targets", self.targets, (*TARGETS, DEBATE))
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
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 < value <= LARGEST:
        raise UserError(f"{name} is {value!r}; a positive number is expected, at most {LARGEST:g}")


TUNINGS = ("lora", "full")
STARTS = ("history", "model")
POLICY_PREFIX = "lm:"
MODEL_REFERENCE = "uniform"
"""The reference that the commands give to a language-model policy where none is named: against the policy of the
stage, as published, an agent overshoots the human whom it agrees with (docs/model-tier.md)."""


@dataclass(kw_only=True, frozen=True)
class LanguageModelConfig:
    """What a language-model policy is and how it is trained. Defaults: see the sweep in docs/model-tier.md."""

    policy: str
    """`lm:` and what `load_model` takes."""
    start: str = "history"
    """`history`: with the adapter of the history's first century, where the history was built on this model; `model`:
    the model itself."""
    tuning: str = "lora"
    """`lora` trains an adapter, `full` all weights."""
    rank: int = 8
    """LoRA: rank of the adapter."""
    learning_rate: float | None = None
    """Peak learning rate; by default 3e-4 with LoRA and 1e-5 for all weights."""
    comparisons: int = 96
    """How many of a century's comparisons are trained on, drawn anew each century; 0 takes all."""
    epochs: int = 1
    """Passes over them."""
    batch_size: int = 8
    """Rows a step."""

    def __post_init__(self) -> None:
        """Check names and ranges."""
        if not self.policy.startswith(POLICY_PREFIX) or len(self.policy) == len(POLICY_PREFIX):
            raise UserError(f"unknown policy {self.policy!r}; use stance, or lm: and a model as in lm:smollm2-135m")
        if self.tuning not in TUNINGS:
            raise unknown("tuning", str(self.tuning), TUNINGS)
        if self.start not in STARTS:
            raise unknown("start", str(self.start), STARTS)
        for name, least, most in (
            ("rank", 1, 4096),
            ("comparisons", 0, 10**6),
            ("epochs", 1, 1000),
            ("batch_size", 1, 4096),
        ):
            whole(name, getattr(self, name), least, most)
        rate = self.learning_rate
        if rate is not None and (isinstance(rate, (bool, str)) or not 0 < rate < float("inf")):
            raise UserError(f"learning_rate is {rate!r}; a positive number is expected")

    @property
    def model(self) -> str:
        """What `load_model` takes."""
        return self.policy.removeprefix(POLICY_PREFIX)

    @property
    def peak(self) -> float:
        """The learning rate."""
        default = 3e-4 if self.tuning == "lora" else 1e-5
        return default if self.learning_rate is None else self.learning_rate


def same_model(card: str, asked: str) -> bool:
    """Whether a card's base and a policy's model are one: equal names, or one folder."""
    if card == asked:
        return True
    return Path(card).is_dir() and Path(asked).is_dir() and Path(card).resolve() == Path(asked).resolve()


def check_rule(forecast: int, order: int) -> None:
    """Check K and M.

    Raises:
        UserError: one of them is no whole number from 0 to `FURTHEST`.
    """
    for name, value in (("forecast", forecast), ("order", order)):
        whole(name, value, 0, FURTHEST)
