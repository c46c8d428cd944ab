"""Losses that look at more than a margin, on a stance: each is the cross-entropy of a few more comparisons, or of shifted ones.

| loss | what is added to a century's comparisons |
|---|---|
| rdpo | the reason: tags that speak for what is preferred, sigma(beta scale theta_d) each, as gamma of a comparison together |
| spo | degrees: each option against itself without its strongest tag, in the direction of the preference, weight gamma |
| mapl | `inter`: the change of the preference since the century before, as a comparison; `intra`: the same of single options |
| length-controlled | nothing, but margins are shifted by alpha times the difference of the options' words, in logarithms |

The tags of items stand where a text would give its reasons and key phrases. So all of them have exact minima by Newton's steps,
and with gamma = 0, intra = inter = 0 or alpha = 0 they are DPO to the bit.

Legend of shapes: B episodes, Q comparisons, D = 19.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from progressgym.agents.methods.rewards import before, sides
from progressgym.agents.methods.stage import Stage
from progressgym.core.arguments import defaults_of
from progressgym.core.errors import UserError
from progressgym.core.ids import parse_id
from progressgym.losses import LOSSES, gpo, latency, length_controlled, mapl, rdpo, spo, steerlm


def extended(asked: str, stage: Stage) -> tuple[Stage, Tensor]:
    """A century as a loss of more than margins (`losses.PARTS`) sees it, and what its margins (B, Q') are shifted by.

    Raises:
        UserError: a loss of something that a stance has not.
    """
    loss = LOSSES.load(parse_id(asked).name)
    settings: Mapping[str, Any] = {**defaults_of(loss), **LOSSES.settings(asked)}
    return ADDED[loss](stage, settings)


def _more(stage: Stage, features: Tensor, targets: Tensor, weights: Tensor) -> tuple[Stage, Tensor]:
    """With further comparisons behind the others."""
    longer = replace(
        stage,
        features=torch.cat([stage.features, features], 1),
        offsets=torch.cat([stage.offsets, torch.zeros_like(targets)], 1),
        targets=torch.cat([stage.targets, targets], 1),
        weights=torch.cat([stage.weights, weights], 1),
    )
    return longer, torch.zeros_like(longer.targets)


def _same(stage: Stage) -> tuple[Stage, Tensor]:
    return stage, torch.zeros_like(stage.offsets)


def _reasons(stage: Stage, settings: Mapping[str, Any]) -> tuple[Stage, Tensor]:
    """One comparison a dimension: how often its tag spoke for what was preferred."""
    if not settings["gamma"]:
        return _same(stage)
    tags = torch.sign(stage.features)
    count = tags.abs().sum(-1, keepdim=True).clamp(min=1.0)
    share = stage.weights[..., None] * tags.abs() / count
    speaks = torch.where(tags > 0, stage.targets[..., None], 1.0 - stage.targets[..., None])
    weights = share.sum(1)
    targets = (share * speaks).sum(1) / torch.where(weights > 0, weights, 1.0)
    size = stage.features.abs().amax((0, 1)).clamp(min=1e-12)
    axes = torch.diag(size).expand(len(weights), -1, -1)
    return _more(stage, axes, torch.where(weights > 0, targets, 0.5), settings["gamma"] * weights)


def _degrees(stage: Stage, settings: Mapping[str, Any]) -> tuple[Stage, Tensor]:
    """Each option over itself without its strongest tag."""
    if not settings["gamma"]:
        return _same(stage)
    table, option = _options(stage)
    strongest = table.abs().max(-1, keepdim=True).indices  # of equal ones the first
    lost = torch.zeros_like(table).scatter(-1, strongest, table.gather(-1, strongest))
    weights = settings["gamma"] * stage.weights.repeat(1, 2) * (lost != 0).any(-1).to(table)[option]
    return _more(stage, *_merged(lost, option, torch.cat([stage.targets, 1.0 - stage.targets], 1), weights))


def _options(stage: Stage) -> tuple[Tensor, Tensor]:
    """Features (M, D) of all options, and which of them are compared (B, 2 Q), the first ones before the second ones."""
    if stage.policy is None or stage.pairs is None:
        both = torch.cat(sides(stage), 1)
        return both.flatten(0, 1), torch.arange(both.shape[:2].numel(), device=both.device).reshape(both.shape[:2])
    item, a, b = stage.pairs.unbind(-1)
    loadings = stage.policy.scale * stage.policy.loadings
    first = item * loadings.shape[1]
    return loadings.flatten(0, 1), torch.cat([first + a, first + b], 1)


def _merged(table: Tensor, option: Tensor, targets: Tensor, weights: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Features, targets and weights of comparisons of single options (B, n) from a table (M, D).

    Many options have the same few features, and cross-entropy is linear in its target: these are one comparison, with the sum of
    the weights and the mean of the targets.
    """
    kinds, kind = torch.unique(table, dim=0, return_inverse=True)
    if len(kinds) >= option.shape[1]:
        return table[option], targets, weights
    nothing = torch.zeros(len(option), len(kinds), dtype=table.dtype, device=table.device)
    total = nothing.scatter_add(1, kind[option], weights)
    mean = nothing.scatter_add(1, kind[option], weights * targets) / torch.where(total > 0, total, 1.0)
    return kinds.expand(len(option), -1, -1), torch.where(total > 0, mean, 0.5), total


def _changes(stage: Stage, settings: Mapping[str, Any]) -> tuple[Stage, Tensor]:
    """How the preference changed since the century before, between the options and of each of them."""
    if stage.past is None or stage.past.shape[-1] < 2 or not (settings["inter"] or settings["intra"]):
        return _same(stage)
    target, there = (part[:, -1] for part in before(stage))
    asked = there * (stage.weights > 0).to(there)
    if stage.kind == "probability":
        change = torch.logit(stage.targets.clamp(1e-9, 1 - 1e-9)) - torch.logit(target.clamp(1e-9, 1 - 1e-9))
        rose, weight = torch.sigmoid(change), stage.weights * asked
    else:
        rose, weight = stage.targets, stage.weights * asked * (stage.targets != target).to(asked)
    parts = []
    if settings["inter"]:
        parts.append((stage.features, rose, settings["inter"] * weight))
    if settings["intra"]:
        both, shares = torch.cat([rose, 1.0 - rose], 1), (settings["intra"] * weight).repeat(1, 2)
        parts.append(_merged(*_options(stage), both, shares))
    return _more(stage, *(torch.cat(column, 1) for column in zip(*parts, strict=True)))


def _lengths(stage: Stage, settings: Mapping[str, Any]) -> tuple[Stage, Tensor]:
    """Margins shifted by what length costs."""
    if not settings["alpha"]:
        return _same(stage)
    if stage.words is None or stage.pairs is None:
        raise UserError("loss 'length-controlled' needs the words of the options, which are not known here")
    item, a, b = stage.pairs.unbind(-1)
    words = stage.words.clamp(min=1.0).log()
    return stage, settings["alpha"] * (words[item, a] - words[item, b])


def _no_lags(stage: Stage, settings: Mapping[str, Any]) -> tuple[Stage, Tensor]:
    if settings["lam"]:
        raise UserError("loss 'latency' prices answering late, and a stance answers at once; it is for streams")
    return _same(stage)


def _another_agent(stage: Stage, settings: Mapping[str, Any]) -> tuple[Stage, Tensor]:
    raise UserError("losses 'gpo' and 'steerlm' are agents of their own on a stance: lifelong-gpo and lifelong-steerlm")


ADDED: dict[Any, Callable[[Stage, Mapping[str, Any]], tuple[Stage, Tensor]]] = {
    rdpo: _reasons,
    spo: _degrees,
    mapl: _changes,
    length_controlled: _lengths,
    latency: _no_lags,
    gpo: _another_agent,
    steerlm: _another_agent,
}
"""What each loss adds."""
