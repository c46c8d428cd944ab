"""Many synthetic histories of one distribution at once, as an environment with a new history in every row needs them.

The same numbers as `progressgym.histories.synthetic`, from the same uniform draws in the same order, with less to do:

* a course is linear in its normal numbers, so centuries follow from R vectors, and sizes from R x R products;
* an item with two options is one number, the difference of its two logits;
* where a course moves equally from century to century, its exponentials are powers: one a history and option, not T.

Answers are rounded to the same grid, so the last bits of another order of operations do not show. Legend of shapes as
there, and H histories, J items with two options, I wider ones; wider items have their options before the items, (K, I),
so that sums over options add long rows.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from progressgym.core.dimensions import DIMENSIONS, WORLDVIEWS
from progressgym.core.threads import scratch
from progressgym.histories.families import SHARED, family_of
from progressgym.histories.synthetic import (
    BASE_SPREAD,
    COMMON_BASE,
    DRIFT_SIZE,
    GRID,
    ITEM_SPREAD,
    SyntheticSpec,
)
from progressgym.instruments.questionnaire import Questionnaire

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
D = len(DIMENSIONS)


class Half(NamedTuple):
    """Answers to some items."""

    two: Floats
    """(H, T, J) probability of the first of two options; that of the second is the rest."""
    many: Floats
    """(H, T, K, I) probabilities of the wider items' options, 0 on padding."""


class Answers(NamedTuple):
    """What histories of one distribution answer."""

    evaluation: Half
    """The evaluation items."""
    others: Half
    """All others, those that comparisons are about among them."""


class SyntheticBatch:
    """Makes histories of one distribution."""

    def __init__(self, spec: SyntheticSpec, instrument: Questionnaire) -> None:
        """Prepare what all of them share; see `batches` for what can be made so."""
        self.spec, self._family = spec, family_of(spec.family)
        items, options = instrument.mask.shape
        first = np.zeros(items, dtype=np.bool_)
        first[instrument.evaluation] = True
        halves = np.concatenate([instrument.evaluation, np.flatnonzero(~first)])
        two = instrument.mask[halves].sum(1) == 2
        self.two_items, self.many_items = halves[two], halves[~two]
        """Evaluation items first, then the others."""
        self._cut = int(first[self.two_items].sum()), int(first[self.many_items].sum())
        self._real = instrument.mask[self.many_items].T.astype(np.float64)
        place = np.arange(items * options).reshape(items, options)
        wide = np.where(self._real > 0, place[self.many_items].T, 0).ravel()
        self._all_real, self._counts = bool(self._real.all()), self._real.sum(0)
        self._columns = np.concatenate([place[self.two_items, 1], place[self.two_items, 0], wide])
        loadings = instrument.loadings
        lean = loadings[self.two_items, 0] - loadings[self.two_items, 1]
        self._loadings = np.concatenate([lean, np.swapaxes(loadings[self.many_items], 0, 1).reshape(-1, D)]).T.copy()
        flat = loadings.reshape(-1, D)
        self._square = flat.T @ flat
        self._options = float(instrument.mask.sum())
        self.draws = self._family.draws(spec.centuries)
        """R, normal numbers a coordinate."""
        self._size = items * options
        self._fixed_course: Floats | None = None if self._family.shared else self._course(np.zeros(SHARED))[None]
        self.speed = _speed(self._fixed_course)
        """The step of the only course where it is the same in every century and history; None where it is not."""

    @property
    def evaluation_items(self) -> tuple[Ints, Ints]:
        """Evaluation items with two options and wider ones, as `Answers` has them."""
        return self.two_items[: self._cut[0]], self.many_items[: self._cut[1]]

    @property
    def other_items(self) -> tuple[Ints, Ints]:
        """The others."""
        return self.two_items[self._cut[0] :], self.many_items[self._cut[1] :]

    @property
    def numbers(self) -> int:
        """How many uniform numbers a history takes."""
        return int((1 + self.draws) * (D + self._size) + SHARED)

    def make(self, uniforms: Floats) -> Answers:
        """Answers to the evaluation items and to the others; the next call in this thread overwrites them.

        Args:
            uniforms: (H, numbers) in the order in which `synthetic_history` draws them; overwritten.
        """
        steps = np.cumsum([D, self._size, SHARED, self.draws * D])
        stance, own, shared, course, path = np.split(uniforms, steps, axis=1)
        base = self._base(stance, own)
        courses = self.courses(shared)
        moves = self._moves(course.reshape(-1, self.draws, D), path.reshape(-1, self.draws, self._size), courses)
        return self._answers(base, moves, courses)

    def courses(self, shared: Floats) -> Floats:
        """(1 or H, T, R) what courses are of their normal numbers, from shared numbers (H, SHARED)."""
        if self._fixed_course is not None:
            return self._fixed_course
        return np.stack([self._course(numbers) for numbers in shared])

    def _course(self, shared: Floats) -> Floats:
        """(T, R) what a course is of its normal numbers."""
        return self._family.courses(np.eye(self.draws), shared, self.spec.centuries)

    def _options_of(self, uniforms: Floats, name: str) -> Floats:
        """Uniform numbers (..., N K) -> normal ones (..., M): differences of two options, centred wider options.

        All in one array of scratch memory `name`: second options, then first ones, then wider items.
        """
        count = len(self.two_items)
        normals = scratch(name, (*uniforms.shape[:-1], len(self._columns)))
        _normals(np.take(uniforms, self._columns, axis=-1, mode="clip", out=normals))
        ends = normals[..., count:]
        ends[..., :count] -= normals[..., :count]
        wide = ends[..., count:].reshape(*uniforms.shape[:-1], *self._real.shape)
        if not self._all_real:
            wide *= self._real
        wide -= (wide.sum(-2) / self._counts)[..., None, :]
        if not self._all_real:
            wide *= self._real
        return ends

    def _base(self, stance: Floats, own: Floats) -> Floats:
        """(H, M) base logits."""
        theta = BASE_SPREAD * _normals(stance)
        theta[:, : WORLDVIEWS.start] += COMMON_BASE
        base = self._options_of(own, "base")
        base *= ITEM_SPREAD
        base += theta @ self._loadings
        return base

    def _moves(self, course: Floats, path: Floats, courses: Floats) -> Floats:
        """(H, R, M) what a unit of each course moves the logits by."""
        theta, items = _normals(course), self._options_of(path, "path")
        count = len(self.two_items)
        two, many = items[..., :count], items[..., count:]
        # The squares of two centred options are half the square of their difference.
        own = 0.5 * two @ np.swapaxes(two, 1, 2) + many @ np.swapaxes(many, 1, 2)
        common = self._at_once(theta, self._square) @ np.swapaxes(theta, 1, 2)
        size = DRIFT_SIZE * self.spec.amplitude
        items *= size * math.sqrt(1.0 - self.spec.coherence) / self._largest(own, courses)
        theta *= size * math.sqrt(self.spec.coherence) / self._largest(common, courses)
        items += self._at_once(theta, self._loadings)
        return items

    def _at_once(self, stack: Floats, table: Floats) -> Floats:
        """A stack (H, R, C) times one table: as one matrix, numpy would multiply one after the other."""
        product = stack.reshape(-1, stack.shape[-1]) @ table
        return product.reshape(*stack.shape[:-1], -1)

    def _largest(self, products: Floats, courses: Floats) -> Floats:
        """(H, 1, 1) root mean square over options in the century where it is largest, 1 where nothing moves.

        Args:
            products: (H, R, R) scalar products of what the courses move.
            courses: (1 or H, T, R).
        """
        squares = ((courses @ products) * courses).sum(-1)
        size = np.sqrt(squares.max(-1) / self._options)
        return np.where(size > 0, size, 1.0)[:, None, None]

    def _answers(self, base: Floats, moves: Floats, courses: Floats) -> Answers:
        """Softmax over each item's options, on the grid."""
        count, centuries = len(self.two_items), self.spec.centuries
        signs = np.ones(base.shape[1])
        signs[:count] = -1.0  # of two options the second's odds against the first
        odds = base * signs
        np.exp(odds, out=odds)
        odds[:, count:] *= self._real.ravel()
        factor = None if self.speed is None else np.exp(moves[:, 0] * (self.speed * signs))
        cut_two, cut_many = self._cut
        shape = len(base), centuries
        parts = [
            Half(scratch(f"{name} two", (*shape, j)), scratch(f"{name} many", (*shape, len(self._real), i)))
            for name, j, i in (
                ("evaluation", cut_two, cut_many),
                ("others", count - cut_two, len(self.many_items) - cut_many),
            )
        ]
        now = odds
        for t in range(centuries):
            if t and factor is not None:
                now = np.multiply(now, factor, out=now)
            elif t:
                now = odds * np.exp(signs * (courses[:, t, None] @ moves)[:, 0])
            two = now[:, :count] + 1.0
            np.divide(GRID, two, out=two)
            wide = now[:, count:].reshape(len(base), *self._real.shape)
            many = wide * (GRID / wide.sum(1))[:, None]
            for answers in (two, many):
                np.rint(answers, out=answers)
                answers *= 1.0 / GRID
            for part, j, i in zip(parts, (slice(cut_two), slice(cut_two, None)), (slice(cut_many), slice(cut_many, None)), strict=True):  # fmt: skip
                part.two[:, t], part.many[:, t] = two[:, j], many[..., i]
        return Answers(*parts)


def batches(spec: SyntheticSpec, instrument: Questionnaire) -> bool:
    """Whether `SyntheticBatch` makes these histories: no noise, no mixture of groups, a course that is linear."""
    apart = not np.isin(instrument.elicitation, instrument.evaluation).any()
    family = family_of(spec.family)
    plain = family.linear and family.own is None and family.base is None
    return spec.noise == 0.0 and spec.family != "plural" and plain and apart


def _normals(uniforms: Floats) -> Floats:
    """As `synthetic_history` makes them; overwrites the uniform numbers."""
    uniforms += 2.0**-54
    numbers: Floats = ndtri(uniforms, out=uniforms)
    return numbers


def _speed(courses: Floats | None) -> float | None:
    """The step of the only course, the same in every century and history; None where it is not."""
    if courses is None or courses.shape[2] > 1:
        return None
    steps = np.diff(courses[0, :, 0])
    return float(steps[0]) if np.allclose(steps, steps[0], rtol=1e-12, atol=0.0) else None
