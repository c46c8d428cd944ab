"""Losses of preferences: pure functions of margins, one equation each, for everything that learns from comparisons.

A comparison of a with b has a margin m, how much a model prefers a (of a policy: beta times its log-odds of a over b
beyond the reference's), and a target y in [0, 1], how much the human does. A loss says what margin the target asks for.
The stance solver (`progressgym.preferences.models.newton`), the learned judge, the reward models and
`progressgym.tuning.trainers.AnswerDPOTrainer` all take theirs from here; weights are theirs to multiply.

Every comparison is for itself: row b of the loss depends on row b of the margins only. A loss of your own is such a
function, with its hyperparameters as keywords, in the entry-point group `progressgym.losses`. Legend of shapes: any.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from progressgym.core.ids import parse_id
from progressgym.core.registry import Entry, Registry

if TYPE_CHECKING:
    from torch import Tensor

Loss = Callable[["Margins"], "Tensor"]


@dataclass(kw_only=True, frozen=True, eq=False)
class Margins:
    """What a loss is told of comparisons."""

    margin: Tensor
    """m: how much the model prefers a to b, in log-odds."""
    target: Tensor | float = 1.0
    """y: probability that a is preferred; 1 where a is the chosen one."""


def sigmoid(given: Margins) -> Tensor:
    """Cross-entropy of the preference: DPO (arXiv 2305.18290, equation 7), Bradley-Terry.

    L(m, y) = -y log sigma(m) - (1 - y) log sigma(-m) = -log sigma(m) + (1 - y) m

    Its minimum is at m = logit(y); a certain preference has none.
    """
    from torch.nn.functional import logsigmoid

    return -logsigmoid(given.margin) + (1.0 - given.target) * given.margin


def ipo(given: Margins) -> Tensor:
    """Identity preference optimisation (Azar et al. 2024, arXiv 2310.12036, equation 17), times beta^2.

    L(m, y) = y (m - 1/2)^2 + (1 - y) (m + 1/2)^2

    With m = beta h this is beta^2 times the paper's (h - 1 / (2 beta))^2. Its minimum is at m = y - 1/2: a certain
    preference moves the policy by a finite distance, where DPO's would move it for ever.
    """
    margin, target = given.margin, given.target
    return target * (margin - 0.5) ** 2 + (1.0 - target) * (margin + 0.5) ** 2


def hinge(given: Margins) -> Tensor:
    """Hinge loss (SLiC, Zhao et al. 2023, arXiv 2305.10425, equation 2, with margin 1).

    L(m, y) = y max(0, 1 - m) + (1 - y) max(0, 1 + m)

    It has corners, so the stance solver refuses it; gradient descent, with which language models are trained, does not mind.
    """
    margin, target = given.margin, given.target
    return target * (1.0 - margin).clamp(min=0.0) + (1.0 - target) * (1.0 + margin).clamp(min=0.0)


LOSSES = Registry(
    "loss",
    (
        Entry(
            name="sigmoid", summary="cross-entropy, as in DPO and Bradley-Terry", target="progressgym.losses:sigmoid"
        ),
        Entry(name="ipo", summary="squared distance from a finite margin", target="progressgym.losses:ipo"),
        Entry(
            name="hinge", summary="linear up to a margin of 1, language models only", target="progressgym.losses:hinge"
        ),
    ),
    group="progressgym.losses",
    row=Entry,
)


def loss_of(text: str) -> Loss:
    """The function that an id such as `ipo` names, with its arguments.

    Raises:
        UserError: no such loss or argument.

    >>> loss_of("sigmoid") is sigmoid
    True
    """
    settings = LOSSES.settings(text)
    loss: Any = LOSSES.load(parse_id(text).name)
    return partial(loss, **settings) if settings else loss


def weighted(loss: Loss, margins: Tensor, targets: Tensor, weights: Tensor) -> Tensor:
    """u L(m, y) for the stance solver.

    The cross-entropy is written as log(1 + exp(m)) - y m here: on the last bits of this form hang the line searches, and
    with them the last bits of all stances that were ever scored.
    """
    from torch.nn.functional import softplus

    if loss is sigmoid:
        return weights * (softplus(margins, threshold=700.0) - targets * margins)
    return weights * loss(Margins(margin=margins, target=targets))


def derivatives(loss: Loss, margins: Tensor, targets: Tensor, weights: Tensor) -> tuple[Tensor, Tensor]:
    """First and second derivative of a weighted loss by its margins.

    In closed form for `sigmoid` (sigma(m) - y and sigma(m) sigma(-m)); of any other loss by automatic differentiation,
    with a negative curvature taken as 0, so that Newton's step goes down.

    Args:
        loss: of independent comparisons.
        margins: m.
        targets: y, of the same shape.
        weights: u, of the same shape.
    """
    import torch

    if loss is sigmoid:
        chance = torch.sigmoid(margins)
        return weights * (chance - targets), weights * chance * (1.0 - chance)
    with torch.enable_grad():
        at = margins.detach().requires_grad_()
        (slope,) = torch.autograd.grad(loss(Margins(margin=at, target=targets)).sum(), at, create_graph=True)
        bend = torch.zeros_like(at)
        if slope.requires_grad:
            (gradient,) = torch.autograd.grad(slope.sum(), at, allow_unused=True)
            bend = bend if gradient is None else gradient
    return weights * slope.detach(), weights * bend.detach().clamp(min=0.0)
