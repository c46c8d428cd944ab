"""General Preference Optimisation (Zhang et al. 2024, arXiv 2410.02197, equation 8): a policy for preferences without a reward.

    sbar_t(a) = sum_k pi_t(k) s(a > k)                    how a fares against what the policy would answer
    loss      = sum_q u_q [ h_q - (sbar(a_q) - sbar(b_q)) / beta ]^2 + ridge |theta - theta_t|^2
    h_q       = log pi(a)/pi_t(a) - log pi(b)/pi_t(b)

s comes from a preference model (`model=hrc`), which may go round in circles: then what is best depends on what one would
answer else. With a reward, s(a > k) = r_a - r_k, the difference of sbar is r_a - r_b whatever the policy is, and the
minimum is that of `lifelong-rlhf` with the same reward, up to the ridge.

A language model is trained by TRL's loop with `losses.gpo`, whose minimum over the margins is the same; the preference
model looks at the options' tags at both tiers.

Differences from the paper: sbar is the expectation over all options instead of a mean over five samples; both options of a
comparison stand in the loss instead of the best and the worst sample, so that log Z cancels; the minimum is exact
(weighted least squares of 19 unknowns). beta is 1, not .001: at the exact minimum its inverse multiplies every preference.

Legend of shapes: B episodes, Q comparisons, N items, K options, D = 19, m pairs of options.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

from progressgym.agents.methods.stage import Method, ModelStage, Reference, Stage
from progressgym.core.arguments import Named, Positive
from progressgym.core.errors import UserError
from progressgym.preferences.models.protocol import PREFERENCE_MODELS

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from torch import Tensor

    from progressgym.tuning.alignment import AlignRecipe
    from progressgym.tuning.contrasts import Contrast
    from progressgym.tuning.training import Report
    from progressgym.tuning.tunable import TunableModel


@dataclass(kw_only=True, frozen=True)
class Gpo(Method):
    """The policy that moves by how options fare against its own answers."""

    beta: Positive = 1.0
    """Price of moving away from the policy that the century begins with."""
    model: Annotated[str, Named(PREFERENCE_MODELS)] = "hrc"
    """What says which option is preferred to which."""
    ridge: Positive = 0.1
    """Precision of a Gaussian prior around the start, and of the model's parameters."""
    reference: Reference = "stage"
    """`stage`, the policy that the century begins with, or `uniform`."""

    def update(self, stage: Stage) -> Tensor:
        """theta (B, D): the minimum of the loss."""
        import torch

        from progressgym.preferences.models.newton import GRID

        if stage.policy is None or stage.pairs is None or stage.mask is None:
            raise UserError("GPO needs the policy of the stage and its options")
        gains = self.gains(stage)
        weighted = stage.features * stage.weights[..., None]
        square = weighted.transpose(1, 2) @ stage.features
        square = square + self.ridge * torch.eye(square.shape[-1], dtype=square.dtype, device=square.device)
        moved = torch.linalg.solve(square, (weighted.transpose(1, 2) @ gains[..., None])[..., 0])
        moved = torch.round(moved / self.beta * GRID) / GRID
        return moved - stage.policy.own_stance if self.reference == "uniform" else stage.start + moved

    @property
    def strength(self) -> float:
        """Beta of a language model's rows."""
        return self.beta

    def rows(self, stage: ModelStage) -> list[Contrast]:
        """A century's comparisons as a language model is trained on them."""
        return stage.rows(self.beta, self.reference, parts=("fares",), fares=self.fares(stage))

    def train(
        self, tunable: TunableModel, rows: Sequence[Contrast], recipe: AlignRecipe, *, seed: int, report: Report | None
    ) -> Any:
        """One stage of a language model."""
        from progressgym.losses import gpo
        from progressgym.tuning.alignment import dpo_stage

        return dpo_stage(tunable, rows, recipe, seed=seed, report=report, loss=gpo, parts=("fares",))

    def fares(self, stage: ModelStage) -> NDArray[np.float64]:
        """sbar of the first and of the second option (n, 2), against what the language model answers now."""
        import numpy as np

        from progressgym.core.answers import softmax_options
        from progressgym.preferences.models.protocol import fitted_margins
        from progressgym.preferences.pairs import Pairs

        pairs, instrument = stage.pairs, stage.policy.instrument
        mask, loadings = instrument.mask[pairs.group], self.scale * instrument.loadings
        answers = softmax_options(stage.policy.logits(np.unique(pairs.group))[pairs.group], mask)
        separator = "&" if "?" in self.model else "?"
        votes = Pairs.of(self.scale * pairs.left, self.scale * pairs.right, pairs.target, pairs.weight)
        # Every option that stands in a comparison against every other of its item, first all a, then all b.
        of, other = np.nonzero(np.concatenate([mask, mask]))
        n, own = of % len(pairs), pairs.options.T.reshape(-1)[of]
        n, of, own, other = (part[own != other] for part in (n, of, own, other))
        asked = Pairs.of(loadings[pairs.group[n], own], loadings[pairs.group[n], other])
        fares = np.zeros(2 * len(pairs))
        np.add.at(fares, of, answers[n, other] * fitted_margins(self._model_id(separator), votes, asked))
        return fares.reshape(2, -1).T

    def gains(self, stage: Stage) -> Tensor:
        """sbar(a) - sbar(b) (B, Q)."""
        import torch

        from progressgym.agents.methods.rewards import learned

        assert stage.policy is not None and stage.pairs is not None and stage.mask is not None
        policy, rows = stage.policy, torch.arange(len(stage.pairs), device=stage.pairs.device)[:, None]
        asked = torch.zeros(len(stage.mask), dtype=torch.bool, device=stage.mask.device)
        asked[stage.pairs[..., 0].flatten()] = True
        both = stage.mask[:, :, None] & stage.mask[:, None] & asked[:, None, None]
        item, first, second = torch.nonzero(torch.triu(both, diagonal=1), as_tuple=True)
        # The model's ridge is ours: of two arguments of one name the outer one is meant.
        separator = "&" if "?" in self.model else "?"
        rule = learned(self._model_id(separator), stage)
        loadings = policy.scale * policy.loadings
        options = [loadings[item, k].expand(len(stage.pairs), -1, -1) for k in (first, second)]
        odds = rule(options[0], options[1])
        # How each option fares: it meets every other with the policy's probability.
        logits = policy.logits(stage.start) if self.reference == "stage" else torch.zeros_like(policy.base)
        answers = torch.softmax(logits.masked_fill(~stage.mask, -torch.inf), -1)
        fares = torch.zeros_like(answers)
        fares.index_put_((rows, item, first), answers[:, item, second] * odds, accumulate=True)
        fares.index_put_((rows, item, second), -answers[:, item, first] * odds, accumulate=True)
        where, a, b = stage.pairs.unbind(-1)
        return fares[rows, where, a] - fares[rows, where, b]

    def _model_id(self, separator: str) -> str:
        taken = "ridge" in PREFERENCE_MODELS.arguments(self.model.partition("?")[0]) and "ridge=" not in self.model
        return f"{self.model}{separator}ridge={self.ridge!r}" if taken else self.model
