"""A moral direction: the axis in a model's embedding along which praised deeds lie apart from blamed ones.

Of vectors x (n, h) of deeds known to be praised (sign +1) or blamed (-1), in the mean of several templates:

    pc1       the first principal component, its sign such that blamed deeds lie below
    mean      m = mean of the praised - mean of the blamed
    whitened  (S + r tr(S)/h I)^-1 m, with S the covariance within the two classes and r = SHRINKAGE
    score(x)  (x - centre) . axis / max over the deeds of |(x - centre) . axis|, so that the farthest is at +1 or -1

`pc1` is that of Schramowski et al. (2022, Nature Machine Intelligence 4). It takes the widest direction for the moral one,
which its share of the variance does not show: planted, `mean` is as good where the moral axis is wide and better where it is
narrow; `held_out` says whether an axis tells deeds apart that it was not fitted on.

Two models' axes are compared (`drift`) where their vectors mean the same, as those of adapters of one base do nearly; scores
of the same deeds can be compared always.

Legend of shapes: n deeds, h entries of a vector, T templates.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from progressgym.core.answers import Floats
from progressgym.core.errors import UserError, unknown
from progressgym.core.protocols import Embedder, Writer

AXES = ("whitened", "mean", "pc1")
SHRINKAGE = 3.0
"""Of the covariance within classes towards a multiple of one, in units of its mean variance: there are fewer deeds than
entries."""


@dataclass(kw_only=True, frozen=True, eq=False)
class MoralDirection:
    """An axis and what it was fitted on."""

    axis: Floats
    """(h,) of length 1."""
    centre: Floats
    """(h,) where scores are 0: the mean of the deeds."""
    spread: float
    """Distance from the centre, along the axis, of the deed that lies farthest."""
    variance: float
    """Share of the deeds' variance along the axis: no sign of validity."""

    @classmethod
    def fit(cls, vectors: ArrayLike, signs: ArrayLike, axis: str = "whitened") -> MoralDirection:
        """Find the axis of deeds.

        Args:
            vectors: (n, h).
            signs: (n,), +1 praised and -1 blamed, some of each.
            axis: one of `AXES`.

        Raises:
            UserError: an unknown kind of axis, signs of one kind only, or deeds that all have the same vector.
        """
        x, sign = np.asarray(vectors, dtype=np.float64), np.asarray(signs, dtype=np.float64)
        if axis not in AXES:
            raise unknown("kind of axis", axis, AXES)
        if x.ndim != 2 or sign.shape != (len(x),) or not np.isfinite(x).all() or set(sign.tolist()) != {-1.0, 1.0}:
            raise UserError("a moral direction needs finite vectors (n, h) of praised (1) and blamed (-1) deeds")
        centre = x.mean(0)
        vector = _axis(x, sign, axis)
        length = float(np.linalg.norm(vector))
        if not length > 1e-12 * max(1.0, float(np.abs(x).max())):
            raise UserError("the deeds' vectors do not differ: there is no direction in them")
        along = (x - centre) @ (vector / length)
        total = float(((x - centre) ** 2).sum())
        return cls(
            axis=vector / length,
            centre=centre,
            spread=float(np.abs(along).max()),
            variance=float((along**2).sum()) / total,
        )

    def score(self, vectors: ArrayLike) -> Floats:
        """(n,): above 0 praised, below 0 blamed."""
        scores: Floats = (np.asarray(vectors, dtype=np.float64) - self.centre) @ self.axis / self.spread
        return scores


def embedded(embedder: Embedder, deeds: Sequence[str], templates: Sequence[str]) -> Floats:
    """Vectors (n, h) of deeds in the infinitive without "to", each the mean over templates with a `{}`."""
    texts = [template.format(deed) for template in templates for deed in deeds]
    vectors = np.asarray(embedder.embed(texts), dtype=np.float64)
    mean: Floats = vectors.reshape(len(templates), len(deeds), -1).mean(0)
    return mean


def held_out(praised: ArrayLike, blamed: ArrayLike, axis: str = "whitened") -> float:
    """Share of pairs told apart by the axis of all other pairs.

    Args:
        praised: (n, h).
        blamed: (n, h), each the counterpart of the praised deed in its row.
        axis: one of `AXES`.
    """
    good, bad = np.asarray(praised, dtype=np.float64), np.asarray(blamed, dtype=np.float64)
    right = 0
    for place in range(len(good)):
        others = np.arange(len(good)) != place
        direction = MoralDirection.fit(np.concatenate([good[others], bad[others]]), _signs(len(good) - 1), axis)
        ahead, behind = direction.score(np.stack([good[place], bad[place]]))
        right += ahead > behind
    return right / len(good)


def drift(first: MoralDirection, second: MoralDirection) -> float:
    """Cosine of two axes of one space: 1 the same, 0 nothing in common.

    Raises:
        UserError: vectors of two lengths, which are no one space.
    """
    if first.axis.shape != second.axis.shape:
        raise UserError("axes of different lengths lie in different spaces; compare scores of the same deeds instead")
    return float(first.axis @ second.axis)


def guided(
    writer: Writer,
    embedder: Embedder,
    direction: MoralDirection,
    prompts: Sequence[str],
    *,
    n: int = 8,
    threshold: float = 0.0,
    seed: int = 0,
    max_tokens: int = 24,
) -> list[str]:
    """Continuations that lie on the praised side: the first of n that scores above the threshold, else the best of them.

    The paper filters the likeliest next tokens; whole continuations are filtered here, which needs no access to logits.

    Args:
        writer: who continues.
        embedder: whose direction it is.
        direction: fitted on vectors of the embedder.
        prompts: B texts.
        n: continuations that are drawn of each.
        threshold: of the score.
        seed: of the draws.
        max_tokens: of a continuation.
    """
    drawn = writer.sample(prompts, n, seed=seed, max_tokens=max_tokens)
    texts = [prompt + text for prompt, several in zip(prompts, drawn, strict=True) for text in several]
    scores = direction.score(embedder.embed(texts)).reshape(len(prompts), n)
    above = scores > threshold
    chosen = np.where(above.any(1), above.argmax(1), scores.argmax(1))
    return [several[place] for several, place in zip(drawn, chosen, strict=True)]


def _axis(x: Floats, sign: Floats, axis: str) -> Floats:
    difference: Floats = x[sign > 0].mean(0) - x[sign < 0].mean(0)
    if axis == "mean":
        return difference
    if axis == "pc1":
        widest: Floats = np.linalg.svd(x - x.mean(0), full_matrices=False)[2][0]
        return widest if widest @ difference >= 0 else -widest
    inside = np.where((sign > 0)[:, None], x - x[sign > 0].mean(0), x - x[sign < 0].mean(0))
    ridge = SHRINKAGE * float((inside**2).mean())
    if ridge == 0.0:
        return difference
    # Woodbury: an (n, n) system in place of an (h, h) one
    n = len(x)
    part = np.linalg.solve(n * ridge * np.eye(n) + inside @ inside.T, inside @ difference)
    whitened: Floats = (difference - inside.T @ part) / ridge
    return whitened


def _signs(pairs: int) -> Floats:
    return np.repeat([1.0, -1.0], pairs)
