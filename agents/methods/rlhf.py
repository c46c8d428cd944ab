"""RLHF: a Bradley-Terry reward model, then the exact optimum of KL-regularised reward.

    reward model   r(i, k) = scale * Phi[i, k] . w,   P(a over b) = sigma(r_a - r_b),   w ~ N(0, I / ridge)
    policy         max over pi of E[r] - beta_kl KL(pi | ref)   =>   pi* ~ ref * exp(r / beta_kl)

On finitely many options the optimum needs no sampling and no policy gradient (Ziegler et al. 2019, arXiv 1909.08593,
equation 3). A stance reward keeps a stance policy in its family: theta = theta_ref + w / beta_kl. As with DPO, the
human's preference is *added* to the reference; a uniform reference with beta_kl = 1 gives the human's own choice model
instead, projected onto the policies that the base answers allow: the stance that these express already is taken off
(`StancePolicy.own_stance`), because the policy adds it again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

from progressgym.agents.methods.stage import Method, ModelStage, Reference, Stage
from progressgym.core.arguments import Named, Positive
from progressgym.core.errors import UserError
from progressgym.core.ids import parse_id
from progressgym.preferences.models.protocol import PREFERENCE_MODELS, margins_of
from progressgym.preferences.pairs import Pairs

if TYPE_CHECKING:
    from torch import Tensor

    from progressgym.tuning.alignment import AlignRecipe
    from progressgym.tuning.contrasts import Contrast
    from progressgym.tuning.training import Report
    from progressgym.tuning.tunable import TunableModel


@dataclass(kw_only=True, frozen=True)
class Rlhf(Method):
    """The best policy for a reward that explains the preferences, at a price on divergence from the reference."""

    beta_kl: Positive = 1.0
    """Price of a nat of divergence from the reference, in units of reward."""
    reference: Reference = "stage"
    """`stage`, the policy that the century begins with, or `uniform`."""
    ridge: Positive = 0.1
    """Precision of the Gaussian prior of the reward model around 0."""
    reward: Annotated[str, Named(PREFERENCE_MODELS)] | None = None
    """Another preference model in the reward model's place: the reward is the linear one that is nearest to its margins."""

    @property
    def strength(self) -> float:
        """Beta of a language model's rows."""
        return self.beta_kl

    def reward_weights(self, stage: Stage) -> Tensor:
        """w (B, D) of the reward model."""
        import torch

        from progressgym.preferences.models.fitted import FittedModel
        from progressgym.preferences.models.newton import solve

        if self.reward is not None and issubclass(PREFERENCE_MODELS.load(parse_id(self.reward).name), FittedModel):
            from progressgym.agents.methods.rewards import learned, nearest, sides

            return nearest(learned(self.reward, stage)(*sides(stage)), stage)
        if self.reward is not None:
            return self._nearest(stage)
        nothing, nowhere = torch.zeros_like(stage.targets), torch.zeros_like(stage.start)
        return solve(stage.features, nothing, stage.targets, stage.weights, nowhere, self.ridge)

    def _nearest(self, stage: Stage) -> Tensor:
        """w (B, D) of the linear reward that is nearest to a preference model's margins, row by row.

        The model is told how a differs from b: left is that difference, right is 0.
        """
        import numpy as np
        import torch

        from progressgym.agents.methods.rewards import fitted_rows

        models = fitted_rows(str(self.reward), stage, stage.features, torch.zeros_like(stage.features))
        rows = []
        for model, x, u in zip(models, *(part.cpu().numpy() for part in (stage.features, stage.weights)), strict=True):
            margins, share = margins_of(model, Pairs.of(x, np.zeros_like(x)), str(self.reward)), np.sqrt(u)
            rows.append(np.linalg.lstsq(x * share[:, None], margins * share, rcond=None)[0])
        return torch.as_tensor(np.array(rows), dtype=stage.start.dtype, device=stage.start.device)

    def update(self, stage: Stage) -> Tensor:
        """theta (B, D): the exact optimum."""
        gain = self.reward_weights(stage) / self.beta_kl
        if self.reference == "stage":
            return stage.start + gain
        if stage.policy is None:
            raise UserError("RLHF with a uniform reference needs the policy of the stage")
        return gain - stage.policy.own_stance

    def rows(self, stage: ModelStage) -> list[Contrast]:
        """A century's comparisons as a language model is trained on them.

        Raises:
            UserError: a reward model of another kind than the language model's own.
        """
        if self.reward is not None:
            raise UserError(f"reward={self.reward} explains stances; a language model learns a reward of its own")
        return stage.rows(self.beta_kl, self.reference)

    def train(
        self, tunable: TunableModel, rows: Sequence[Contrast], recipe: AlignRecipe, *, seed: int, report: Report | None
    ) -> Any:
        """One stage of a language model: its reward model, then its policy gradient."""
        from progressgym.tuning.alignment import rlhf_stage

        return rlhf_stage(tunable, rows, recipe, seed=seed, report=report)
