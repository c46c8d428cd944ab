"""What every alignment method is told of a century, and what all of them have in common.

A method is a frozen dataclass of hyperparameters: its fields are the arguments of its agents (`lifelong-dpo?ridge=1`).
It adjusts a stance (`update`), and a language model if it can (`rows` and `train`).

Legend of shapes: B episodes, Q comparisons, D = 19.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Protocol

from progressgym.core.arguments import OneOf, Positive, Steps, check_fields
from progressgym.instruments.stance_model import DEFAULT_SCALE

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from torch import Tensor

    from progressgym.agents.agent import Agent
    from progressgym.agents.policies.language_model import LanguageModelPolicy
    from progressgym.agents.policies.stance_policy import StancePolicy
    from progressgym.preferences.pairs import Pairs
    from progressgym.tuning.alignment import AlignRecipe
    from progressgym.tuning.contrasts import Contrast
    from progressgym.tuning.training import Report
    from progressgym.tuning.tunable import TunableModel

TARGETS = ("soft", "signed")
TRANSFORMS = {"debate": "progressgym.agents.debate.labels:DebatedLabels"}
"""Targets that are not the human's labels but what a class makes of them, as choices, which are weighed as signed ones:
name -> `module:Class`, see `series.Transform`."""
Reference = Annotated[str, OneOf("reference", ("stage", "uniform"))]
"""What a policy is held to: `stage`, the policy that the century begins with, or `uniform`."""


@dataclass(kw_only=True, frozen=True, eq=False)
class Stage:
    """One century of a batch of stance policies."""

    features: Tensor
    """(B, Q, D) scale * (Phi_a - Phi_b)."""
    offsets: Tensor
    """(B, Q) c_a - c_b, the first century's log-odds."""
    targets: Tensor
    """y (B, Q): probability that a is preferred."""
    weights: Tensor
    """u (B, Q) of the comparisons in the loss."""
    start: Tensor
    """(B, D) the stance that the century begins with."""
    kind: str = "probability"
    """Of labels: `probability` or `sample`."""
    policy: StancePolicy | None = None
    """What the stances shift, where a method needs more of it than the comparisons say."""
    pairs: Tensor | None = None
    """(B, Q, 3) item, option a, option b."""
    mask: Tensor | None = None
    """(N, K) which options there are."""
    words: Tensor | None = None
    """(N, K) how many words an option has; 0 where there is none."""
    past: Tensor | None = None
    """(B, Q, T) what was said in all centuries until now, as entries of a series, see `forecast`; NaN where nothing was."""


@dataclass(kw_only=True, frozen=True, eq=False)
class ModelStage:
    """One century of one language model."""

    policy: LanguageModelPolicy
    """The model as the century begins with it."""
    pairs: Pairs
    """The comparisons to train on."""
    seed: int
    """Of everything that is drawn."""
    past: NDArray[np.float64] | None = None
    """(n, T) targets of the comparisons in all centuries until now; NaN where nobody was asked."""

    def rows(
        self,
        beta: float,
        reference: str,
        *,
        parts: Sequence[str] = (),
        fares: NDArray[np.float64] | None = None,
        condition: str = "",
    ) -> list[Contrast]:
        """The comparisons as rows to train on, against a reference of strength beta; see `LanguageModelPolicy.rows`."""
        import numpy as np

        own = self.policy.logits(np.unique(self.pairs.group), condition) if reference == "uniform" else None
        return self.policy.rows(self.pairs, own, beta, self.seed, parts=parts, fares=fares, condition=condition)


@dataclass(kw_only=True, frozen=True)
class Method:
    """An alignment method: a subclass adds its hyperparameters and `update`."""

    independent: bool = False
    """Restart from century 0's policy every century instead of continuing from the last one."""
    forecast: Steps = 0
    """K: for how many centuries ahead preferences are extrapolated."""
    order: Steps = 0
    """M: degree of the extrapolating polynomial."""
    targets: Annotated[str, OneOf("kind of targets", (*TARGETS, *TRANSFORMS))] | None = None
    """`soft` or `signed`, see `forecast.loss_terms`, or `debate`, see `series`; soft for probabilities and signed for
    samples when None."""
    scale: Positive = DEFAULT_SCALE
    """How far a unit of the stance moves the logits."""
    device: str = "auto"
    """`auto`, or a torch device such as `cpu` or `cuda`."""

    def __post_init__(self) -> None:
        """Check names and ranges."""
        check_fields(self)

    def update(self, stage: Stage) -> Tensor:
        """A century's new stances (B, D)."""
        raise NotImplementedError

    def agent(self, name: str) -> Agent:
        """The agent that learns a stance by this method."""
        from progressgym.agents.learner import Learner

        return Learner(name, self)


def adjusts_models(method: type) -> bool:
    """Whether a method can adjust a language model."""
    return all(callable(getattr(method, name, None)) for name in ("rows", "train"))


class ModelMethod(Protocol):
    """A method that can adjust a language model, too."""

    @property
    def strength(self) -> float:
        """Beta: strength of the reference, in units of the log-odds between two options."""
        ...

    def rows(self, stage: ModelStage) -> list[Contrast]:
        """What the model is trained on in a century."""
        ...

    def train(
        self, tunable: TunableModel, rows: Sequence[Contrast], recipe: AlignRecipe, *, seed: int, report: Report | None
    ) -> Any:
        """Train a model on rows."""
        ...
