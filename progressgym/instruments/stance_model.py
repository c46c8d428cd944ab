"""The stance model: 19 numbers that shift a respondent's answers to every item.

    p[i,.] = softmax_k( c[i,k] + scale * Phi[i,k] . theta )

Phi are the loadings, c the base (an agent's: the centred log-probabilities of the first century's answers); theta = 0
is the base itself. With scale 1 and loadings of +-1 a stance of 1 moves the log-odds of a two-option item by 2.
One-hot worldview loadings leave theta[15:19] free up to a constant, so that block is always returned with mean 0.

Legend of shapes: N items, K options, D = 19.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from progressgym.core.answers import Bools, Floats, centred_log, softmax_options, validate_answers
from progressgym.core.dimensions import WORLDVIEWS
from progressgym.core.errors import UserError
from progressgym.instruments.loadings import item_index

if TYPE_CHECKING:
    from progressgym.instruments.questionnaire import Questionnaire

DEFAULT_SCALE = 1.0
DEFAULT_RIDGE = 1.0
"""Precision of the Gaussian prior of a fit: one unit of theta is one prior standard deviation."""
NEWTON_STEPS = 100
TOLERANCE = 1e-9


def centre_worldviews(theta: ArrayLike) -> Floats:
    """theta (..., D) with the worldview block shifted to mean 0: the same answers, one representative.

    >>> centre_worldviews([0.0] * 15 + [1.0, 2.0, 3.0, 6.0])[15:]
    array([-2., -1.,  0.,  3.])
    """
    array = np.array(theta, dtype=np.float64)
    array[..., WORLDVIEWS] -= array[..., WORLDVIEWS].mean(-1, keepdims=True)
    return array


@dataclass(frozen=True, eq=False)
class StanceModel:
    """A response model shared by synthetic histories, numeric environments and agents.

    >>> from progressgym.instruments.questionnaire import Questionnaire
    >>> instrument = Questionnaire.load("moral19-v1")
    >>> model = StanceModel.of(instrument)
    >>> answers = model.answers(np.zeros(19))
    >>> bool(np.allclose(answers, instrument.uniform()))
    True
    """

    loadings: Floats
    """(N, K, D), padded options 0."""
    mask: Bools
    """(N, K), True on real options."""
    base: Floats
    """(N, K) base log-odds, centred over options; padded options 0."""
    scale: float = DEFAULT_SCALE
    """How far a unit of theta moves the logits."""

    def __post_init__(self) -> None:
        """Check that the arrays fit each other."""
        if self.loadings.shape[:2] != self.mask.shape or self.base.shape != self.mask.shape:
            raise UserError(
                f"loadings {self.loadings.shape}, mask {self.mask.shape} and base {self.base.shape} do not fit: "
                "expected (N, K, D), (N, K), (N, K)"
            )
        if not np.isfinite(self.base).all():
            raise UserError("base holds NaN or infinite numbers; give centred log-probabilities")
        if not 0 < self.scale < np.inf:
            raise UserError(f"scale is {self.scale!r}; a positive number is expected")

    @classmethod
    def of(
        cls, instrument: Questionnaire, answers: ArrayLike | None = None, *, scale: float = DEFAULT_SCALE
    ) -> StanceModel:
        """The model of an instrument around given answers (N, K); default: around indifference."""
        table = instrument.uniform() if answers is None else validate_answers(answers, instrument.mask)
        return cls(instrument.loadings, instrument.mask, centred_log(table, instrument.mask), scale)

    def logits(self, theta: ArrayLike) -> Floats:
        """Unnormalised log-probabilities: theta (..., D) -> (..., N, K); padding 0."""
        array = self._theta(theta)
        shift = array @ self._design.T
        logits: Floats = self.base + shift.reshape(*array.shape[:-1], *self.mask.shape)
        return logits

    def answers(self, theta: ArrayLike) -> Floats:
        """Choice probabilities: theta (..., D) -> (..., N, K)."""
        return softmax_options(self.logits(theta), self.mask)

    def fit(self, answers: ArrayLike, items: ArrayLike | None = None, *, ridge: float = DEFAULT_RIDGE) -> Floats:
        """The stance that explains answers best.

        Minimises sum_i sum_k -p[i,k] log q[i,k](theta) + ridge / 2 |theta|^2 by damped Newton steps; convex, one
        minimum. Soft answers are expected counts. Separable answers have no finite optimum without the ridge.

        Args:
            answers: (..., N, K).
            items: indices of the items to use; default all.
            ridge: precision of the Gaussian prior around 0, > 0.

        Returns:
            (..., D), the worldview block centred.

        Raises:
            UserError: malformed answers, items outside of the instrument, a ridge that is not positive.
        """
        if not 0 < ridge < np.inf:
            raise UserError(f"ridge is {ridge!r}; a positive number is expected (separable data have no optimum else)")
        array = validate_answers(answers, self.mask)
        chosen = item_index(items, len(self.mask))
        part = StanceModel(self.loadings[chosen], self.mask[chosen], self.base[chosen], self.scale)
        tables = array[..., chosen, :].reshape(math.prod(array.shape[:-2]), *part.mask.shape)
        thetas = np.array([part._newton(table, ridge) for table in tables])
        return centre_worldviews(thetas.reshape(*array.shape[:-2], self.loadings.shape[-1]))

    @cached_property
    def _design(self) -> Floats:
        """scale * loadings, flat (N * K, D)."""
        design: Floats = self.scale * self.loadings.reshape(-1, self.loadings.shape[-1])
        return design

    def _theta(self, theta: ArrayLike) -> Floats:
        array = np.asarray(theta, dtype=np.float64)
        if array.shape[-1:] != self.loadings.shape[-1:]:
            raise UserError(f"theta has shape {array.shape}, expected (..., {self.loadings.shape[-1]})")
        return array

    def _loss(self, theta: Floats, table: Floats, ridge: float) -> float:
        logits = np.where(self.mask, self.logits(theta), -np.inf)
        top = logits.max(-1, keepdims=True)
        log_total = top[:, 0] + np.log(np.exp(logits - top).sum(-1))
        explained = (table * np.where(self.mask, logits, 0.0)).sum()
        return float((table.sum(-1) * log_total).sum() - explained + 0.5 * ridge * theta @ theta)

    def _newton(self, table: Floats, ridge: float) -> Floats:
        """Minimise `_loss` for one table (N, K)."""
        design, dims = self._design, self.loadings.shape[-1]
        theta = np.zeros(dims)
        loss = self._loss(theta, table, ridge)
        for _ in range(NEWTON_STEPS):
            q = self.answers(theta)
            gradient = (q - table).reshape(-1) @ design + ridge * theta
            weighted = q.reshape(-1, 1) * design
            mean_ND = weighted.reshape(*self.mask.shape, dims).sum(1)
            hessian = design.T @ weighted - mean_ND.T @ mean_ND + ridge * np.eye(dims)
            step = np.linalg.solve(hessian, gradient)
            decrement = float(gradient @ step)
            if decrement < TOLERANCE:
                break
            size = 1.0
            while (
                trial := self._loss(theta - size * step, table, ridge)
            ) > loss - 0.25 * size * decrement and size > 1e-8:
                size *= 0.5
            theta, loss = theta - size * step, trial
        return theta
