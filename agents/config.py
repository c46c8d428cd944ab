"""What can be set about a forecaster and about a language-model policy, checked without loading torch.

The hyperparameters of an alignment method are its own: `progressgym.agents.methods`.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from progressgym.core.arguments import Count, OneOf, Positive, Rule, Steps, Whole, check_fields, is_number
from progressgym.core.errors import UserError
from progressgym.instruments.stance_model import DEFAULT_SCALE

if TYPE_CHECKING:
    from progressgym.agents.agent import Agent


@dataclass(kw_only=True, frozen=True)
class LearnedConfig:
    """What can be set about the learned forecaster; how it forecasts is in its weights."""

    forecast: Steps | None = None
    """For how many centuries ahead; as many as the task asks for when None."""
    scale: Positive = DEFAULT_SCALE
    """How far a unit of the stance moves the logits."""
    device: str = "auto"
    """`auto`, or a torch device such as `cpu` or `cuda`."""

    def __post_init__(self) -> None:
        """Check ranges."""
        check_fields(self)

    def agent(self, name: str) -> Agent:
        """The agent."""
        from progressgym.agents.learned.attention_agent import AttentionAgent

        return AttentionAgent(name, self)


@dataclass(kw_only=True, frozen=True)
class TransferConfig(LearnedConfig):
    """The same of the forecaster that was trained over many questionnaires."""

    def agent(self, name: str) -> Agent:
        """The agent."""
        from progressgym.agents.learned.transfer.transfer_agent import TransferAgent

        return TransferAgent(name, self)


@dataclass(kw_only=True, frozen=True)
class FilterConfig(LearnedConfig):
    """Everything that decides how a Kalman agent filters."""

    models: str
    """`level`, `trend` or `average`: which models of drift are averaged over, see `filters.dynamics.BANKS`."""
    common: Annotated[
        float, Rule("use a number from 0 to 100", lambda value: is_number(value) and 0 <= value <= 100)
    ] = 0.0
    """How large a drift that all items share is expected to be, in standard deviations of one dimension's; 0: none."""

    def agent(self, name: str) -> Agent:
        """The agent."""
        from progressgym.agents.filters.kalman import Kalman

        return Kalman(name, self)


POLICY_PREFIX = "lm:"
MODEL_REFERENCE = "uniform"
"""The reference that the commands give to a language-model policy where none is named: against the policy of the
stage, as published, an agent overshoots the human whom it agrees with (docs/model-tier.md)."""


@dataclass(kw_only=True, frozen=True)
class LanguageModelConfig:
    """What a language-model policy is and how it is trained. Defaults: see the sweep in docs/model-tier.md."""

    policy: str
    """`lm:` and what `load_model` takes."""
    start: Annotated[str, OneOf("start", ("history", "model"))] = "history"
    """`history`: with the adapter of the history's first century, where the history was built on this model; `model`:
    the model itself."""
    tuning: Annotated[str, OneOf("tuning", ("lora", "full"))] = "lora"
    """`lora` trains an adapter, `full` all weights."""
    rank: Count = 8
    """LoRA: rank of the adapter."""
    learning_rate: Positive | None = None
    """Peak learning rate; by default 3e-4 with LoRA and 1e-5 for all weights."""
    comparisons: Whole = 96
    """How many of a century's comparisons are trained on, drawn anew each century; 0 takes all."""
    epochs: Count = 1
    """Passes over them."""
    batch_size: Count = 8
    """Rows a step."""

    def __post_init__(self) -> None:
        """Check names and ranges."""
        if not self.policy.startswith(POLICY_PREFIX) or len(self.policy) == len(POLICY_PREFIX):
            raise UserError(f"unknown policy {self.policy!r}; use stance, or lm: and a model as in lm:smollm2-135m")
        check_fields(self)

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
