"""Whose values a model holds: who answers like whom, and on what two groups differ, after Buyl et al. (2024, arXiv 2410.18417).

The creator of a model is here the century or corpus that it was trained on; of people's answers, the group that they are of.

    two groups       difference_i = mean_a x_i - mean_b x_i,  z_i = difference_i / (var_a/n_a + var_b/n_b)^(1/2)
    two respondents  of a tag t: mean over its causes of tag_it (x_ai - x_bi), z by the standard error of that mean
    all tags         Fisher: -2 sum ln p_t against chi square with 2 T degrees of freedom
    a picture        the first principal components of respondents' scores, each respondent's mean taken out

Legend of shapes: P people of a group, M respondents, N questions or causes, T tags.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import chi2, norm

from progressgym.core.errors import UserError

Floats = NDArray[np.float64]
FEWEST = 20
"""Causes of a tag, or people of a group who answered, below which nothing is said."""


@dataclass(kw_only=True, frozen=True, eq=False)
class Differences:
    """How far one side is above the other."""

    difference: Floats
    """(N,) or (T,); NaN where there are too few."""
    error: Floats
    """Its standard error."""

    @property
    def z(self) -> Floats:
        """Standard errors from 0."""
        with np.errstate(invalid="ignore", divide="ignore"):
            ratio: Floats = self.difference / self.error
        return ratio

    def beyond(self, limit: float) -> tuple[int, int]:
        """How many are above `limit` standard errors, and how many below minus that."""
        return int((self.z > limit).sum()), int((self.z < -limit).sum())

    @property
    def combined(self) -> float:
        """Fisher's p of all differences together, two-sided; 1 where nothing is compared."""
        compared = self.z[~np.isnan(self.z)]
        return fisher(2.0 * norm.sf(np.abs(compared))) if len(compared) else 1.0


def group_differences(first: ArrayLike, second: ArrayLike, *, fewest: int = FEWEST) -> Differences:
    """On which questions one group of people is above another.

    Args:
        first: (P, N) answers, NaN where somebody was not asked.
        second: (P', N).
        fewest: answers of a group, below which a question is left out.

    Raises:
        UserError: different numbers of questions.

    >>> report = group_differences(np.eye(40, 2) + 0.5, np.eye(40, 2), fewest=2)
    >>> report.difference.tolist()
    [0.5, 0.5]
    """
    tables = [np.asarray(table, dtype=np.float64) for table in (first, second)]
    if any(table.ndim != 2 for table in tables) or tables[0].shape[1] != tables[1].shape[1]:
        raise UserError("two groups are compared on the same questions: tables (people, questions)")
    means, parts = [], []
    for table in tables:
        answered = ~np.isnan(table)
        count = np.where(answered.sum(0) < max(fewest, 2), np.nan, answered.sum(0))
        mean = np.where(answered, table, 0.0).sum(0) / count
        means.append(mean)
        parts.append((np.where(answered, table - mean, 0.0) ** 2).sum(0) / (count - 1) / count)
    return Differences(difference=means[0] - means[1], error=np.sqrt(parts[0] + parts[1]))


def paired_differences(first: ArrayLike, second: ArrayLike, tags: ArrayLike, *, fewest: int = FEWEST) -> Differences:
    """On which tags one respondent is above another, on the same causes.

    Args:
        first: (N,) scores of causes; each respondent's own mean is taken out.
        second: (N,).
        tags: (N, T) 1 furthers, -1 opposes, 0 neither.
        fewest: causes of a tag, below which it is left out.
    """
    a, b, sign = (np.asarray(table, dtype=np.float64) for table in (first, second, tags))
    apart = ((a - a.mean()) - (b - b.mean()))[:, None] * sign
    touched = sign != 0
    count = np.where(touched.sum(0) < max(fewest, 2), np.nan, touched.sum(0))
    mean = np.where(touched, apart, 0.0).sum(0) / count
    spread = (np.where(touched, apart - mean, 0.0) ** 2).sum(0) / (count - 1)
    return Differences(difference=mean, error=np.sqrt(spread / count))


def fisher(p: ArrayLike) -> float:
    """Fisher's combination of independent p values.

    >>> round(fisher([0.05, 0.05]), 4)
    0.0175
    """
    values = np.clip(np.asarray(p, dtype=np.float64), 1e-300, 1.0)
    return float(chi2.sf(-2.0 * np.log(values).sum(), 2 * len(values)))


def coordinates(scores: ArrayLike, count: int = 2) -> tuple[Floats, Floats]:
    """Where respondents stand to each other.

    Args:
        scores: (M, N) of the same causes.
        count: principal components.

    Returns:
        (M, count) coordinates, the sign of each such that the first respondent is not above 0, and the share (count,) of the
        variance that each shows.
    """
    table = np.asarray(scores, dtype=np.float64)
    table = table - table.mean(1, keepdims=True)
    left, sizes, _ = np.linalg.svd(table - table.mean(0), full_matrices=False)
    total = float((sizes**2).sum())
    placed = (left * sizes)[:, :count]
    return placed * np.where(placed[0] > 0, -1.0, 1.0), (sizes**2)[:count] / max(total, 1e-300)
