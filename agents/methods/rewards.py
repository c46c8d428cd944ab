"""What a preference model makes of a century of a batch of histories: margins of any two options, all rows at once.

Models without a closed form (`FittedModel`) are fitted to the whole batch together. Of models with users (`PersonalModel`) the
users are a history's centuries: what was said before is other people's, and the present one's vector counts. Any other
model is fitted row by row.

Legend of shapes: B histories, Q comparisons, T centuries before this one, D = 19, m pairs that are asked about.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from progressgym.agents.methods.stage import Stage
from progressgym.core.errors import UserError
from progressgym.preferences.models.batch import Batch
from progressgym.preferences.models.bradley_terry import BradleyTerry
from progressgym.preferences.models.fitted import FittedModel
from progressgym.preferences.models.meta import MetaReward
from progressgym.preferences.models.personal import PersonalModel
from progressgym.preferences.models.protocol import PREFERENCE_MODELS, PreferenceModel, make_model, margins_of
from progressgym.preferences.pairs import Pairs

STEPS = 12
"""At most so many steps of a search, for a thousand histories at once: its minimum is nearer than the noise of a vote."""
CENTURIES = 6
"""Users of a model with users: the present century and those before it."""
Rule = Callable[[Tensor, Tensor], Tensor]
"""Features of a and of b (B, m, D) -> how much a is preferred (B, m), in log-odds."""


def learned(asked: str, stage: Stage) -> Rule:
    """What the model of an id says after it was fitted to a century.

    Raises:
        UserError: no such model, one that is no model, or margins that are not finite.
    """
    model = PREFERENCE_MODELS.make(asked)
    if isinstance(model, FittedModel):
        model.rounds = min(model.rounds, STEPS)
    if isinstance(model, PersonalModel):
        recent = stage if stage.past is None else replace(stage, past=stage.past[..., -CENTURIES:])
        vectors = trajectory(model, recent)[:, -1]
        return lambda a, b: ((a - b) @ vectors[..., None])[..., 0]
    if isinstance(model, FittedModel):
        if isinstance(model, MetaReward) and stage.policy is not None:
            model.adapt(stage.policy.design[_there(stage).flatten()].cpu().numpy())
        theta = model.solve(batch_of(stage, *sides(stage)))
        return lambda a, b: model.margins(theta, _asked(a, b))
    return _row_by_row(asked, stage)


def trajectory(model: PersonalModel, stage: Stage, shift: Tensor | None = None) -> Tensor:
    """(B, T + 1, D) the vector of every century, the present one last.

    Args:
        model: with centuries as its users.
        stage: its `past` is what was said before.
        shift: (B, Q) what every margin has beside the model's.
    """
    batch = batch_of(stage, stage.features, torch.zeros_like(stage.features))
    target, weight = before(stage)
    target, weight = torch.cat([target, batch.target[:, None]], 1), torch.cat([weight, batch.weight[:, None]], 1)
    vectors, _ = model.places(replace(batch, target=target, weight=weight), None, target.shape[1], shift)
    return vectors


def before(stage: Stage) -> tuple[Tensor, Tensor]:
    """Targets and weights (B, T, Q) of the centuries before this one, as `forecast.loss_terms` gives them without a forecast."""
    if stage.past is None:
        return (torch.zeros_like(stage.targets)[:, :0].reshape(len(stage.targets), 0, stage.targets.shape[1]),) * 2
    entries = stage.past[..., :-1].transpose(1, 2)
    there = ~torch.isnan(entries) & (entries != 0)
    said = torch.where(there, entries, 0.0)
    target = torch.sigmoid(said) if stage.kind == "probability" else (said > 0).to(said)
    return target, there.to(said)


def sides(stage: Stage) -> tuple[Tensor, Tensor]:
    """Features (B, Q, D) of the first and of the second option."""
    if stage.policy is None or stage.pairs is None:
        return stage.features, torch.zeros_like(stage.features)
    item, a, b = stage.pairs.unbind(-1)
    loadings = stage.policy.scale * stage.policy.loadings
    return loadings[item, a], loadings[item, b]


def batch_of(stage: Stage, left: Tensor, right: Tensor) -> Batch:
    """A century as what models are fitted to."""
    none = torch.zeros(*stage.targets.shape, 0, dtype=left.dtype, device=left.device)
    return Batch(left=left, right=right, target=stage.targets, weight=stage.weights, context=none)


def nearest(margins: Tensor, stage: Stage) -> Tensor:
    """w (B, D) of the linear reward nearest to margins (B, Q), in weighted squares; 0 where nothing tells."""
    from progressgym.preferences.models.newton import GRID

    weighted = stage.features * stage.weights[..., None]
    square = weighted.transpose(1, 2) @ stage.features
    wanted = weighted.transpose(1, 2) @ margins[..., None]
    return torch.round((torch.linalg.pinv(square, rtol=1e-10, hermitian=True) @ wanted)[..., 0] * GRID) / GRID


def _there(stage: Stage) -> Tensor:
    if stage.mask is None or stage.policy is None:
        raise UserError("this reward needs to know which options there are")
    return stage.mask


def _asked(a: Tensor, b: Tensor) -> Batch:
    nothing = torch.zeros(*a.shape[:2], 0, dtype=a.dtype, device=a.device)
    return Batch(left=a, right=b, target=nothing, weight=nothing, context=nothing)


def fitted_rows(asked: str, stage: Stage, left: Tensor, right: Tensor) -> list[PreferenceModel]:
    """A model of an id for every row of sides (B, Q, D); Bradley and Terry's, which Newton's steps fit together, at once.

    Raises:
        UserError: no such model, or one that cannot be fitted or asked.
    """
    models = [make_model(asked) for _ in range(len(left))]
    linear = [model for model in models if type(model) is BradleyTerry]
    if linear:
        weights = linear[0].solve(batch_of(stage, left, right)).cpu().numpy()
        for model, own in zip(linear, weights, strict=True):
            model.weights = own
        return list(linear)
    sets = zip(models, *(part.cpu().numpy() for part in (left, right, stage.targets, stage.weights)), strict=True)
    return [model.fit(Pairs.of(a, b, y, u)) for model, a, b, y, u in sets]


def _row_by_row(asked: str, stage: Stage) -> Rule:
    models = fitted_rows(asked, stage, *sides(stage))

    def rule(a: Tensor, b: Tensor) -> Tensor:
        rows = zip(models, a.cpu().numpy(), b.cpu().numpy(), strict=True)
        margins = np.stack([margins_of(model, Pairs.of(x, y), asked) for model, x, y in rows])
        return torch.as_tensor(margins, dtype=a.dtype, device=a.device)

    return rule
