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
from typing import TYPE_CHECKING, Annotated, Any

from progressgym.core.arguments import Nonnegative, Rule, defaults_of, is_number
from progressgym.core.errors import UserError
from progressgym.core.ids import parse_id
from progressgym.core.registry import Entry, Registry

if TYPE_CHECKING:
    from torch import Tensor

Loss = Callable[["Margins"], "Tensor"]
Share = Annotated[
    float, Rule("a number from 0 to below 1/2 is expected", lambda value: is_number(value) and 0 <= value < 0.5)
]
"""Of labels that are wrong."""


@dataclass(kw_only=True, frozen=True, eq=False)
class Margins:
    """What a loss is told of comparisons."""

    margin: Tensor
    """m: how much the model prefers a to b, in log-odds."""
    target: Tensor | float = 1.0
    """y: probability that a is preferred; 1 where a is the chosen one."""
    rationale: Tensor | None = None
    """log pi(r | x, a over b): how likely the policy finds the given reason."""
    degrees: Tensor | None = None
    """(..., L) margins of an answer over itself with one more key phrase taken away, of what is preferred; L may be 0, and
    infinite is what has no degree."""
    intra: Tensor | None = None
    """Margin of one answer between two prompts, of which the first asks for it."""
    inter: Tensor | None = None
    """Margin of a over b with a prompt that asks for a, less the same with a prompt that asks for b."""
    lag: Tensor | None = None
    """How much later a comes than b."""
    length: Tensor | None = None
    """How much longer a is than b, in logarithms of words or whatever is to be controlled."""
    sides: Tensor | None = None
    """(..., 2) what the margin is the difference of: beta times the log-odds of a, and of b, against the reference."""
    fares: Tensor | None = None
    """(..., 2) how a, and b, fare against what the reference would answer: expected log-odds of being preferred."""
    steer: Tensor | None = None
    """(..., 2) log-likelihood of both answers under the attributes that they have when a is preferred, and when b is."""


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


def robust(given: Margins, *, smoothing: Share = 0.1) -> Tensor:
    """DPO from labels of which some are wrong (Chowdhury et al. 2024, arXiv 2403.00409, equation 12).

    L = [(1 - e) sigmoid(m, y) - e sigmoid(m, 1 - y)] / (1 - 2 e),      e: share of wrong labels

    Its mean over wrong labels is the loss of the right ones. With e = 0 it is DPO to the bit.
    """
    if not smoothing:
        return sigmoid(given)
    other = sigmoid(Margins(margin=given.margin, target=1.0 - given.target))
    return ((1.0 - smoothing) * sigmoid(given) - smoothing * other) / (1.0 - 2.0 * smoothing)


def gpo(given: Margins, *, paired: bool = True) -> Tensor:
    """General preference optimisation (Zhang et al. 2024, arXiv 2410.02197, equation 8), times beta^2.

    L = (m - (s_a - s_b))^2,      or with `paired=false`      (m_a - s_a)^2 + (m_b - s_b)^2

    s: how an answer fares against what the reference would answer, by a preference model that may go round in circles;
    m_a = beta log pi(a)/ref(a). The second is the paper's; in the first, log Z cancels. With s = 1/2 for what is
    preferred and -1/2 for the other, the second is SPPO's (arXiv 2405.00675), and TRL's `sppo_hard`.
    """
    fares = _part(given, "fares", "gpo")
    if paired:
        return (given.margin - (fares[..., 0] - fares[..., 1])) ** 2
    return ((_part(given, "sides", "gpo") - fares) ** 2).sum(-1)


def steerlm(given: Margins) -> Tensor:
    """Likelihood of both answers given what they are worth (SteerLM, Dong et al. 2023, arXiv 2310.05344).

    L = -y [log pi(a | good) + log pi(b | bad)] - (1 - y) [log pi(b | good) + log pi(a | bad)]

    Nothing is compared: the policy learns what goes with which attributes, and is then asked for the good ones.
    """
    steer = _part(given, "steer", "steerlm")
    return -given.target * steer[..., 0] - (1.0 - given.target) * steer[..., 1]


def rdpo(given: Margins, *, gamma: Nonnegative = 0.1) -> Tensor:
    """DPO that also learns why (Just et al. 2024, arXiv 2407.14477): the likelihood of a reason beside the preference's.

    L = sigmoid(m, y) - gamma log pi(r | x, a over b)

    The paper's form; its code has -log sigma(gamma log pi(r)) instead, which saturates. gamma = 0 is DPO to the bit.
    """
    return sigmoid(given) - gamma * _part(given, "rationale", "rdpo") if gamma else sigmoid(given)


def spo(given: Margins, *, gamma: Nonnegative = 0.1) -> Tensor:
    """Degrees of preference beside its direction (after Li et al. 2024, arXiv 2409.17791).

    L = sigmoid(m, y) + gamma sum_k sigmoid(d_k, max(y, 1 - y)),    d_k: an answer over itself with one more phrase taken away

    The paper classifies the degree by a head of its own; here the policy or reward itself has to rank the variants, so
    that nothing is added to it. With gamma = 0, or answers of one degree only (L = 0), it is DPO to the bit.
    """
    if not gamma or (given.degrees is not None and not given.degrees.shape[-1]):
        return sigmoid(given)
    degrees = _part(given, "degrees", "spo")
    there = degrees.isfinite()
    costs = _preferred(degrees.where(there, degrees.new_zeros(())), _as_column(given.target))
    return sigmoid(given) + gamma * costs.where(there, costs.new_zeros(())).sum(-1)


def mapl(given: Margins, *, intra: Nonnegative = 1.0, inter: Nonnegative = 1.0) -> Tensor:
    """Preferences over prompts beside those over answers (Sun et al. 2025, arXiv 2505.12845).

    L = sigmoid(m, y) + intra sigmoid(m_intra, max(y, 1 - y)) + inter sigmoid(m_inter, max(y, 1 - y))

    m_intra = r(x_w, a) - r(x_l, a) for a prompt x_w that asks for a and one that does not; m_inter = [r(x_1, a) - r(x_1, b)]
    - [r(x_2, a) - r(x_2, b)] for a prompt that asks for a and one that asks for b (our reading: the paper's exact form of
    the second could not be had). With both 0 it is DPO to the bit.
    """
    total = sigmoid(given)
    for share, name in ((intra, "intra"), (inter, "inter")):
        if share:
            total = total + share * _preferred(_part(given, name, "mapl"), given.target)
    return total


def latency(given: Margins, *, lam: Nonnegative = 0.1) -> Tensor:
    """A price on answering late (after Yu et al. 2025, arXiv 2502.00634, whose exact loss could not be had).

    L = sigmoid(m + lam (lag_a - lag_b), y)

    Its minimum is at m = logit(y) - lam (lag_a - lag_b): the preference, less what the delay costs. lam = 0 is DPO to the bit.
    """
    return _shifted(given, lam, "lag", "latency")


def length_controlled(given: Margins, *, alpha: Nonnegative = 0.1) -> Tensor:
    """A price on length (Park et al. 2024, R-DPO, arXiv 2403.19159, equation 9).

    L = sigmoid(m + alpha (length_a - length_b), y)

    What length explains of a preference, the policy need not: the minimum is at m = logit(y) - alpha (length_a - length_b).
    alpha = 0 is DPO to the bit.
    """
    return _shifted(given, alpha, "length", "length-controlled")


def _shifted(given: Margins, price: float, name: str, loss: str) -> Tensor:
    margin = given.margin + price * _part(given, name, loss) if price else given.margin
    return sigmoid(Margins(margin=margin, target=given.target))


def _preferred(margin: Tensor, target: Tensor | float) -> Tensor:
    """Cross-entropy of a margin in favour of what is preferred, which is preferred with probability max(y, 1 - y)."""
    certain = max(target, 1.0 - target) if isinstance(target, float) else target.maximum(1.0 - target)
    return sigmoid(Margins(margin=margin, target=certain))


def _as_column(target: Tensor | float) -> Tensor | float:
    return target if isinstance(target, float) else target[..., None]


def _part(given: Margins, name: str, loss: str) -> Tensor:
    """What a loss needs beside margins.

    Raises:
        UserError: it is not there.
    """
    part: Tensor | None = getattr(given, name)
    if part is None:
        raise UserError(f"loss {loss!r} needs what is called {name!r} of every comparison, which is not known here")
    return part


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
        Entry(name="robust", summary="DPO from labels of which some are wrong", target="progressgym.losses:robust"),
        Entry(name="gpo", summary="squared distance from how answers fare", target="progressgym.losses:gpo"),
        Entry(name="steerlm", summary="likelihood of answers given attributes", target="progressgym.losses:steerlm"),
        Entry(name="rdpo", summary="DPO that also learns the reasons", target="progressgym.losses:rdpo"),
        Entry(name="spo", summary="DPO with degrees of preference", target="progressgym.losses:spo"),
        Entry(name="mapl", summary="DPO with preferences over prompts", target="progressgym.losses:mapl"),
        Entry(name="latency", summary="DPO with a price on answering late", target="progressgym.losses:latency"),
        Entry(
            name="length-controlled",
            summary="DPO with a price on length",
            target="progressgym.losses:length_controlled",
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


PARTS: dict[Loss, dict[str, str]] = {
    rdpo: {"rationale": "gamma"},
    spo: {"degrees": "gamma"},
    mapl: {"intra": "intra", "inter": "inter"},
    latency: {"lag": "lam"},
    length_controlled: {"length": "alpha"},
    gpo: {"fares": ""},
    steerlm: {"steer": ""},
}
"""Losses of more than margins: what they look at beside them, and the argument that is 0 where they do not."""
WITHOUT_MARGIN: tuple[Loss, ...] = (steerlm,)
"""Losses that do not look at margins at all, so that nothing is compared with a reference."""


def of_margins(text: str) -> bool:
    """Whether margins are all that the loss of an id asks for.

    >>> of_margins("ipo"), of_margins("rdpo?gamma=0.5")
    (True, False)
    """
    return LOSSES.load(parse_id(text).name) not in PARTS


def parts_of(text: str) -> tuple[str, ...]:
    """What the loss of an id looks at beside margins: nothing at its limit, where it is its parent to the bit.

    >>> parts_of("mapl?inter=0"), parts_of("rdpo?gamma=0"), parts_of("ipo")
    (('intra',), (), ())
    """
    loss = LOSSES.load(parse_id(text).name)
    settings = {**defaults_of(loss), **LOSSES.settings(text)}
    return tuple(part for part, switch in PARTS.get(loss, {}).items() if not switch or settings[switch])


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
