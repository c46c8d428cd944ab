"""Losses by the equations in their docstrings, and their derivatives by finite differences."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial

import pytest
import torch

from progressgym.core.errors import UserError
from progressgym.losses import (
    LOSSES,
    Loss,
    Margins,
    derivatives,
    gpo,
    hinge,
    ipo,
    latency,
    length_controlled,
    loss_of,
    mapl,
    of_margins,
    parts_of,
    rdpo,
    robust,
    sigmoid,
    spo,
    steerlm,
    weighted,
)

torch.set_num_threads(1)


def of(loss: Loss, margins: list[float], targets: list[float]) -> torch.Tensor:
    given = Margins(
        margin=torch.tensor(margins, dtype=torch.float64), target=torch.tensor(targets, dtype=torch.float64)
    )
    return loss(given)


def test_cross_entropy_by_hand() -> None:
    """m = 0 gives log 2 for every target; m = log 3 and y = 3/4 gives the entropy of (3/4, 1/4)."""
    entropy = -0.75 * math.log(0.75) - 0.25 * math.log(0.25)
    losses = of(sigmoid, [0.0, 0.0, math.log(3.0)], [1.0, 0.5, 0.75])
    torch.testing.assert_close(losses, torch.tensor([math.log(2.0), math.log(2.0), entropy], dtype=torch.float64))


def test_cross_entropy_of_a_chosen_option_is_bradley_terrys_to_the_bit() -> None:
    margins = torch.linspace(-40.0, 40.0, 1001)
    assert torch.equal(sigmoid(Margins(margin=margins)), -torch.nn.functional.logsigmoid(margins))


def test_ipo_by_hand() -> None:
    """m = 1/2, y = 1: 0. m = 0: 1/4 whatever is preferred. m = 2, y = 1/4: 1/4 * 1.5^2 + 3/4 * 2.5^2 = 5.25."""
    losses = of(ipo, [0.5, 0.0, 0.0, 2.0], [1.0, 1.0, 0.3, 0.25])
    torch.testing.assert_close(losses, torch.tensor([0.0, 0.25, 0.25, 5.25], dtype=torch.float64))


def test_hinge_by_hand() -> None:
    """m = 2, y = 1: 0. m = -1, y = 1: 2. m = 0.5, y = 1/2: (0.5 + 1.5) / 2."""
    losses = of(hinge, [2.0, -1.0, 0.5], [1.0, 1.0, 0.5])
    torch.testing.assert_close(losses, torch.tensor([0.0, 2.0, 1.0], dtype=torch.float64))


PARENTS = {
    "rdpo": ("gamma", ("rationale",)),
    "spo": ("gamma", ("degrees",)),
    "mapl": ("intra", ("intra", "inter")),
    "latency": ("lam", ("lag",)),
    "length-controlled": ("alpha", ("length",)),
}
"""Losses of more than margins: what may be 0, and what they need."""
OF_BOTH = {"gpo": ("fares", "sides"), "steerlm": ("steer",)}
"""Losses that look at two numbers, one of each option."""


@pytest.mark.parametrize("name", LOSSES.names())
def test_swapping_the_options_changes_nothing(name: str) -> None:
    """L(m, y) = L(-m, 1 - y): which option is called a is nobody's business; what is a difference changes its sign, too."""
    random = torch.Generator().manual_seed(0)
    m, y, e = (torch.randn(99, generator=random, dtype=torch.float64) for _ in range(3))
    y = torch.sigmoid(y)
    loss = loss_of(name)
    parts = PARENTS.get(name, ("", ()))[1]
    more, mirrored = ({part: sign * e for part in parts} for sign in (1.0, -1.0))
    for part in set(parts) & {"rationale", "degrees", "intra", "inter"}:  # of the preference, not of the two
        more[part] = mirrored[part] = e[:, None] if part == "degrees" else e
    for part in OF_BOTH.get(name, ()):
        more[part], mirrored[part] = torch.stack([e, m], -1), torch.stack([m, e], -1)
    torch.testing.assert_close(
        loss(Margins(margin=m, target=y, **more)), loss(Margins(margin=-m, target=1.0 - y, **mirrored))
    )


@pytest.mark.parametrize("name", PARENTS)
def test_each_is_dpo_to_the_bit_at_its_limit_and_says_what_it_lacks(name: str) -> None:
    zero, parts = PARENTS[name]
    m = torch.linspace(-5.0, 5.0, 11, dtype=torch.float64)
    given = Margins(margin=m, target=torch.sigmoid(m / 2))
    limit = "&".join(f"{part}=0" for part in (("intra", "inter") if name == "mapl" else (zero,)))
    assert torch.equal(loss_of(f"{name}?{limit}")(given), sigmoid(given))
    with pytest.raises(UserError, match=f"loss '{name}' needs what is called '{parts[0]}'"):
        loss_of(name)(given)
    with pytest.raises(UserError, match=f"{zero} is -1"):
        loss_of(f"{name}?{zero}=-1")


def test_losses_of_more_than_margins_by_hand() -> None:
    """m = 0, y = 1: log 2, and beside it .1 * log 4 for a reason of probability 1/4, .1 * log 2 for a degree without a margin."""
    m, one = torch.zeros(1, dtype=torch.float64), torch.ones(1, dtype=torch.float64)
    log2 = math.log(2.0)
    cases: list[tuple[Callable[[Margins], torch.Tensor], dict[str, torch.Tensor], float]] = [
        (rdpo, {"rationale": -2.0 * log2 * one}, log2 + 0.2 * log2),
        (spo, {"degrees": torch.zeros(1, 2, dtype=torch.float64)}, log2 + 0.2 * log2),
        (mapl, {"intra": m, "inter": m}, 3.0 * log2),
        (latency, {"lag": 10.0 * math.log(3.0) * one}, math.log(4.0 / 3.0)),
        (length_controlled, {"length": -10.0 * math.log(3.0) * one}, math.log(4.0)),
    ]
    for loss, more, expected in cases:
        assert float(loss(Margins(margin=m, target=one, **more))) == pytest.approx(expected)


def test_parts_say_what_a_loss_will_look_at() -> None:
    """Each loss that needs more than margins refuses to go without, part by part, and `parts_of` names it."""
    m = torch.zeros(2, dtype=torch.float64)
    for name in LOSSES.names():
        parts = parts_of(name)
        assert of_margins(name) == (not parts)
        for part in parts:
            with pytest.raises(UserError, match=f"needs what is called '{part}'"):
                loss_of(name)(Margins(margin=m, **{other: m for other in parts if other != part}))


def test_robust_by_hand() -> None:
    """m = log 3, y = 1, e = 1/4: (3/4 log(4/3) - 1/4 log 4) / (1/2); without wrong labels it is DPO to the bit."""
    expected = 2.0 * (0.75 * math.log(4.0 / 3.0) - 0.25 * math.log(4.0))
    assert float(of(partial(robust, smoothing=0.25), [math.log(3.0)], [1.0])) == pytest.approx(expected)
    m = torch.linspace(-5.0, 5.0, 11, dtype=torch.float64)
    assert torch.equal(robust(Margins(margin=m), smoothing=0.0), sigmoid(Margins(margin=m)))
    with pytest.raises(UserError, match=r"smoothing is 0\.5"):
        loss_of("robust?smoothing=0.5")


def test_wrong_labels_cost_the_mean_of_the_robust_loss_nothing() -> None:
    """Labels of which 1/5 are wrong: the mean over them is the loss of the right ones."""
    m = torch.linspace(-3.0, 3.0, 7, dtype=torch.float64)
    right, wrong = (robust(Margins(margin=m, target=y), smoothing=0.2) for y in (1.0, 0.0))
    torch.testing.assert_close(0.8 * right + 0.2 * wrong, sigmoid(Margins(margin=m)))


def test_gpo_by_hand() -> None:
    """m = 1, s = (.5, -.5): 0; sides (2, 1): (2 - .5)^2 + (1 + .5)^2 = 4.5."""
    one = torch.ones(1, dtype=torch.float64)
    fares, sides = torch.tensor([[0.5, -0.5]], dtype=torch.float64), torch.tensor([[2.0, 1.0]], dtype=torch.float64)
    given = Margins(margin=one, fares=fares, sides=sides)
    assert float(gpo(given)) == 0.0 and float(loss_of("gpo?paired=false")(given)) == 4.5


def test_steerlm_is_the_likelihood_of_what_is_so() -> None:
    """y = 1: the first number; y = 1/4: a quarter of it and three of the other."""
    steer = torch.tensor([[-2.0, -6.0]], dtype=torch.float64)
    m = torch.zeros(1, dtype=torch.float64)
    for y, expected in ((1.0, 2.0), (0.25, 5.0)):
        assert float(steerlm(Margins(margin=m, target=torch.full_like(m, y), steer=steer))) == expected


def test_what_is_preferred_with_a_probability_is_a_target() -> None:
    """A tie has no direction: at y = 1/2 a degree and another prompt cost as much either way."""
    m, half = torch.zeros(2, dtype=torch.float64), torch.full((2,), 0.5, dtype=torch.float64)
    part = torch.tensor([1.5, -1.5], dtype=torch.float64)
    for name, more in (("spo", {"degrees": part[:, None]}), ("mapl", {"intra": part, "inter": part})):
        costs = loss_of(name)(Margins(margin=m, target=half, **more))
        torch.testing.assert_close(costs[0], costs[1])


def test_a_row_without_degrees_beside_rows_that_have_some_is_plain() -> None:
    degrees = torch.tensor([[0.3, torch.inf], [torch.inf, torch.inf]], dtype=torch.float64, requires_grad=True)
    m = torch.tensor([0.2, -0.4], dtype=torch.float64)
    costs = spo(Margins(margin=m, target=torch.tensor([1.0, 0.7], dtype=torch.float64), degrees=degrees), gamma=2.0)
    assert costs[1] == sigmoid(Margins(margin=m, target=0.7))[1] and costs.isfinite().all()
    costs.sum().backward()
    assert degrees.grad is not None and (degrees.grad != 0).tolist() == [[True, False], [False, False]]


@pytest.mark.parametrize("name", [*LOSSES.names(), "gpo?paired=false"])
def test_gradients_of_everything_that_a_loss_looks_at(name: str) -> None:
    random = torch.Generator().manual_seed(4)
    widths = {"degrees": (5, 3), "fares": (5, 2), "sides": (5, 2), "steer": (5, 2)}
    parts = [*parts_of(name), *(("sides",) if name == "gpo?paired=false" else ())]
    inputs = [
        torch.randn(widths.get(part, (5,)), generator=random, dtype=torch.float64, requires_grad=True)
        for part in ("margin", *parts)
    ]
    target = torch.rand(5, generator=random, dtype=torch.float64)

    def loss(margin: torch.Tensor, *more: torch.Tensor) -> torch.Tensor:
        return loss_of(name)(Margins(margin=margin, target=target, **dict(zip(parts, more, strict=True))))

    assert torch.autograd.gradcheck(loss, inputs)


def test_answers_of_one_degree_have_no_degrees() -> None:
    m = torch.linspace(-1.0, 1.0, 5, dtype=torch.float64)
    same = spo(Margins(margin=m, degrees=torch.zeros(5, 0, dtype=torch.float64)), gamma=3.0)
    assert torch.equal(same, sigmoid(Margins(margin=m)))


@pytest.mark.parametrize("name", ["sigmoid", "ipo"])
def test_derivatives_are_those_of_finite_differences(name: str) -> None:
    random = torch.Generator().manual_seed(1)
    m, y, u = (torch.rand(50, generator=random, dtype=torch.float64) for _ in range(3))
    m, loss, step = 6.0 * m - 3.0, loss_of(name), 1e-4
    slope, bend = derivatives(loss, m, y, u)
    up, here, down = (u * loss(Margins(margin=m + d, target=y)) for d in (step, 0.0, -step))
    torch.testing.assert_close(slope, (up - down) / (2 * step), atol=1e-7, rtol=1e-6)
    torch.testing.assert_close(bend, (up - 2 * here + down) / step**2, atol=1e-6, rtol=1e-5)


def test_closed_form_equals_automatic_differentiation() -> None:
    random = torch.Generator().manual_seed(2)
    m, y, u = (torch.rand(50, generator=random, dtype=torch.float64) for _ in range(3))
    closed, automatic = derivatives(sigmoid, m, y, u), derivatives(lambda given: sigmoid(given), m, y, u)
    for one, other in zip(closed, automatic, strict=True):
        torch.testing.assert_close(one, other)


def test_the_solvers_form_is_the_same_function() -> None:
    m = torch.linspace(-900.0, 900.0, 1001, dtype=torch.float64)
    y, u = torch.sigmoid(m / 100.0), torch.full_like(m, 3.0)
    torch.testing.assert_close(weighted(sigmoid, m, y, u), u * sigmoid(Margins(margin=m, target=y)))


def test_an_unknown_loss_is_told() -> None:
    with pytest.raises(UserError, match=r"unknown loss 'ipoo' \(did you mean 'ipo' or 'spo'\?\); known: sigmoid, ipo"):
        loss_of("ipoo")
    with pytest.raises(UserError, match="loss 'ipo' takes no arguments, got 'tau'"):
        loss_of("ipo?tau=1")
