"""Direct Preference Optimisation (Rafailov et al. 2023, arXiv 2305.18290, equation 7).

    loss = sum_q u_q L(m_q, y_q) + ridge / 2 |theta - theta_ref|^2,      L(m, y) = -y log sigma(m) - (1 - y) log sigma(-m)
    m_q  = beta_dpo * [ log pi(a)/ref(a) - log pi(b)/ref(b) ]

In a comparison of two options of one item the normalisers cancel, so the margin is a difference of logits. With the
stage's own first policy as reference the margin is 0 before the first step and its minimum *adds* the human's
preference, divided by beta_dpo, to what the reference prefers: nothing drifts and the policy still moves, every
century again. With a uniform reference and beta_dpo = 1 the minimum is the human's own choice model.

Other losses of the same margins: `progressgym.losses`, as in `lifelong-dpo?loss=ipo`; of more than margins: `extra`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

from progressgym.agents.methods.stage import Method, ModelStage, Reference, Stage
from progressgym.core.arguments import Named, Positive
from progressgym.losses import LOSSES, loss_of, of_margins, parts_of, sigmoid

if TYPE_CHECKING:
    from torch import Tensor

    from progressgym.tuning.alignment import AlignRecipe
    from progressgym.tuning.contrasts import Contrast
    from progressgym.tuning.training import Report
    from progressgym.tuning.tunable import TunableModel


@dataclass(kw_only=True, frozen=True)
class Dpo(Method):
    """The policy whose margins over the reference are what the preferences ask for."""

    beta_dpo: Positive = 1.0
    """How strongly the policy is held to the reference."""
    reference: Reference = "stage"
    """`stage`, the policy that the century begins with, or `uniform`."""
    ridge: Positive = 0.1
    """Precision of a weak Gaussian prior around the start; separable preferences have no finite optimum else."""
    loss: Annotated[str, Named(LOSSES)] = "sigmoid"
    """What a margin costs."""

    @property
    def strength(self) -> float:
        """Beta of a language model's rows."""
        return self.beta_dpo

    def update(self, stage: Stage) -> Tensor:
        """theta (B, D): the minimum of the loss."""
        import torch

        from progressgym.preferences.models.newton import solve

        if of_margins(self.loss):
            loss, nothing = loss_of(self.loss), torch.zeros_like(stage.offsets)
        else:
            from progressgym.agents.methods.extra import extended

            loss, (stage, nothing) = sigmoid, extended(self.loss, stage)
        slopes, start = self.beta_dpo * stage.features, stage.start
        if self.reference == "uniform":
            shifts = self.beta_dpo * stage.offsets + nothing
            return solve(slopes, shifts, stage.targets, stage.weights, start, self.ridge, loss)
        return start + solve(slopes, nothing, stage.targets, stage.weights, torch.zeros_like(start), self.ridge, loss)

    def rows(self, stage: ModelStage) -> list[Contrast]:
        """A century's comparisons as a language model is trained on them."""
        return stage.rows(self.beta_dpo, self.reference, parts=parts_of(self.loss))

    def train(
        self, tunable: TunableModel, rows: Sequence[Contrast], recipe: AlignRecipe, *, seed: int, report: Report | None
    ) -> Any:
        """One stage of a language model."""
        from progressgym.tuning.alignment import dpo_stage

        loss, parts = loss_of(self.loss), parts_of(self.loss)
        return dpo_stage(tunable, rows, recipe, seed=seed, report=report, loss=loss, parts=parts)
