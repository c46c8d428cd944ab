"""Communities: people who answer alike, found by latent classes (Lazarsfeld and Henry 1968).

    P(answers of p) = sum_c pi_c prod_i phi_c,i,answer(p, i)          over the items that p answered

fitted by expectation and maximisation with half an answer in every cell, the likeliest of a few random beginnings.

Legend of shapes: P people, N items, K options, C classes.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import logsumexp

from progressgym.core.errors import UserError
from progressgym.core.seeding import generator
from progressgym.histories.panel import chosen

Floats = NDArray[np.float64]
BEGINNINGS, ROUNDS, TOLERANCE = 4, 200, 1e-6
PRIOR = 0.5
"""Answers that stand in every cell beforehand."""


def latent_classes(
    choices: NDArray[np.int8], mask: NDArray[np.bool_], classes: int, seed: int = 0
) -> tuple[Floats, Floats]:
    """Fit.

    Args:
        choices: (P, N) options chosen, -1 where there is no answer.
        mask: (N, K) real options.
        classes: C.
        seed: of the beginnings.

    Returns:
        log pi (C,) and log phi (C, N, K), the largest class first.

    Raises:
        UserError: more classes than people.
    """
    if not 1 <= classes <= len(choices):
        raise UserError(f"{classes} communities of {len(choices)} people; use 1 to {len(choices)}")
    answers = np.nan_to_num(chosen(choices, mask.shape[1])).reshape(len(choices), -1).astype(np.float64)
    random = generator(seed, "latent classes")
    best, top = None, -np.inf
    for _ in range(BEGINNINGS if classes > 1 else 1):
        share = random.dirichlet(np.ones(classes), len(choices))
        before = -np.inf
        for _ in range(ROUNDS):
            pi, phi = _maximum(answers, share, mask)
            joint = pi + answers @ phi.reshape(classes, -1).T
            total = logsumexp(joint, axis=1)
            share, now = np.exp(joint - total[:, None]), float(total.sum())
            if now - before < TOLERANCE * abs(now):
                break
            before = now
        if now > top:
            best, top = (pi, phi), now
    assert best is not None
    order = np.argsort(-best[0], kind="stable")
    return best[0][order], best[1][order]


def class_of(choices: NDArray[np.int8], pi: Floats, phi: Floats) -> NDArray[np.int64]:
    """(P,) the likeliest class of people with these answers (P, N); the largest one's of whoever gave none."""
    answers = np.nan_to_num(chosen(choices, phi.shape[2])).reshape(len(choices), -1)
    likeliest: NDArray[np.int64] = (pi + answers @ phi.reshape(len(pi), -1).T).argmax(1)
    return likeliest


def _maximum(answers: Floats, share: Floats, mask: NDArray[np.bool_]) -> tuple[Floats, Floats]:
    """Log pi (C,) and log phi (C, N, K); of options that are none, 0, which no answer meets."""
    weight = share.sum(0) + 1.0
    counts = (share.T @ answers).reshape(share.shape[1], *mask.shape) + PRIOR * mask
    phi = counts / counts.sum(-1, keepdims=True)
    return np.log(weight / weight.sum()), np.log(np.where(mask, phi, 1.0))
