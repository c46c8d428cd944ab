"""Comparisons: which of two options of an item a human prefers, asked again every century.

The list of all option pairs of the elicitation items is fixed by the instrument. `queries="all"` asks all of them each
century; `queries=Q` asks the same Q pairs every century, spread evenly over the main dimensions. All randomness comes
in as uniform numbers drawn beforehand, so that every agent faces the same questions and the same labels.

Legend of shapes: N items, K options, P all pairs, Q asked pairs, T centuries.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from progressgym.core.errors import UserError, unknown
from progressgym.instruments.questionnaire import Questionnaire
from progressgym.preferences.pairs import Pairs

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
LABELS = ("probability", "sample", "argmax", "temperature", "annotators")
"""Kinds of labels:

    probability   the probability itself
    sample        0 or 1, one vote of a fresh annotator each step
    argmax        1 where a is the likelier of the two, 0 where b is, 1/2 where they are tied
    temperature   the probability of a choice at temperature `TEMPERATURE`: sharper than it is
    annotators    0 or 1, one vote of an annotator who is the same in every step
"""
DRAWN = ("sample", "annotators")
"""Kinds that take random numbers."""
VOTES = ("sample", "argmax", "annotators")
"""Kinds that are 0 or 1 and not probabilities."""
TEMPERATURE = 0.25
TIE = 1e-6
"""Options whose probabilities differ by less are tied, on every back end."""
CLIP = 1e-4
"""Preference probabilities are clipped to [1e-4, 1 - 1e-4]."""
MISSING = -1.0
"""Label of a comparison that was not asked in a step; no probability, so that nobody takes it for one."""
WORLDVIEW_WEIGHT = 4.0
"""A worldview item speaks of four dimensions at once and gets four dimensions' share of the questions."""
RNG_SCHEME = "uniforms-v1"
"""The order in which an episode draws from `random`: the history (if it is a distribution), then P numbers that rank
the pairs, (T-1, Q) that sample the labels shown, Q that sample century 0's labels. All are always drawn. Annotators who
stay the same keep the last Q in all steps."""
SHORT_SCHEME = "uniforms-v2"
"""The same with numbers of 16 bits behind labels, four a draw: a third of the time. The history, P numbers that rank the
pairs unless all are asked, then T Q numbers (k + 1/2) / 2**16, century 0's first, of the fewest 64-bit draws that hold
them, lowest bits first. So a vote is 1 with its probability rounded to a multiple of 2**-16."""
RNG_SCHEMES = (RNG_SCHEME, SHORT_SCHEME)
"""What `rng_scheme` can be; ids, the bench and boards use the first."""


@dataclass(kw_only=True, frozen=True, eq=False)
class Comparisons:
    """Labelled comparisons of one century."""

    pairs: Ints
    """(Q, 3): item, option a, option b."""
    labels: NDArray[np.float32]
    """(Q,) in [0, 1]: the probability that a is preferred, or a vote, see `LABELS`; `MISSING` where it was not asked."""

    def as_pairs(self, instrument: Questionnaire) -> Pairs:
        """The same by the loadings of the options, with weight 0 where nothing was asked."""
        return Pairs.of_options(instrument, self.pairs, self.labels)


def all_pairs(instrument: Questionnaire, items: ArrayLike | None = None) -> Ints:
    """Every pair of options of the given items, in the instrument's order.

    Args:
        instrument: whose items.
        items: indices; the elicitation items when None.

    Returns:
        (P, 3): item, option a, option b with a < b.
    """
    chosen = instrument.elicitation if items is None else np.asarray(items, dtype=np.int64)
    rows = [(i, a, b) for i in chosen.tolist() for a, b in combinations(range(int(instrument.option_counts[i])), 2)]
    return np.array(rows, dtype=np.int64).reshape(-1, 3)


def parse_queries(queries: str | int, available: int) -> int | None:
    """Check the `queries` argument: None for all, else how many.

    Raises:
        UserError: neither "all" nor a number from 1 to the number of pairs.
    """
    if queries == "all":
        return None
    if isinstance(queries, bool) or not isinstance(queries, int) or not 1 <= queries <= available:
        raise UserError(f"queries is {queries!r}; use 'all' or a whole number from 1 to {available}")
    return queries


def check_labels(labels: str) -> str:
    """Check the `labels` argument."""
    if labels not in LABELS:
        raise unknown("kind of labels", str(labels), LABELS)
    return labels


def short_words(numbers: int) -> int:
    """How many 64-bit draws hold as many numbers of 16 bits."""
    return -(-numbers // 4)


def short_draws(rng: np.random.Generator, numbers: int) -> NDArray[np.uint16]:
    """Whole numbers below 2**16, equally likely, as `SHORT_SCHEME` draws them; PCG64 takes a step for four."""
    return short_numbers(rng.bit_generator.random_raw(short_words(numbers)), numbers)


def short_numbers(words: NDArray[np.uint64], numbers: int) -> NDArray[np.uint16]:
    """The first numbers (..., numbers) of 16 bits in 64-bit words (..., W), lowest bits first."""
    return words.astype("<u8", copy=False).view("<u2")[..., :numbers]


def short_bounds(preferred: Floats) -> NDArray[np.uint16]:
    """What a number of `short_draws` must be below: k < bound exactly where (k + 1/2) / 2**16 < probability."""
    return np.ceil(preferred * 2.0**16 - 0.5).astype(np.uint16)


class PairChooser:
    """Chooses which pairs are asked; everything that does not depend on chance is computed once."""

    def __init__(self, instrument: Questionnaire, queries: str | int = "all") -> None:
        """Prepare for one instrument.

        Args:
            instrument: its elicitation items are asked.
            queries: "all" or how many of the pairs.
        """
        self.pairs = all_pairs(instrument)
        """(P, 3) all pairs."""
        self._count = parse_queries(queries, len(self.pairs))
        mains = [instrument.items[i].main for i in self.pairs[:, 0].tolist()]
        names = sorted(set(mains))
        self._stratum = np.array([names.index(main) for main in mains])
        self._weight = np.array([WORLDVIEW_WEIGHT if main == "worldview" else 1.0 for main in mains])

    @property
    def queries(self) -> int:
        """Q, how many pairs are asked."""
        return len(self.pairs) if self._count is None else self._count

    def choose(self, uniform: Floats) -> Ints:
        """Indices of the asked pairs, sorted.

        The pairs are ranked by `uniform` within the main dimension of their items; the questions go round the
        dimensions, four times as often to the worldviews. More queries ask a superset of fewer.

        Args:
            uniform: (P,) numbers in [0, 1).
        """
        if self._count is None:
            return np.arange(len(self.pairs))
        order = np.argsort(uniform, kind="stable")
        rank = np.empty(len(order))
        for stratum in range(int(self._stratum.max()) + 1):
            members = order[self._stratum[order] == stratum]
            rank[members] = np.arange(1, len(members) + 1)
        turn = np.ceil(rank / self._weight)
        return np.sort(np.lexsort((uniform, turn))[: self._count])


def probabilities(answers: ArrayLike, pairs: Ints) -> Floats:
    """P(a over b) = p_a / (p_a + p_b), clipped to [1e-4, 1 - 1e-4]; 1/2 where neither is ever chosen, NaN as it is.

    Args:
        answers: (..., N, K).
        pairs: (Q, 3).

    Returns:
        (..., Q).
    """
    p = np.asarray(answers, dtype=np.float64)
    first, second = p[..., pairs[:, 0], pairs[:, 1]], p[..., pairs[:, 0], pairs[:, 2]]
    total = first + second
    ratio = np.where(total <= 0, 0.5, first / np.where(total <= 0, 1.0, total))
    clipped: Floats = np.clip(ratio, CLIP, 1.0 - CLIP)
    return clipped


def draw_labels(preferred: Floats, labels: str, uniform: Floats) -> NDArray[np.float32]:
    """The labels shown.

    An annotator of `annotators` prefers a while its probability lies above a number that is the annotator's own: the same
    uniform numbers in every step, so that a vote changes only where the probability crosses it.

    Args:
        preferred: (..., Q) probabilities that a is preferred.
        labels: one of `LABELS`.
        uniform: (..., Q) numbers in [0, 1); used for the kinds in `DRAWN` only.
    """
    outcome = uniform < preferred if labels in DRAWN else stated(preferred, labels)
    return outcome.astype(np.float32)


def stated(preferred: Any, labels: str) -> Any:
    """Labels of a kind that takes no random numbers, from probabilities: an array of either back end.

    >>> stated(np.array([0.2, 0.5, 0.6]), "argmax").tolist()
    [0.0, 0.5, 1.0]
    >>> stated(np.array([0.5, 0.6]), "temperature").round(3).tolist()  # odds of 1.5 become 1.5 ** 4
    [0.5, 0.835]
    """
    if labels == "argmax":
        return 0.5 * ((preferred > 0.5 - TIE) * 1.0 + (preferred > 0.5 + TIE) * 1.0)
    if labels == "temperature":
        first, second = preferred ** (1.0 / TEMPERATURE), (1.0 - preferred) ** (1.0 / TEMPERATURE)
        return (first / (first + second)).clip(CLIP, 1.0 - CLIP)
    return preferred


def draw_asked(preferred: Floats, labels: str, uniform: Floats) -> NDArray[np.float32]:
    """As `draw_labels`, with `MISSING` where `preferred` is NaN because nothing was asked."""
    drawn = draw_labels(preferred, labels, uniform)
    drawn[np.isnan(preferred)] = MISSING
    return drawn
