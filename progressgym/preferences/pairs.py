"""Pairs: which of two things is preferred, the one form of preference data.

What is compared stands there as numbers: the loadings of two options, the vectors of two texts, the features of two courses
of action. Other forms are views of pairs:

| view | for | made by |
|---|---|---|
| `Comparisons` | what an environment shows: item, option, option and a label | `Comparisons.as_pairs` |
| rows of TRL | trainers of others, files | `progressgym.preferences.export.preference_rows`, back by `pairs_of_rows` |
| contrasts | training a language model on what a reading sees | `LanguageModelPolicy.rows` |

On its way into a language model a pair changes its form twice: into a contrast, its words, and into token ids.

Legend of shapes: n pairs, d features, c of their context.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from progressgym.core.errors import UserError

if TYPE_CHECKING:
    from progressgym.instruments.questionnaire import Questionnaire

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(kw_only=True, frozen=True, eq=False)
class Pairs:
    """Labelled pairs; `Pairs.of` fills in what is not known of them."""

    left: Floats
    """(n, d)."""
    right: Floats
    """(n, d)."""
    target: Floats
    """(n,) in [0, 1]: probability that left is preferred."""
    weight: Floats
    """(n,) share in a loss, 0 or more; 0 where nobody was asked."""
    group: Ints
    """(n,) what belongs together: the item of two options, the person who was asked."""
    context: Floats
    """(n, c) features of the circumstances; c may be 0."""
    options: Ints
    """(n, 2) numbers of the two within their group."""

    @classmethod
    def of(
        cls,
        left: ArrayLike,
        right: ArrayLike,
        target: ArrayLike = 1.0,
        weight: ArrayLike = 1.0,
        *,
        group: ArrayLike = 0,
        context: ArrayLike | None = None,
        options: ArrayLike = (0, 1),
    ) -> Pairs:
        """Pairs with numbers that are the same for all given once.

        Raises:
            UserError: arrays that do not fit, a pair of a thing with itself, features that are not finite, a target or weight out of its range.
        """
        try:
            a, b = (np.atleast_2d(np.asarray(side, dtype=np.float64)) for side in (left, right))
        except (TypeError, ValueError):
            raise UserError("the two sides of pairs are tables of numbers, as many in every row") from None
        if a.ndim != 2 or a.shape != b.shape:
            raise UserError(f"the two sides of pairs have shapes {a.shape} and {b.shape}; both are (n, d)")
        n = len(a)
        try:
            y, u = (np.broadcast_to(np.asarray(given, dtype=np.float64), (n,)) for given in (target, weight))
            groups = np.broadcast_to(np.asarray(group, dtype=np.int64), (n,))
            sides = np.broadcast_to(np.asarray(options, dtype=np.int64), (n, 2))
            around = np.zeros((n, 0)) if context is None else np.asarray(context, dtype=np.float64).reshape(n, -1)
        except (TypeError, ValueError) as error:
            raise UserError(f"{n} pairs do not fit what is said of them: {error}") from None
        for q in np.flatnonzero(sides[:, 0] == sides[:, 1])[:1]:
            raise UserError(f"pair {q} compares option {sides[q, 0]} of group {groups[q]} with itself")
        if not np.isfinite(a).all() or not np.isfinite(b).all() or not np.isfinite(around).all():
            raise UserError("a feature of a pair is NaN or infinite")
        if not np.isfinite(u).all() or (u < 0).any():
            raise UserError("a pair has a weight that is no finite number from 0 on")
        if not ((y[u > 0] >= 0) & (y[u > 0] <= 1)).all():
            raise UserError("a pair has a target outside of [0, 1]; it is the probability that left is preferred")
        return cls(left=a, right=b, target=y, weight=u, group=groups, context=around, options=sides)

    @classmethod
    def of_options(
        cls, instrument: Questionnaire, triples: Ints, target: ArrayLike, weight: ArrayLike | None = None
    ) -> Pairs:
        """Pairs of options of a questionnaire, by their loadings; the item is the group.

        Args:
            instrument: whose items.
            triples: (n, 3) item, option on the left, option on the right.
            target: (n,); what is no probability was not asked and gets the weight 0.
            weight: (n,); 1 by default.
        """
        y = np.asarray(target, dtype=np.float64)
        asked = (y >= 0) & (y <= 1)
        u = np.where(asked, 1.0 if weight is None else np.asarray(weight, dtype=np.float64), 0.0)
        item, a, b = triples.T
        return cls.of(
            instrument.loadings[item, a], instrument.loadings[item, b], y, u, group=item, options=triples[:, 1:]
        )

    def __len__(self) -> int:
        return len(self.target)

    def __getitem__(self, rows: ArrayLike | slice) -> Pairs:
        """Some of the pairs: a slice, indices or a boolean selection."""
        chosen = rows if isinstance(rows, slice) else np.asarray(rows)
        return Pairs(**{part.name: getattr(self, part.name)[chosen] for part in fields(self)})

    @property
    def difference(self) -> Floats:
        """(n, d) left - right."""
        difference: Floats = self.left - self.right
        return difference

    @property
    def triples(self) -> Ints:
        """(n, 3) group and the two options: item, option a, option b of a questionnaire."""
        return np.column_stack([self.group, self.options])

    @property
    def swapped(self) -> Pairs:
        """The same preferences, told from the other side."""
        return Pairs(
            left=self.right,
            right=self.left,
            target=1.0 - self.target,
            weight=self.weight,
            group=self.group,
            context=self.context,
            options=self.options[:, ::-1],
        )
