"""Loadings: how far each option upholds (+) or violates (-) each dimension; and the value vector made of them.

    v_d(p) = sum_i sum_k p[i,k] L[i,k,d] / sum_i m_id,     m_id = max_k L[i,k,d]

1 always upholds d, 0 is indifferent. Tags of -1, 0, 1 are centred over an item's real options, so that uniform answers
give 0 whatever the tags are; options tagged alike for a dimension say nothing about it.

Legend of shapes: N items, K options of the widest item, D = 19 dimensions, S items of a subset.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from progressgym.core.answers import Bools, Floats
from progressgym.core.dimensions import DIMENSIONS, index_of
from progressgym.core.errors import UserError
from progressgym.instruments.item import Item
from progressgym.instruments.protocol import Question

Ints = NDArray[np.int64]
TINY = 1e-12
"""Below this a sum of strengths is no coverage but rounding."""


def item_index(items: ArrayLike | None, count: int) -> Ints:
    """Indices of a subset of `count` items: None is all, a boolean (count,) array is a selection.

    Raises:
        UserError: not integers, or outside of the instrument.

    >>> item_index([True, False, True], 3)
    array([0, 2])
    """
    if items is None:
        return np.arange(count, dtype=np.int64)
    array = np.asarray(items)
    if array.dtype == np.bool_ and array.shape == (count,):
        return np.flatnonzero(array).astype(np.int64)
    if array.ndim != 1 or (array.size and not np.issubdtype(array.dtype, np.integer)):
        raise UserError(f"items must be a flat array of item indices, got {array.dtype} of shape {array.shape}")
    if array.size and (array.min() < 0 or array.max() >= count):
        raise UserError(f"items must lie between 0 and {count - 1}")
    return array.astype(np.int64)


def option_mask(items: Sequence[Item] | Sequence[Question]) -> Bools:
    """(N, K), True on real options."""
    counts = np.array([len(item.options) for item in items])
    mask: Bools = np.arange(counts.max())[None, :] < counts[:, None]
    return mask


def loading_tensor(items: Sequence[Item]) -> Floats:
    """Centred loadings (N, K, D) of the items' tags; padded options 0.

    >>> item = Item(id="x", main="pain", text="t", options=("I go.", "I stay."), tags=({"pain": 1}, {"law": -1}))
    >>> loadings = loading_tensor([item])
    >>> loadings[0, :, index_of("pain")], loadings[0, :, index_of("law")]
    (array([ 0.5, -0.5]), array([ 0.5, -0.5]))
    """
    mask = option_mask(items)
    tags_NKD = np.zeros((*mask.shape, len(DIMENSIONS)))
    for i, item in enumerate(items):
        for k, tags in enumerate(item.tags):
            for dimension, tag in tags.items():
                tags_NKD[i, k, index_of(dimension)] = tag
    mean_ND = tags_NKD.sum(1) / mask.sum(1)[:, None]
    loadings: Floats = np.where(mask[:, :, None], tags_NKD - mean_ND[:, None, :], 0.0)
    return loadings


def strengths(loadings: Floats) -> Floats:
    """m_id = max_k L[i,k,d], the most that an item can say for a dimension: (N, K, D) -> (N, D), never negative."""
    most: Floats = loadings.max(1)
    return most


def value_weights(loadings: Floats) -> Floats:
    """Loadings over the summed strengths: values are answers times these, (S, K, D); 0 where nothing is measured."""
    total_D = strengths(loadings).sum(0)
    covered = total_D > TINY
    weights: Floats = np.where(covered, loadings / np.where(covered, total_D, 1.0), 0.0)
    return weights


def weighted_values(answers: Floats, weights: Floats) -> Floats:
    """One matrix product: answers (..., S, K) and weights (S, K, D) -> values (..., D)."""
    flat = answers.reshape(*answers.shape[:-2], -1)
    values: Floats = flat @ weights.reshape(-1, weights.shape[-1])
    return values


def standard_errors(answers: Floats, loadings: Floats) -> Floats:
    """Standard error of the value vector over items that measure a dimension (ratio estimator).

        SE_d = sqrt(n/(n-1) sum_i (x_id - v_d m_id)^2) / sum_i m_id,     x_id = sum_k p[i,k] L[i,k,d]

    Args:
        answers: (..., S, K).
        loadings: (S, K, D).

    Returns:
        (..., D); 0 where no item measures the dimension, infinite where only one does.
    """
    most_SD = strengths(loadings)
    measured_SD = most_SD > TINY
    total_D, n_D = most_SD.sum(0), measured_SD.sum(0)
    x = np.einsum("...sk,skd->...sd", answers, loadings)
    values = weighted_values(answers, value_weights(loadings))
    squares = np.where(measured_SD, (x - values[..., None, :] * most_SD) ** 2, 0.0).sum(-2)
    several = n_D > 1
    spread = np.sqrt(np.where(several, n_D / np.where(several, n_D - 1, 1), 1.0) * squares)
    errors: Floats = np.where(several, spread / np.where(several, total_D, 1.0), np.where(n_D == 1, np.inf, 0.0))
    return errors
